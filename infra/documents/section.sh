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

# note NAME [,"key":value…]: writes one record, whole (by rename). read-records reads it. systemd takes what is printed to the journal: that
# needs no process, so it costs the outage nothing.
note() {
    clock || :
    printf '%s (epoch %s): %s%s\n' "$RUN" "$EPOCH" "$1" "${2:-}" 2>/dev/null || :
    NOTED="{\"epoch\":$EPOCH,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}${2:-}}"
    put "$RUN_DIR/$1" "$NOTED"
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

# run_order SECONDS COMMAND…: the same, for a command that changes something in the cluster: the locale is the system's, as in root's
# shell. What a group's scripts start inherits it.
run_order() (
    unset LC_ALL
    run_bounded "$@"
)

# take_lock SECONDS: takes L, on descriptor 9. Without `command` a failing redirection would end the shell.
take_lock() {
    command exec 9>>"$RUN_DIR/L" && flock -w "$1" 9
}

drop_lock() {
    exec 9>&-
}

stop_failed_at=0

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
    deadline=$((NOW + WAIT * 100)) edge=no nap=1
    until quiet_with_baton; do
        [ -z "$reason" ] || break
        # Slowly while the groups are plainly Online: each look leaves lines in CLUSTERPRO's own logs.
        pause "$nap"
        ! past $deadline || reason=deadline
        [ "$reason" != deadline ] || break
    done
    ! overruled || reason=overruled
    if [ -n "$reason" ]; then
        note gave_up ",\"reason\":\"$reason\""
        return
    fi
    clock || return 1
    began=$NOW began_text=$UP span_all=0
    # Written before the break: if this unit ends right after it, the record says why the mirror is broken.
    note breaking || return 1
    for each in $DISKS; do
        if overruled; then
            note tainted ',"reason":"overruled"'
            return
        fi
        # What it returns decides nothing: it may fail after it has broken the mirror, or be done before it has.
        run_order "$SPAN" clpmdctrl --break "$each" >&3 2>&3 || :
        span_all=$((span_all + SPAN))
    done
    deadline=$((began + span_all * 100))
    # clpstat at once: the active starts its groups a few hundred milliseconds after it has seen RED.
    until look && [ $READ = yes ]; do
        past $deadline && break
        pause 0.2
    done
    where=$PEER_UP/$WHERE
    [ "$where" = Online/offline ] || reason=changed_meanwhile
    while [ -z "$reason" ]; do
        colours
        [ "$OWN/$OTHERS" != RED/GREEN ] || break
        ! past $deadline || reason=not_broken
        pause 0.2
    done
    clock || :
    if [ -z "$reason" ] && [ $((NOW - began)) -gt $((span_all * 100)) ]; then
        reason=too_slow
    fi
    # Nothing may have been written since the baton: a recovery that began by itself, for example.
    before=$WRITES
    if [ -z "$reason" ] && ! { counts && [ "$WRITES" = "$before" ]; }; then
        reason=writes
    fi
    if [ -n "$reason" ]; then
        note tainted ",\"reason\":\"$reason\""
        return
    fi
    # enter-backup-mode compares these again.
    put "$RUN_DIR/frozen" "$WRITES" || return 1
    note broke ",\"t1\":$began_text,\"t2\":$UP"
}

# S2, one look. Whether the active has raised the baton and then everything was quiet. The order of the reads counts: first no baton, so
# that one of an earlier run or an old view of one is not taken for this run's; then the baton; then the groups; then the colours.
# Sets REASON if it never can be.
quiet_with_baton() {
    reason=
    if [ $nap = 1 ]; then
        look
        [ "$READ/$WHERE" = yes/peer ] || nap=0.2
        [ $edge$nap != yes1 ] || return 1
    fi
    monitors
    case $MINE in
    online | mixed) reason=monitors && return 1 ;;
    unreadable) return 1 ;;
    esac
    [ "$THEIRS" != online ] || edge=yes
    [ "$edge/$THEIRS" = yes/suspended ] || return 1
    counts || return 1
    look
    [ "$READ/$PEER_UP/$WHERE" = yes/Online/offline ] || return 1
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
        # They are suspended by us, later, as the baton. One that is suspended already is somebody else's.
        monitors
        [ "$MINE" = online ] || refused monitors
        private "$VAR_ROOT/$RUN" || refused disk
        counts || refused partitions
    fi
    clock || refused clock
    started=$NOW
    # `arming` first: a fence that finds this unit ended then runs the timer's part at once. Otherwise the timer could fire into
    # a later run.
    note arming || refused record
    if ! arm; then
        note refused ',"reason":"timer"'
        # The groups were read online above, and nothing was touched. If systemd-run failed, there may be no timer to stop.
        stop_unit "$UNIT-timer.timer"
        ! ended "$UNIT-timer.timer" || note 'done' ',"by":"active"'
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
        elif raise_baton; then
            await_breaks && wanted=sealed
        fi
    fi
    drop_lock
    judge
    # A5
    bring_back
}

