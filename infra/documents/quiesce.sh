# @description Active's part of a backup: arm a timer, stop the groups or freeze their file systems, seal the break, undo it
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
# @param Consistency consistency
# @param Devices paths
# @param MaxPauseSeconds pause
# @param HookSeconds hook
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
CONSISTENCY='{{ Consistency }}'
DEVICES='{{ Devices }}'
PAUSE='{{ MaxPauseSeconds }}'
HOOK_SECONDS='{{ HookSeconds }}'
#include lib/guard.sh
#include lib/partitions.sh
#include lib/hooks.sh
#include lib/mounts.sh
#include lib/unit.sh
#include lib/records.sh
ROLE=active
ABOUT='stops the groups, and starts them once the mirrors are broken'
THEN='break'
MOUNTS='' PAUSED='DEVICES MOUNTS PAUSE HOOK_SECONDS'
guard
NOTICE='the failover groups are about to be stopped'
# A hook that others may write is nobody's whom we would obey as root.
for each in before after; do
    [ ! -e "$HOOKS/$each" ] || hook_found "$each" || refuse hook ",\"detail\":\"$each\""
done
HOOKED=0
[ ! -e "$HOOKS/before" ] || HOOKED=$HOOK_SECONDS
if [ "$CONSISTENCY" = frozen ]; then
    NOTICE='the file systems of the mirror disks are about to be frozen'
    ABOUT='freezes the file systems, and thaws them once the mirrors are broken'
    find_mounts || refuse mounts ",\"detail\":\"$WHY\",\"device\":\"$each\""
    # What the groups' absence is otherwise is the pause: it begins once the hook has run and what is dirty is written, STOP seconds after
    # the timer was armed, and the timer thaws 3 s before its longest length is over: if it is killed once, it is back in time.
    STOP=$((8 + HOOKED))
    START=3
    TMAX=$((STOP + PAUSE))
    # A unit that is told to end thaws first, and cannot before the kernel has completed its freeze (section/freeze.sh). systemd's default.
    LINGER=90
fi
# The hook's time is a part of Ts: the timer, which bounds the outage, is armed before it. Something must be left for the stop.
[ "$STOP" -gt "$HOOKED" ] || refuse hook ',"detail":"hook_seconds"'
# The timer fires at Tmax less one start, which must not be before the active's own deadlines.
[ "$TMAX" -ge $((STOP + BATON + BREAK + START)) ] || finish invalid ',"reason":"deadlines"'
unfinished
[ -z "$UNFINISHED" ] || refuse other_run ",\"other\":\"${UNFINISHED%% *}\""
# What the outage needs must be readable now.
if ! kernel_names || ! counts || ! fingerprints; then
    refuse partitions
fi
alert "$NOTICE"
OUTAGE=yes
#include lib/active.sh
# From here on the unit acts by itself, and a fence may take the lock.
exec 8>&-
await refused armed || finish failed ',"reason":"unit"'
finish ok ",\"found\":\"$FOUND\""
