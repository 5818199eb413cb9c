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
# - A3 needs the same answer in two successive polls, as S2 does. A false look never seals. Between the polls the standby reads
#   again after its break, before the groups start, which would taint a good image.
# - The timer waits for the lock of a hanging `active` for a limited time, then stops that unit. If even that fails, it starts the
#   groups and writes no record. Without `sealed` nothing is valid. A seal that still appeared would rest on reads from before the
#   start, when every disk was broken already.
# - After `active` has ended, the timer needs the groups online in two polls, five seconds apart: a stop that its sender had
#   sent before it ended may reach the daemon late.
# - The timer asks for the start every second, not every five: a group that is still stopping refuses it.
# - Every call of CLUSTERPRO has a time limit, the timer's calls above all.
ROLE=$1
RUN_DIR=$2
# RUN, EPOCH, SELF, PEER, FAILOVER_GROUPS, DISKS, THEN and the deadlines. The document wrote them beside this script.
# shellcheck source=/dev/null
. "${0%.sh}.params"
UNIT=mirrorsnap-$RUN

# note NAME [,"key":value…]: writes one record, whole (by rename). read-records reads it.
note() {
    clock || :
    put "$RUN_DIR/$1" "{\"epoch\":$EPOCH,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}${2:-}}"
}

# Whether this unit must stop acting: the node has seen a higher epoch, or is on hold.
overruled() {
    read_epoch
    [ "$STORED" != "$EPOCH" ] || held
}

# run_bounded SECONDS COMMAND…: runs it without our locks, since a command that outlives us would keep them. Killed after SECONDS
# (0: never).
run_bounded() (
    exec 8>&- 9>&-
    bound=$1
    shift
    [ "$bound" -gt 0 ] || exec "$@"
    exec timeout -s KILL "$bound" "$@"
)

# take_lock SECONDS: takes L, on descriptor 9. Without `command` a failing redirection would end the shell.
take_lock() {
    command exec 9>>"$RUN_DIR/L" && flock -w "$1" 9
}

drop_lock() {
    exec 9>&-
}

past() {
    clock || return 0 # no clock, no more time
    [ "$NOW" -ge "$1" ]
}

# pause SECONDS: sleeps without our locks.
pause() {
    run_bounded 0 sleep "$1"
}

# ── the standby ─────────────────────────────────────────────────────────────────────────────────────────────────────

# S2, S3. RuntimeMaxSec limits it. If it is killed, there is no `broke`, and the set is not valid.
standby() {
    note waiting || return 1
    clock || return 1
    deadline=$((NOW + WAIT * 100)) seen=0
    while [ $seen -lt 2 ]; do
        pause 0.2
        if past $deadline; then
            note gave_up ',"reason":"deadline"'
            return
        fi
        if frozen; then seen=$((seen + 1)); else seen=0; fi
    done
    if overruled; then
        note gave_up ',"reason":"overruled"'
        return
    fi
    clock || return 1
    began=$NOW began_text=$UP
    # Written before the break: if this unit ends right after it, the record says why the mirror is broken.
    note breaking || return 1
    for each in $DISKS; do
        if overruled; then
            note tainted ',"reason":"overruled"'
            return
        fi
        if ! run_bounded "$SPAN" clpmdctrl --break "$each" >>"$RUN_DIR/break.out" 2>&1; then
            note tainted ',"reason":"break_failed"'
            return
        fi
    done
    # clpstat at once: the active starts its groups a few hundred milliseconds after it has seen RED.
    look
    where=$PEER_UP/$WHERE
    colours
    clock || :
    if [ "$where/$OWN/$OTHERS" != Online/offline/RED/GREEN ]; then
        note tainted ',"reason":"changed_meanwhile"'
    elif [ $((NOW - began)) -gt $((SPAN * 100)) ]; then
        note tainted ',"reason":"too_slow"'
    else
        note broke ",\"t1\":$began_text,\"t2\":$UP"
    fi
}

# Whether all groups are Offline and both sides of every disk hold the same bytes.
frozen() {
    look
    [ "$PEER_UP/$WHERE" = Online/offline ] || return 1
    colours
    [ "$OWN/$OTHERS" = GREEN/GREEN ]
}