# belief: linux-timer-on-boot, linux-transient-units
# --on-boot: up to systemd 253 a daemon-reload, which every `systemctl enable` is too, begins the countdown of --on-active anew (P10).
# The earlier of the two counts. AccuracySec: systemd's default is a minute. Restart: the timer's own process may be killed too, for
# example by the kernel when memory runs out. RestartSec=3: systemd gives up after five starts within ten seconds.
# The command line itself starts the groups if somebody has deleted the run's directory, in words that systemd does not expand.
arm() {
    otherwise='exit 0'
    for each in $FAILOVER_GROUPS; do
        otherwise="{ clpgrp -n $each | grep -q . || timeout -s KILL $((START + 10)) clpgrp -s $each; } && $otherwise"
    done
    otherwise="PATH=$PATH; export PATH; $otherwise; exit 1"
    run_bounded 30 systemd-run --unit="$UNIT-timer" --on-active="$((TMAX - START))s" \
        --on-boot="$((started / 100 + TMAX - START))s" --timer-property=AccuracySec=100ms --collect \
        --description="mirrorsnap $RUN: starts the groups again at uptime $((started / 100 + TMAX - START)) s" \
        -p Restart=on-failure -p RestartSec=3 -p SyslogIdentifier=mirrorsnap \
        /bin/sh -c "[ -r $RUN_DIR/active.sh ] && [ -r $RUN_DIR/active.params ] && exec /bin/sh $RUN_DIR/active.sh timer $RUN_DIR; $otherwise" >&3 2>&3 || return 1
    [ "$(run_bounded 10 systemctl is-active "$UNIT-timer.timer")" = active ] || return 1
    note armed ",\"fires\":$((started / 100 + TMAX - START))"
}

# belief: clp-stop-code, clp-stop-fails
# A2. Takes at most STOP seconds for all groups, in rounds: one may refuse its stop while another still runs, and clpstat may show a stop
# late. A group of a backup counts as stopped by us only if it was Online here in the look before a `clpgrp -t` of ours that answered 0.
# One that goes Offline otherwise was stopped by somebody, who may start it again.
stop_groups() {
    deadline=$((started + STOP * 100)) reason=stop_failed ours=' '
    while :; do
        look
        if [ "$READ/$SELF_UP/$PEER_UP/$WHERE" = yes/Online/Online/offline ]; then
            reason=not_our_stop
            [ "$THEN" != down ] || return 0
            for each in $FAILOVER_GROUPS; do
                case $ours in *" $each "*) ;; *) return 1 ;; esac
            done
            return 0
        fi
        worst=0
        for each in $UP_HERE; do
            past $deadline && return 1
            rc=0
            run_order $(((deadline - NOW + 99) / 100)) clpgrp -t "$each" >&3 2>&3 || rc=$?
            [ $rc -ne 0 ] || ours="$ours$each "
            [ $rc -eq 0 ] || worst=$rc
        done
        # After its own stop it looks at once.
        [ -n "$UP_HERE" ] && [ $worst -eq 0 ] || pause 0.2
        past $deadline && return 1
    done
}

# A2b: the baton. Its record comes first: from there on this node's monitors are ours, and converge resumes them. Fails if a monitor is
# suspended already, if a peer is not GREEN (it was broken before we were quiet), or if there is no clear answer.
raise_baton() {
    reason=baton
    clock || return 1
    deadline=$((NOW + BATON * 100))
    counts || return 1
    quiet=$WRITES
    fingerprints || return 1
    until monitors && [ "$MINE" = online ]; do
        [ "$MINE" = unreadable ] || return 1
        past $deadline && return 1
        pause 0.2
    done
    pairs "$quiet"
    extra=",\"writes\":$PAIRS"
    pairs "$PRINTS"
    note baton "$extra,\"fingerprints\":$PAIRS" || return 1
    # Whose the suspension is must be known also if somebody deletes /run/mirrorsnap (lib/records.sh).
    put "$VAR_ROOT/$RUN/baton" "$NOTED" || return 1
    for each in $MONITORS; do
        suspend_monitor "$each" || return 1
    done
    until colours && [ "$OWN/$OTHERS" = GREEN/GREEN ]; do
        case $OWN/$OTHERS in
        *MIXED*) ;;
        *) return 1 ;;
        esac
        past $deadline && return 1
        pause 0.2
    done
}

