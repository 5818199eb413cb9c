# A document that waits for CLUSTERPRO for minutes lets a unit of its own do it. The node's lock is released once the unit runs, so
# that a command that hangs keeps no fence out; the fence ends the unit. What the command starts is not in the agent's control group.

# belief: linux-unit-group
# act SECONDS OPTION…: runs $MARKER/act.sh in a unit that systemd kills after SECONDS, and waits for its end. Its output is added to the
# answer.
act() {
    limit=$1
    shift
    unit=mirrorsnap-$RUN-$DOCUMENT-$ATTEMPT
    put "$MARKER/epoch" "$EPOCH" || finish failed ',"reason":"disk"'
    put "$MARKER/unit" "$unit" || finish failed ',"reason":"disk"'
    # belief: linux-selinux
    # `env`: as in lib/detached.sh.
    attempt systemd-run systemd-run --unit="$unit" -p RuntimeMaxSec="$limit" -p TimeoutStopSec=10 "$@" \
        --description="mirrorsnap $RUN: $DOCUMENT, for at most $limit s" \
        env /bin/sh "$MARKER/act.sh" "$MARKER" || finish failed ',"reason":"systemd_run"'
    exec 8>&-
    until ! acts "$MARKER"; do
        sleep 0.2
    done
    [ ! -s "$MARKER/out" ] || RAW=$RAW$(cat "$MARKER/out")$LF
    # A unit that was stopped has not done its work: a fence ends it, or its time limit.
    [ -e "$MARKER/ended" ] || finish failed ',"reason":"unit"'
}
