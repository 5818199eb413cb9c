# @description Cluster services start at boot again (clpsvcctrl.sh --enable -a), then, if wanted, a reboot, detached
# @guarded
# @param Reboot yesno
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=enable-services
REBOOT='{{ Reboot }}'
#include lib/guard.sh
#include lib/detached.sh
#include lib/left-off.sh
guard
# belief: clp-enable
order clpsvcctrl clpsvcctrl.sh --enable -a || finish failed ',"reason":"command"'
leave_off
[ "$REBOOT" = yes ] || finish ok
EVIDENCE=no
detach 60 reboot
