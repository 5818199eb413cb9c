# A command that shuts its own node down runs whole in one systemd unit: the SSM agent and the document may end before it. Its
# result is read from the root disk after the next boot (safety.md, rules 1, 10 and 23).

# detach SECONDS COMMAND…: starts the command in a unit, which kills it after SECONDS. Answers `ok` once the unit runs. The unit runs
# OTHERWISE if the command fails or is killed.
OTHERWISE=
detach() {
    job=$VAR_ROOT/$RUN/$DOCUMENT.$ATTEMPT
    private "$VAR_ROOT/$RUN" || finish failed ',"reason":"disk"'
    # A second marker, on the root disk: one attempt acts once, even under a forged boot id.
    mkdir "$job" 2>/dev/null || refuse done_before
    clock || :
    put_durably "$job/started" "{\"epoch\":$EPOCH,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}}" || finish failed ',"reason":"disk"'
    cat >"$job/job.sh" <<'MIRRORSNAP_JOB' || finish failed ',"reason":"disk"'
#include lib/base.sh
#include lib/job.sh
MIRRORSNAP_JOB
    [ -z "$OTHERWISE" ] || put "$job/otherwise" "$OTHERWISE" || finish failed ',"reason":"disk"'
    # KillMode=process: the shutdown's SIGTERM reaches job.sh alone, which waits for the command's end.
    attempt systemd-run systemd-run --unit="mirrorsnap-$RUN-$DOCUMENT-$ATTEMPT" -p KillMode=process \
        --description="mirrorsnap $RUN: $DOCUMENT, for at most $1 s" \
        /bin/sh "$job/job.sh" "$job" "$@" || finish failed ',"reason":"systemd_run"'
    finish ok
}
