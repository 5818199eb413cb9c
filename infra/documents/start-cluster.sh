# @description Start the cluster service of this node, which does not start by itself after a hard stop
# @guarded
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=start-cluster
#include lib/guard.sh
#include lib/acting.sh
guard
cat >"$MARKER/act.sh" <<'MIRRORSNAP_ACT' || finish failed ',"reason":"disk"'
#include lib/base.sh
#include lib/act-cluster.sh
MIRRORSNAP_ACT
# belief: clp-start-forks, clp-hard-stop
# KillMode=process: the daemons that clpcl may start itself outlive the unit.
act 840 -p KillMode=process
read -r RC <"$MARKER/ended" || RC=1
[ "$RC" -eq 0 ] || finish failed ',"reason":"command"'
finish ok
