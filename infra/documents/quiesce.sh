# @description Active's part of a backup: arm a timer, stop the groups, seal the break, start the groups
# @guarded
# @param Self name
# @param Peer name
# @param Groups names
# @param Disks names
# @param Monitors names
# @param Partitions paths
# @param StopSeconds seconds
# @param BatonSeconds seconds
# @param BreakSeconds seconds
# @param StartSeconds seconds
# @param MaxOutageSeconds seconds
#
# Starts unit `active`, which does A1 to A5 of the critical section (section.sh, which must not be shortened). The answer says only
# that the unit runs. Its outcome is in the records.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=quiesce
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
DISKS='{{ Disks }}'
MONITORS='{{ Monitors }}'
PARTITIONS='{{ Partitions }}'
STOP='{{ StopSeconds }}'
BATON='{{ BatonSeconds }}'
BREAK='{{ BreakSeconds }}'
START='{{ StartSeconds }}'
TMAX='{{ MaxOutageSeconds }}'
#include lib/guard.sh
#include lib/partitions.sh
#include lib/unit.sh
#include lib/records.sh
ROLE=active
ABOUT='stops the groups, and starts them once the mirrors are broken'
THEN='break'
guard
# The timer fires at Tmax less one start, which must not be before the active's own deadlines.
[ "$TMAX" -ge $((STOP + BATON + BREAK + START)) ] || finish invalid ',"reason":"deadlines"'
unfinished
[ -z "$UNFINISHED" ] || refuse other_run ",\"other\":\"${UNFINISHED%% *}\""
# What the outage needs must be readable now.
if ! kernel_names || ! counts || ! fingerprints; then
    refuse partitions
fi
alert 'the failover groups are about to be stopped'
OUTAGE=yes
#include lib/active.sh
# From here on the unit acts by itself, and a fence may take the lock.
exec 8>&-
await refused armed || finish failed ',"reason":"unit"'
finish ok ",\"found\":\"$FOUND\""
