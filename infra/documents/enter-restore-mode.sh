# @description Services to manual, shutdown (clprestore.sh --pre), detached; the groups must be offline
# @guarded
# @param Self name
# @param Peer name
# @param Groups names
# @param PrepareSeconds seconds
# @param Anew yesno
# @param Recorded yesno
#
# PrepareSeconds: a `--pre` that hangs is killed after this, and the timer starts the groups (safety.md, rule 23).
# Anew=yes: the timer of this run has fired and ended (`done`); the groups were stopped again, and no timer is armed now (rule 22).
# Recorded=yes: it does not run unless its record can be kept on the root disk, for that is read after the next boot. Of the way back to the
# old volumes nothing is read there, and a full disk does not keep it up.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=enter-restore-mode
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
PREPARE='{{ PrepareSeconds }}'
ANEW='{{ Anew }}'
RECORDED='{{ Recorded }}'
#include lib/guard.sh
#include lib/cluster.sh
#include lib/unit.sh
#include lib/detached.sh
#include lib/left-off.sh
guard
# The timer may have started the groups already. Checked here for a fast answer only: the unit checks again, under the timer's lock.
timer=none
[ ! -e "$RUN_DIR/arming" ] || timer=armed
if [ "$ANEW" = yes ] && [ -e "$RUN_DIR/done" ]; then
    timer=none
elif [ -e "$RUN_DIR/void" ] || [ -e "$RUN_DIR/done" ]; then
    refuse overtaken
fi
# Once more if the table cannot be read.
look
[ "$READ" = yes ] || look
show_cluster
[ "$SELF_UP/$WHERE" = Online/offline ] || refuse state ',"detail":"groups"'
remember_off
EVIDENCE=$RECORDED
if [ $timer = none ]; then
    detach "$PREPARE" clprestore.sh --pre
fi
ROLE=leave
cat >"$RUN_DIR/leave.sh" <<'MIRRORSNAP_LEAVE' || finish failed ',"reason":"disk"'
#include lib/base.sh
#include lib/epoch.sh
#include lib/cluster.sh
#include lib/leave.sh
MIRRORSNAP_LEAVE
write_params RUN EPOCH ATTEMPT SELF PEER FAILOVER_GROUPS RUN_DIR || finish failed ',"reason":"disk"'
# If the command fails, the timer's part runs at once, so that the groups do not wait for the timer.
OTHERWISE="systemctl start --no-block mirrorsnap-$RUN-timer"
detach "$PREPARE" /bin/sh "$RUN_DIR/leave.sh"
