# @description Standby: backup mode, services to manual, shutdown (clpbackup.sh --pre), detached
# @guarded
# @param Self name
# @param Peer name
# @param Groups names
# @param Disks names
# @param Monitors names
#
# Checks again just before `--pre` (safety.md, rule 3): this side still has the frozen image, nothing will overwrite it, and the
# shutdown stops no group.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=enter-backup-mode
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
DISKS='{{ Disks }}'
MONITORS='{{ Monitors }}'
#include lib/guard.sh
#include lib/cluster.sh
#include lib/monitors.sh
#include lib/partitions.sh
#include lib/detached.sh
guard
look
colours
detail=
[ "$SELF_UP/$PEER_UP/$WHERE/$FOREIGN" = Online/Online/peer/ ] || detail=groups
[ "$OWN/$OTHERS" = RED/GREEN ] || detail=mirror
monitors_suspended || detail=monitors
# The unit `break` left the counts of writes, as `xvdb2=1234 …`.
KNAMES='' frozen=''
[ ! -e "$RUN_DIR/frozen" ] || read -r frozen <"$RUN_DIR/frozen" || :
for each in $frozen; do
    KNAMES="$KNAMES${KNAMES:+ }${each%%=*}"
done
counts && [ "$WRITES" = "$frozen" ] || detail=writes
show_cluster
[ -z "$detail" ] || refuse state ",\"detail\":\"$detail\""
detach 900 clpbackup.sh --pre
