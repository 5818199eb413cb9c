# The critical section of a backup: what runs on the nodes while the failover groups are down.
#
# DO NOT SHORTEN OR "SIMPLIFY" THIS FILE. The outage's bound and the backup's validity rest on the order of these lines. The
# argument is in docs/safety.md, "The critical section of a backup". tests/interleaving steps this very text through its
# interleavings, and has mutants of the lines that look redundant. In short:
# - No AWS call is made within the outage. Both nodes get their script before it and read the cluster's own state.
# - Only the active starts the groups, so only the active can say that every break came before the start: it seals.
#   A set is valid only with the active's `sealed` and the standby's `broke`.
# - Before the first stop a timer of this node is armed *and seen*. It may end only after the groups were read online and unit
#   `active` has ended: a stalled `active` could stop a group after a timer that had finished.
# - The timer is cancelled only after the groups were read online.
#
# Each role is a transient unit, since the SSM agent may end: `break` on the standby, `active` and `timer` on the active.
# A restore's outage begins the same way, with THEN=down. The groups stop behind a timer; then enter-restore-mode orders the
# node's shutdown, and no break follows. Under the lock one of two records is written, never both (safety.md, rule 21):
# - `void`, by the timer: the groups start, and no shutdown is ordered any more;
# - `leaving`: the shutdown is being ordered, and the timer waits for the end of the order. The timer ends with the boot, or
#   starts the groups if the order failed.
# This file is stricter than the argument in these points:
# - It reads the node's epoch and hold again before the first stop, before each break and before the seal. A unit that a fence did
#   not stop in time then does nothing more.
# - A4 reads the peers once more, beside the groups, though A3 has just read them RED. A false look never seals.
# - The timer waits for the lock of a hanging `active` for a limited time, then stops that unit. If even that fails, it starts the
#   groups and writes no record. Without `sealed` nothing is valid. A seal that still appeared would rest on reads from before the
#   start, when every disk was broken already.
# - After `active` has ended, the timer needs the groups online in two polls, five seconds apart: a stop that its sender had
#   sent before it ended may reach the daemon late.
# - The timer asks for the start every second, not every five: a group that is still stopping refuses it.
# - Every call of CLUSTERPRO has a time limit, the timer's calls above all.
# Reads run side by side (lib/reads.sh) where none of them has to come after the other one: GREEN beside the own monitors (A2b), the groups
# beside the colours (S2, A4). What orders them is never named in one `see`: the groups Offline, then GREEN, then the baton (A2b); the baton,
# then the groups (S2); RED, then the groups once more (A3, A4).
# A backup with CONSISTENCY=frozen becomes quiet in another way: section/freeze.sh has what differs. All else is the same text.
ROLE=$1
RUN_DIR=$2
# RUN, EPOCH, SELF, PEER, FAILOVER_GROUPS, DISKS, THEN, CONSISTENCY and the deadlines. The document wrote them beside this script.
# shellcheck source=/dev/null
. "${0%.sh}.params"
UNIT=mirrorsnap-$RUN

#include section/common.sh
#include section/standby.sh
#include section/active.sh
#include section/stop.sh
#include section/timer.sh
#include section/freeze.sh
boot
# What the commands print. Opened once: if somebody deletes the directory, the commands still run.
command exec 3>>"$RUN_DIR/$ROLE.out" || exec 3>/dev/null
case $ROLE in
break) standby ;;
active) active ;;
timer) timer ;;
esac
