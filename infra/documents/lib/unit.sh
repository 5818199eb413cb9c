# Starts the critical section's units from a document.

# write_params NAME…: writes these variables in a form that the unit can source. Their values passed allowedPatterns, which admit no
# quote.
write_params() {
    text='' value=''
    for each in "$@"; do
        eval "value=\$$each"
        text="$text$each='$value'$LF"
    done
    put "$RUN_DIR/$ROLE.params" "$text"
}

# start_unit SECONDS: starts unit $ROLE, which systemd kills after SECONDS. ABOUT says what it does. Its output goes to the journal. It has
# LINGER seconds to end by itself when it is stopped (2).
start_unit() {
    clock || :
    attempt systemd-run systemd-run --unit="mirrorsnap-$RUN-$ROLE" --collect -p RuntimeMaxSec="$1" -p TimeoutStopSec="${LINGER:-2}" \
        -p SyslogIdentifier=mirrorsnap --description="mirrorsnap $RUN: $ABOUT; until uptime $((NOW / 100 + $1)) s at the latest" \
        /bin/sh "$RUN_DIR/$ROLE.sh" "$ROLE" "$RUN_DIR"
}

# await RECORD…: waits for one of these records, for at most TRIES tenths of a second (100). Sets FOUND.
await() {
    FOUND='' tries=0
    while [ "$tries" -lt "${TRIES:-100}" ]; do
        for each in "$@"; do
            if [ -e "$RUN_DIR/$each" ]; then
                FOUND=$each
                return 0
            fi
        done
        tries=$((tries + 1))
        (exec 8>&- 9>&-; exec sleep 0.1)
    done
    return 1
}
