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
    after timer
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
    # Where its record is if the root disk is full: lib/detached.sh, lib/job.sh.
    each=enter-restore-mode.$each
    for kept in "$VAR_ROOT/$RUN/$each/ended" "$RUN_DIR/ended.$each" "$RUN_DIR/detached/$each/ended"; do
        text=
        [ ! -e "$kept" ] || read -r text <"$kept" || :
        case $text in
        '{"rc":0,'*) return 0 ;;
        esac
    done
    return 1
}
