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

    # A2. Under the lock: a fence or the timer comes before `stopping` (`freezing`) is written, or it sees that record.
    wanted=void
    if ! prepare; then
        :
    elif ! take_lock 5; then
        reason=lock
    elif [ -e "$RUN_DIR/void" ] || [ -e "$RUN_DIR/done" ]; then
        reason=overtaken
    elif overruled; then
        reason=overruled
    elif ! announce; then
        :
    else
        drop_lock
        if ! become_quiet; then
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
    otherwise
    otherwise="PATH=$PATH; export PATH; $otherwise; exit 1"
    # shellcheck disable=SC2086
    run_bounded 30 systemd-run --unit="$UNIT-timer" --on-active="$((TMAX - START))s" \
        --on-boot="$((started / 100 + TMAX - START))s" --timer-property=AccuracySec=100ms --collect \
        --description="mirrorsnap $RUN: $UNDOES at uptime $((started / 100 + TMAX - START)) s" \
        -p Restart=on-failure $RESTARTS -p SyslogIdentifier=mirrorsnap \
        /bin/sh -c "[ -r $RUN_DIR/active.sh ] && [ -r $RUN_DIR/active.params ] && exec /bin/sh $RUN_DIR/active.sh timer $RUN_DIR; $otherwise" >&3 2>&3 || return 1
    [ "$(run_bounded 10 systemctl is-active "$UNIT-timer.timer")" = active ] || return 1
    note armed ",\"fires\":$((started / 100 + TMAX - START))"
}

# A2b: the baton. Its record comes first: from there on this node's monitors are ours, and converge resumes them. Fails if a monitor is
# suspended already, if a peer is not GREEN (it was broken before we were quiet), or if there is no clear answer. GREEN is read after all is
# quiet and before the baton: no break that the baton brings about can come before it, however slow this unit is.
raise_baton() {
    reason=baton
    clock || return 1
    deadline=$((NOW + BATON * 100))
    counts || return 1
    quiet=$WRITES
    fingerprints || return 1
    until see monitors mirrors && [ "$MINE/$OWN/$OTHERS" = online/GREEN/GREEN ]; do
        case $MINE in online | unreadable) ;; *) return 1 ;; esac
        case $OWN/$OTHERS in GREEN/GREEN | *MIXED*) ;; *) return 1 ;; esac
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

# belief: clp-break-online
# A3: waits until every disk's peer is RED. A4 reads the groups, so they are read here only now and then: if somebody starts one, no
# break comes. Fails if a group is not Offline (frozen: Online here), and at the deadline. What cannot be read counts for nothing.
await_breaks() {
    clock || return 1
    deadline=$((NOW + BREAK * 100)) next_look=$((NOW + 300)) LOOKED=$NOW also=''
    # shellcheck disable=SC2086
    until see $also mirrors && red; do
        reason=state
        [ -z "$also" ] || quiet || [ "$READ" = no ] || return 1
        also=''
        if past $next_look; then
            also=groups next_look=$((NOW + 300))
        fi
        reason=deadline
        past $deadline && return 1
        breathe
    done
}

# What was seen last. Both set UNCLEAR=yes if the answer is no only because something cannot be read.
red() {
    case $OWN/$OTHERS in *MIXED*) unclear=yes ;; esac
    [ "$OWN/$OTHERS" = GREEN/RED ]
}

quiet() {
    [ "$READ" = yes ] || unclear=yes
    [ "$READ/$SELF_UP/$PEER_UP/$WHERE" = "yes/Online/Online/$QUIET" ]
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
        reason=state unclear=no
        if holds; then
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
