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
#include lib/later.sh
#include lib/detached.sh
guard
# Whether a table cannot be read, or does not show the groups' start yet. What is shown and wrong is refused at once.
unsettled() {
    see groups monitors mirrors
    case $READ/$WHERE in yes/self | yes/online) return 1 ;; esac
    case $OWN/$OTHERS in *MIXED* | RED/GREEN) ;; *) return 1 ;; esac
    case $MINE/$THEIRS in *unreadable*) return 0 ;; suspended/suspended) ;; *) return 1 ;; esac
    case $READ/$WHERE/$OWN/$OTHERS in no/* | yes/offline/* | *MIXED*) return 0 ;; esac
    return 1
}

while unsettled; do
    later || break
done
detail=
[ "$SELF_UP/$PEER_UP/$WHERE/$FOREIGN" = Online/Online/peer/ ] || detail=groups
[ "$OWN/$OTHERS" = RED/GREEN ] || detail=mirror
section clpstat-monitors 0 "$TABLE"
[ "$MINE/$THEIRS" = suspended/suspended ] || detail=monitors
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
