# A command that shuts its own node down runs whole in one systemd unit: the SSM agent and the document may end before it. Its
# result is read from the root disk after the next boot (safety.md, rules 1, 10 and 23).

# detach SECONDS COMMAND…: starts the command in a unit, which kills it after SECONDS. Answers `ok` once the unit runs. The unit runs
# OTHERWISE if the command fails or is killed. EVIDENCE=no: nothing is proved by what the command prints, so on a full root disk it
# runs all the same, and its record stays in /run: beyond this boot an empty file says that it was begun, which needs no room.
OTHERWISE='' EVIDENCE=yes
detach() {
    prepare_job "$VAR_ROOT/$RUN" || { [ "$EVIDENCE" = no ] && leave_trace && prepare_job "$RUN_DIR/detached"; } || finish failed ',"reason":"disk"'
    # belief: linux-selinux
    # `env`: the script may load the mirror's driver, and under SELinux a unit that begins with a shell is not in the domain that may.
    # KillMode=process: the shutdown's SIGTERM reaches job.sh alone, which waits for the command's end.
    attempt systemd-run systemd-run --unit="mirrorsnap-$RUN-$DOCUMENT-$ATTEMPT" -p KillMode=process \
        --description="mirrorsnap $RUN: $DOCUMENT, for at most $1 s" \
        env /bin/sh "$job/job.sh" "$job" "$@" || finish failed ',"reason":"systemd_run"'
    finish ok
}

# prepare_job DIRECTORY: makes the job's directory there, whole or not at all.
prepare_job() {
    job=$1/$DOCUMENT.$ATTEMPT
    private "$1" || return 1
    # A second marker, on the root disk: one attempt acts once, even under a forged boot id.
    [ ! -e "$job" ] || refuse done_before
    mkdir "$job" && write_job && return
    rm -rf "$job"
    return 1
}

# leave_trace: beyond this boot an empty file says that it was begun.
leave_trace() {
    (: >"$job") 2>/dev/null || :
}

write_job() {
    clock || :
    put_durably "$job/started" "{\"epoch\":$EPOCH,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}}" || return 1
    cat >"$job/job.sh" <<'MIRRORSNAP_JOB' || return 1
#include lib/base.sh
#include lib/job.sh
MIRRORSNAP_JOB
    # Made now: the command must not fail for want of this file alone.
    : >"$job/out" || return 1
    [ -z "$OTHERWISE" ] || put "$job/otherwise" "$OTHERWISE"
}
