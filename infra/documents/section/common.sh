# Records, locks and time of the critical section (../section.sh).
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

# before: the hook, behind the timer and before the quiet. Its time is a part of STOP.
before() {
    hook_found before || return 0
    reason=before_hook
    note before && run_hook before
}

# after WHO: the hook, once nothing is quiet any more, wherever `before` may have run. It may run twice. The record comes first: with it the
# quiet has ended, and what the hook takes is no part of it.
after() {
    [ -e "$RUN_DIR/before" ] || return 0
    [ -e "$RUN_DIR/resumed" ] || note resumed ",\"by\":\"$1\"" || :
    ! hook_found after || run_hook after || :
}

run_hook() (
    # It runs also where there is no room for what it prints.
    command exec >>"$RUN_DIR/hooks.out" 2>&1 || exec >/dev/null 2>&1
    run_order "$HOOK_SECONDS" "$HOOKS/$1" </dev/null
)

stop_failed_at=0

past() {
    clock || return 0 # no clock, no more time
    [ "$NOW" -ge "$1" ]
}

# pause SECONDS: sleeps without our locks.
pause() {
    run_bounded 0 sleep "$1"
}

# breathe: sleeps until 0.2 s after LOOKED, when the look before began, and sets LOOKED for the next one. Where a look takes as long by itself,
# the next one follows at once.
breathe() {
    clock || :
    rest=$(((LOOKED + 20 - NOW) / 10))
    [ "$rest" -gt 0 ] || rest=0
    [ $rest -eq 0 ] || pause "0.$rest"
    LOOKED=$((NOW + rest * 10))
}

stop_unit() {
    run_bounded 30 systemctl stop "$1" >/dev/null 2>&1
}
