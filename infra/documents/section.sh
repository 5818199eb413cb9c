# The critical section of a backup: what runs on the nodes while the failover groups are down.
#
# DO NOT SHORTEN OR "SIMPLIFY" THIS FILE. The outage's bound and the backup's validity rest on the order of these lines;
# the argument is safety.md's "The critical section of a backup", and tests/interleaving steps this very text through its
# interleavings, with mutants of what looks redundant. In short:
# - No AWS call lies within the outage: both nodes get their part before it and meet through the cluster's own state.
# - Only the active starts the groups, so it alone can say that every break came before the start: it seals.
#   A set is valid only with the active's `sealed` and the standby's `broke`.
# - Before the first stop a timer of the node's own is armed *and seen*. It may end only when the groups were read online
#   and unit `active` is over: a stalled `active` could stop a group after a timer that had finished.
# - The timer is cancelled only after the groups were read online.
#
# Roles, each a transient unit of its own (the SSM agent may die): `break` on the standby; `active` and `timer` on the
# active. A restore's outage begins the same way, with THEN=down: the groups are stopped behind a timer, and then not the
# break but the node's own shutdown follows, ordered by enter-restore-mode. Under the lock one of two records is written,
# never both: the timer's `void` (the groups come back, and no shutdown is ordered any more), or `leaving` (the shutdown is
# being ordered, and the timer waits for its end: it dies with the boot, or brings the groups back if the order failed).
# Beyond safety.md, each only stricter:
# - A node's epoch and hold are read again before the first stop, before each break and before the seal, so that what a fence
#   left running (it also stops these units) does nothing more.
# - A3 wants what it waits for in two successive polls, as S2 does. A false look never seals, and the standby has the time
#   to read again after its break before the groups start, which would taint a good image.
# - The timer does not wait for ever for the lock of an `active` that hangs in it: it stops that unit, then goes on; if even that
#   fails it starts the groups without a record. That is safe: without `sealed` nothing is valid, and a seal that still
#   appeared would rest on reads from before the start, when every disk was broken already.
# - The timer wants the groups online in two polls, five seconds apart, after `active` is over: a stop that was on its
#   way to the daemon as its sender died would otherwise come after the last look.
# - It asks for the start every second rather than every five: a group that is still stopping refuses it.
# - Whatever calls CLUSTERPRO here is bounded, the timer's calls first of all.
ROLE=$1
RUN_DIR=$2
# RUN, EPOCH, SELF, PEER, FAILOVER_GROUPS, DISKS, THEN and the deadlines, as the document wrote them beside this script.
# shellcheck source=/dev/null
. "${0%.sh}.params"
UNIT=mirrorsnap-$RUN

# note NAME [,"key":value…]: one record. Made whole by rename, read by read-records.
note() {
    clock || :
    put "$RUN_DIR/$1" "{\"epoch\":$EPOCH,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}${2:-}}"
}

# Nothing that this unit was started for may go on under a higher epoch or on hold.
overruled() {
    read_epoch
    [ "$STORED" != "$EPOCH" ] || held
}

# run_bounded SECONDS COMMAND…: without our locks (one that outlived us would keep them), killed after SECONDS (0: never).
run_bounded() (
    exec 8>&- 9>&-
    bound=$1
    shift
    [ "$bound" -gt 0 ] || exec "$@"
    exec timeout -s KILL "$bound" "$@"
)

# take_lock SECONDS: L, on descriptor 9. `command` keeps a failing redirection from ending the shell.
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

# pause SECONDS: not a tight loop, whatever happens to `sleep`.
pause() {
    run_bounded 0 sleep "$1"
}

# ── the standby ─────────────────────────────────────────────────────────────────────────────────────────────────────

# S2, S3. Bounded by RuntimeMaxSec: killed, it leaves no `broke`, and the set is not valid.
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
    # Written first: should this unit die now, the mirror may be broken and nobody else knows why.
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

