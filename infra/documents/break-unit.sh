# @description Standby's part of a backup: wait until the groups are offline, then break every mirror once
# @guarded
# @param Self name
# @param Peer name
# @param Groups names
# @param Disks names
# @param Monitors names
# @param Partitions paths
# @param WaitSeconds seconds
# @param SpanSeconds seconds
# @param ActiveWithinSeconds seconds
# @param StopSeconds seconds
# @param BatonSeconds seconds
# @param Consistency consistency
#
# S1 of the critical section (section.sh, which must not be shortened). Answers `ok` once the unit waits. Only then may the active's
# document be sent.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=break-unit
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
DISKS='{{ Disks }}'
MONITORS='{{ Monitors }}'
PARTITIONS='{{ Partitions }}'
WAIT='{{ WaitSeconds }}'
SPAN='{{ SpanSeconds }}'
ACTIVE_WITHIN='{{ ActiveWithinSeconds }}'
STOP='{{ StopSeconds }}'
BATON='{{ BatonSeconds }}'
CONSISTENCY='{{ Consistency }}'
#include lib/guard.sh
#include lib/cluster.sh
#include lib/monitors.sh
#include lib/partitions.sh
#include lib/later.sh
#include lib/unit.sh
ROLE='break'
ABOUT='breaks the mirrors once the active is quiet'
guard
# The wait must last until the active has raised the baton, even if the active starts as late as it may.
[ "$WAIT" -ge $((ACTIVE_WITHIN + STOP + BATON + 5)) ] || finish invalid ',"reason":"deadlines"'
# Whether a table cannot be read, or does not show our own suspension yet. What is shown and wrong is refused at once.
unsettled() {
    see groups monitors mirrors
    [ "$READ" = no ] || [ "$SELF_UP/$PEER_UP/$WHERE/$FOREIGN" = Online/Online/peer/ ] || return 1
    case $OWN/$OTHERS in *MIXED*) return 0 ;; GREEN/GREEN) ;; *) return 1 ;; esac
    case $MINE/$THEIRS in
    unreadable/* | */unreadable) return 0 ;;
    online/online | mixed/online) return 0 ;;
    esac
    [ "$READ" = no ]
}

while unsettled; do
    later || break
done
if ! kernel_names || ! counts; then
    refuse partitions
fi
if [ "$SELF_UP/$PEER_UP/$WHERE/$FOREIGN" != Online/Online/peer/ ]; then
    show_cluster
    refuse state ',"detail":"groups"'
elif [ "$OWN/$OTHERS" != GREEN/GREEN ]; then
    show_cluster
    refuse state ',"detail":"mirror"'
elif [ "$MINE/$THEIRS" != suspended/online ]; then
    # Ours are suspended by this backup. One of the active's is somebody else's: he is at work.
    section clpstat-monitors 0 "$TABLE"
    refuse monitors ",\"detail\":\"$MINE here, $THEIRS on the active\""
fi
cat >"$RUN_DIR/break.sh" <<'MIRRORSNAP_END' || finish failed ',"reason":"disk"'
#include lib/base.sh
#include lib/epoch.sh
#include lib/cluster.sh
#include lib/monitors.sh
#include lib/partitions.sh
#include section.sh
MIRRORSNAP_END
write_params RUN EPOCH SELF PEER FAILOVER_GROUPS DISKS MONITORS KNAMES WAIT SPAN CONSISTENCY || finish failed ',"reason":"disk"'
put "$RUN_DIR/epoch" "$EPOCH" || finish failed ',"reason":"disk"'
# shellcheck disable=SC2086
set -- $DISKS
start_unit $((WAIT + SPAN * $# + 10)) || finish failed ',"reason":"systemd_run"'
await waiting || finish failed ',"reason":"unit"'
finish ok