# ── the active ──────────────────────────────────────────────────────────────────────────────────────────────────────

refused() {
    note refused ",\"reason\":\"$1\""
    exit
}

active() {
    # A1: touches nothing unless the state is right and the timer is seen to run.
    ! overruled || refused overruled
    look
    [ "$SELF_UP/$PEER_UP/$WHERE" = Online/Online/self ] && [ -z "$FOREIGN_UP" ] || refused groups
    if [ "$THEN" != down ]; then
        # A backup stops every group and needs a normal mirror. A restore may be made because the mirror is not normal.
        [ -z "$FOREIGN" ] || refused groups
        colours
        [ "$OWN/$OTHERS" = GREEN/GREEN ] || refused mirror
    fi
    clock || refused clock
    started=$NOW
    # `arming` first: a fence that finds this unit ended then runs the timer's part at once. Otherwise the timer could fire into
    # a later run.
    note arming || refused record
    if ! arm; then
        note refused ',"reason":"timer"'
        # The groups were read online above, and nothing was touched.
        stop_unit "$UNIT-timer.timer" && note 'done' ',"by":"active"'
        return
    fi

    # A2. Under the lock: a fence or the timer comes before `stopping` is written, or it sees that record.
    wanted=void
    if ! take_lock 5; then
        reason=lock
    elif [ -e "$RUN_DIR/void" ] || [ -e "$RUN_DIR/done" ]; then
        reason=overtaken
    elif overruled; then
        reason=overruled
    elif ! note stopping; then
        reason=record
    else
        drop_lock
        if ! stop_groups; then
            :
        elif [ "$THEN" = down ]; then
            # A restore: the timer stays armed until enter-restore-mode writes `leaving`.
            if note stopped; then return; fi
        else
            await_breaks && wanted=sealed
        fi
    fi
    drop_lock
    judge
    # A5
    bring_back
}

# --on-boot: up to systemd 253 a daemon-reload, which every `systemctl enable` is too, begins the countdown of --on-active anew (P10).
# The earlier of the two counts. AccuracySec: systemd's default is a minute. Restart: the timer's own process may be killed too, for
# example by the kernel when memory runs out. RestartSec=3: systemd gives up after five starts within ten seconds.
arm() {
    run_bounded 30 systemd-run --unit="$UNIT-timer" --on-active="$((TMAX - START))s" \
        --on-boot="$((started / 100 + TMAX - START))s" --timer-property=AccuracySec=100ms \
        -p Restart=on-failure -p RestartSec=3 \
        /bin/sh "$RUN_DIR/active.sh" timer "$RUN_DIR" >>"$RUN_DIR/active.out" 2>&1 || return 1
    [ "$(run_bounded 10 systemctl is-active "$UNIT-timer.timer")" = active ] || return 1
    note armed ",\"fires\":$((started / 100 + TMAX - START))"
}

# Takes at most STOP seconds for all groups. clpgrp's exit code does not count, clpstat's text does.
stop_groups() {
    deadline=$((started + STOP * 100)) reason=stop_failed
    for each in $FAILOVER_GROUPS; do
        past $deadline && return 1
        run_bounded $(((deadline - NOW + 99) / 100)) clpgrp -t "$each" >>"$RUN_DIR/active.out" 2>&1 || :
    done
    look
    [ "$SELF_UP/$PEER_UP/$WHERE" = Online/Online/offline ]
}

# A3: waits until all groups are Offline and every disk's peer is RED, seen twice. Fails on any state that cannot lead there.
await_breaks() {
    clock || return 1
    deadline=$((NOW + BREAK * 100)) seen=0
    while :; do
        reason=state
        broken
        case $WHERE/$OWN/$OTHERS in
        offline/GREEN/RED) seen=$((seen + 1)) ;;
        offline/GREEN/GREEN | offline/GREEN/GREEN+RED) seen=0 ;;
        *) return 1 ;;
        esac
        [ $seen -lt 2 ] || return 0
        reason=deadline
        past $deadline && return 1
        pause 0.2
    done
}

