# Commands that take their own node down run whole in one unit of systemd's: the agent and its document may die first, and
# what came of them is read from the root disk after the next boot (safety.md, rules 1 and 10).

# detach SECONDS COMMAND…: starts it, to be killed after SECONDS; answers `ok` once the unit runs. OTHERWISE is what the unit runs if
# the command fails, or is killed.
OTHERWISE=
detach() {
    job=$VAR_ROOT/$RUN/$DOCUMENT.$ATTEMPT
    mkdir -p "$VAR_ROOT/$RUN" || finish failed ',"reason":"disk"'
    # The second marker, on the root disk: not even a forged boot id makes one attempt act twice.
    mkdir "$job" 2>/dev/null || refuse done_before
    clock || :
    put_durably "$job/started" "{\"epoch\":$EPOCH,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}}" || finish failed ',"reason":"disk"'
    cat >"$job/job.sh" <<'MIRRORSNAP_JOB' || finish failed ',"reason":"disk"'
#include lib/base.sh
#include lib/job.sh
MIRRORSNAP_JOB
    [ -z "$OTHERWISE" ] || put "$job/otherwise" "$OTHERWISE" || finish failed ',"reason":"disk"'
    attempt systemd-run systemd-run --unit="mirrorsnap-$RUN-$DOCUMENT-$ATTEMPT" \
        /bin/sh "$job/job.sh" "$job" "$@" || finish failed ',"reason":"systemd_run"'
    finish ok
}