# suspend_monitor MONITOR: what fails is ordered once more, after the table has shown that the monitor still runs. One that is shown suspended
# then may be somebody else's by now: void.
suspend_monitor() {
    ! order_suspend "$1" || return 0
    past $deadline && return 1
    all=$MONITORS MONITORS=$1
    until monitors && [ "$MINE" != unreadable ]; do
        past $deadline && break
        pause 0.2
    done
    MONITORS=$all
    [ "$MINE" = online ] && order_suspend "$1"
}

order_suspend() {
    past $deadline && return 1
    run_order $(((deadline - NOW + 99) / 100)) clpmonctrl -s -h "$SELF" -m "$1" >&3 2>&3
}

# A3: waits until all groups are Offline and every disk's peer is RED. Fails if a group is not Offline, and at the deadline. What cannot be
# read counts for nothing.
await_breaks() {
    clock || return 1
    deadline=$((NOW + BREAK * 100))
    until broken; do
        reason=state
        case $READ/$SELF_UP/$PEER_UP/$WHERE in
        no/* | yes/Online/Online/offline) ;;
        *) return 1 ;;
        esac
        reason=deadline
        past $deadline && return 1
        pause 0.2
    done
}

# Sets UNCLEAR=yes if the answer is no only because something cannot be read.
broken() {
    unclear=no
    look
    [ $READ = yes ] || unclear=yes
    [ "$READ/$SELF_UP/$PEER_UP/$WHERE" = yes/Online/Online/offline ] || return 1
    colours
    case $OWN/$OTHERS in *MIXED*) unclear=yes ;; esac
    [ "$OWN/$OTHERS" = GREEN/RED ]
}

# A4: writes exactly one of `sealed` and `void`, once, under the lock that the timer takes too. It reads the condition again here,
# since the timer may have started the groups after the last look, and the counts: if somebody started a group and stopped it again, it
# has written since the baton. A look that cannot be read is repeated until A3's deadline.
# Without the lock it writes no record: the set is not valid then, but the groups start without delay.
judge() {
    if take_lock 10 && [ ! -e "$RUN_DIR/sealed" ] && [ ! -e "$RUN_DIR/void" ]; then
        if [ $wanted = sealed ] && still_broken; then
            note sealed
        else
            note void ",\"by\":\"active\",\"reason\":\"${reason:-state}\""
        fi
    fi
    drop_lock
}

still_broken() {
    while ! overruled; do
        reason=state
        if broken; then
            reason=writes unclear=yes
            ! counts || [ "$WRITES" != "$quiet" ] || return 0
            [ -z "$WRITES" ] || return 1
        fi
        [ $unclear = yes ] || return 1
        past "$deadline" && return 1
        pause 0.2
    done
    reason=overruled
    return 1
}

# A5. RuntimeMaxSec of the unit limits it; then the timer goes on.
bring_back() {
    # The last look tells which groups are down.
    while :; do
        [ "$WHERE" = self ] || start_groups
        look
        [ "$WHERE" != self ] || break
        pause 0.2
    done
    # The groups were read online: write the record first, then cancel the timer.
    note 'done' ',"by":"active"' && stop_unit "$UNIT-timer.timer"
}

# CLUSTERPRO refuses to start a group in failure: such a group is stopped first, at most every 30 seconds.
start_groups() {
    if [ -n "$FAILED" ] && past "$stop_failed_at"; then
        for each in $FAILED; do
            run_order $((START + 10)) clpgrp -t "$each" >&3 2>&3 || :
        done
        stop_failed_at=$((NOW + 3000))
    fi
    for each in $DOWN; do
        run_order $((START + 10)) clpgrp -s "$each" >&3 2>&3 || :
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
            [ "$THEN" = down ] && [ -d "$RUN_DIR" ] || { locked=no && break; }
            pause 1
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

boot
# What the commands print. Opened once: if somebody deletes the directory, the commands still run.
command exec 3>>"$RUN_DIR/$ROLE.out" || exec 3>/dev/null
case $ROLE in
break) standby ;;
active) active ;;
timer) timer ;;
esac