broken() {
    look
    [ "$SELF_UP/$PEER_UP" = Online/Online ] || WHERE=other
    colours
    [ "$WHERE/$OWN/$OTHERS" = offline/GREEN/RED ]
}

# A4: writes exactly one of `sealed` and `void`, once, under the lock that the timer takes too. It reads the condition again here,
# since the timer may have started the groups after the last look.
# Without the lock it writes no record: the set is not valid then, but the groups start without delay.
judge() {
    if take_lock 10 && [ ! -e "$RUN_DIR/sealed" ] && [ ! -e "$RUN_DIR/void" ]; then
        if [ $wanted = sealed ] && ! overruled && broken; then
            note sealed
        else
            note void ",\"by\":\"active\",\"reason\":\"${reason:-state}\""
        fi
    fi
    drop_lock
}

# A5. RuntimeMaxSec of the unit limits it; then the timer goes on.
bring_back() {
    until look && [ "$WHERE" = self ]; do
        start_groups
        pause 0.2
    done
    # The groups were read online: write the record first, then cancel the timer.
    note 'done' ',"by":"active"' && stop_unit "$UNIT-timer.timer"
}

start_groups() {
    for each in $DOWN; do
        run_bounded $((START + 10)) clpgrp -s "$each" >>"$RUN_DIR/$ROLE.out" 2>&1 || :
    done
}

stop_unit() {
    run_bounded 30 systemctl stop "$1" >/dev/null 2>&1
}

# ── the active's timer ──────────────────────────────────────────────────────────────────────────────────────────────

timer() {
    locked=yes
    if ! take_lock 2; then
        stop_unit "$UNIT-active"
        until take_lock 5; do
            # In a restore the timer waits for the lock, or it could start a group while the shutdown is being ordered. The holder's
            # time under the lock is limited (lib/leave.sh).
            [ "$THEN" = down ] || { locked=no && break; }
        done
    fi
    [ ! -e "$RUN_DIR/done" ] || exit 0
    if [ -e "$RUN_DIR/leaving" ]; then
        # If there is no `leaving` now, there never will be one: it is written under the lock, and not after `void`.
        drop_lock
        ! departed || exit 0
        take_lock 5 || locked=no
    fi
    ! held || exit 0
    # Without the lock it writes no record, and starts the groups nevertheless.
    if [ $locked = yes ] && [ ! -e "$RUN_DIR/sealed" ] && [ ! -e "$RUN_DIR/void" ]; then
        note void ',"by":"timer","reason":"deadline"'
    fi
    drop_lock
    seen=0
    while :; do
        look
        case $WHERE in
        self | peer | online)
            if ended "$UNIT-active"; then seen=$((seen + 1)); else seen=0; fi
            [ $seen -lt 2 ] || break
            pause 5
            ;;
        *)
            seen=0
            start_groups
            pause 1
            ;;
        esac
        ! held || exit 0
    done
    note 'done' ',"by":"timer"'
    # If a fence runs this, the timer itself has not fired yet.
    stop_unit "$UNIT-timer.timer"
}

# Whether a restore's shutdown of this node was ordered with success. Waits for the end of the unit that wrote `leaving`; the end of
# the boot ends this timer too. A unit that failed or was killed is no success: then the groups must start.
departed() {
    each='' text=''
    read -r text <"$RUN_DIR/leaving" || :
    each=${text##*'"attempt":'}
    each=${each%%[!0-9.]*}
    until ended "$UNIT-enter-restore-mode-$each"; do
        pause 1
    done
    text=
    read -r text <"$VAR_ROOT/$RUN/enter-restore-mode.$each/ended" || :
    case $text in
    '{"rc":0,'*) return 0 ;;
    esac
    return 1
}

# Whether the unit has ended. No answer counts as "not ended".
ended() {
    case $(run_bounded 10 systemctl is-active "$1" 2>/dev/null) in
    inactive | failed | unknown) return 0 ;;
    esac
    return 1
}

boot
case $ROLE in
break) standby ;;
active) active ;;
timer) timer ;;
esac