# The groups are down in order, and both sides of every disk hold the same bytes.
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
    # A1: nothing is touched unless all is as it must be and the timer is seen to run.
    ! overruled || refused overruled
    look
    [ "$SELF_UP/$PEER_UP/$WHERE" = Online/Online/self ] && [ -z "$FOREIGN_UP" ] || refused groups
    if [ "$THEN" != down ]; then
        # A backup stops every group, and freezes what both sides agree on. A restore may come because of what they hold.
        [ -z "$FOREIGN" ] || refused groups
        colours
        [ "$OWN/$OTHERS" = GREEN/GREEN ] || refused mirror
    fi
    clock || refused clock
    started=$NOW
    # `arming` first: a fence that finds us dead runs the timer's part now rather than leaving one to fire into a later run.
    note arming || refused record
    if ! arm; then
        note refused ',"reason":"timer"'
        # The groups were read online above, and nothing has been touched.
        stop_unit "$UNIT-timer.timer" && note 'done' ',"by":"active"'
        return
    fi

    # A2. Under the lock: a fence or the timer comes either before `stopping`, or it sees it.
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
            # A restore: the timer stays armed, for enter-restore-mode goes on from here or nobody does.
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

# systemd's default accuracy is a minute. Restart: the timer's own process may be killed too (out of memory, say); three
# seconds, since five starts within ten would be the last ones.
arm() {
    run_bounded 30 systemd-run --unit="$UNIT-timer" --on-active="$((TMAX - START))s" --timer-property=AccuracySec=100ms \
        -p Restart=on-failure -p RestartSec=3 \
        /bin/sh "$RUN_DIR/active.sh" timer "$RUN_DIR" >>"$RUN_DIR/active.out" 2>&1 || return 1
    [ "$(run_bounded 10 systemctl is-active "$UNIT-timer.timer")" = active ] || return 1
    note armed ",\"fires\":$((started / 100 + TMAX - START))"
}

# At most STOP seconds for all. What clpgrp says does not count, what clpstat shows does.
stop_groups() {
    deadline=$((started + STOP * 100)) reason=stop_failed
    for each in $FAILOVER_GROUPS; do
        past $deadline && return 1
        run_bounded $(((deadline - NOW + 99) / 100)) clpgrp -t "$each" >>"$RUN_DIR/active.out" 2>&1 || :
    done
    look
    [ "$SELF_UP/$PEER_UP/$WHERE" = Online/Online/offline ]
}

# A3: all offline and every disk broken at the peer, seen twice. Anything that is not on the way there is the end.
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

# A4: exactly one of `sealed` and `void`, once, under the lock that the timer takes too. The condition is read again
# here: since it was last seen the timer may have started the groups.
# No lock in time, no record (not valid then): the groups come first.
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

# A5. Bounded by the unit's RuntimeMaxSec; the timer goes on where this ends.
bring_back() {
    until look && [ "$WHERE" = self ]; do
        start_groups
        pause 0.2
    done
    # Only now, with the groups read online: first the record, then the timer.
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
            # Without the lock a group could be started while a restore's shutdown is being ordered. What that does under the lock
            # is bounded (lib/leave.sh).
            [ "$THEN" = down ] || { locked=no && break; }
        done
    fi
    [ ! -e "$RUN_DIR/done" ] || exit 0
    if [ -e "$RUN_DIR/leaving" ]; then
        # Without it there will be none any more: it is written under the lock, and not after `void`.
        drop_lock
        ! departed || exit 0
        take_lock 5 || locked=no
    fi
    ! held || exit 0
    # Without the lock there is no record, but the groups are started all the same.
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
    # Run by a fence there is a timer yet to fire.
    stop_unit "$UNIT-timer.timer"
}

# A restore's shutdown of this node. The boot's end ends us too, so what is waited for is the end of the unit that orders it and
# wrote `leaving`: if it succeeded the node goes down, else (it failed, or was killed) the groups come back.
departed() {
    each='' text=''
    read -r text <"$RUN_DIR/leaving" || :
    each=${text##*'"attempt":'}
    each=${each%%[!0-9]*}
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

# Fails closed: no answer is not an end.
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
