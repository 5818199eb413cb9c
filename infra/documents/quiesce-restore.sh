# @description Active's part of a restore: arm a timer, stop the groups; enter-restore-mode takes the node down before it fires
# @guarded
# @param Self name
# @param Peer name
# @param Groups names
# @param Disks names
# @param StopSeconds seconds
# @param StartSeconds seconds
# @param MaxOutageSeconds seconds
#
# Starts unit `active` of section.sh (which must not be shortened). Answers once the groups are offline, or online again. If no
# shutdown follows (AWS, the network or the restore is gone), the timer starts the groups at MaxOutageSeconds less one start.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=quiesce-restore
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
DISKS='{{ Disks }}'
STOP='{{ StopSeconds }}'
BREAK=0
BATON=0
MONITORS=
PARTITIONS=
KNAMES=
START='{{ StartSeconds }}'
TMAX='{{ MaxOutageSeconds }}'
#include lib/guard.sh
#include lib/unit.sh
#include lib/records.sh
ROLE=active
ABOUT='stops the groups for a restore'
THEN='down'
CONSISTENCY=stopped
PAUSED=
guard
# Time must be left between the stop and the start, to order the shutdown.
[ "$TMAX" -gt $((STOP + START)) ] || finish invalid ',"reason":"deadlines"'
unfinished
[ -z "$UNFINISHED" ] || refuse other_run ",\"other\":\"${UNFINISHED%% *}\""
alert 'the failover groups are about to be stopped'
OUTAGE=yes
#include lib/active.sh
exec 8>&-
# `done` comes last: a unit that failed to stop the groups has written `void` before it.
TRIES=$(((TMAX + 60) * 10))
await refused stopped 'done' || finish failed ',"reason":"unit"'
case $FOUND in
refused) refuse state ',"detail":"active"' ;;
done) finish failed ',"reason":"stop"' ;;
esac
finish ok
