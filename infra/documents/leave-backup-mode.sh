# @description Standby: end backup mode, services to automatic, reboot (clpbackup.sh --post), detached
# @guarded
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=leave-backup-mode
#include lib/guard.sh
#include lib/detached.sh
guard
EVIDENCE=no
detach 900 clpbackup.sh --post
