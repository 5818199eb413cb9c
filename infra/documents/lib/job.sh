# The detached unit. The shutdown that the command orders also stops this unit, maybe before the command's exit code is written. So
# this shell catches SIGTERM, which KillMode=process sends to it alone, and ends by itself within the unit's stop timeout. A trap that
# catches is not inherited, one that ignores would be: what the command starts could not be stopped by SIGTERM. A command that hangs is
# killed after its time limit: nobody waits without a limit for a node that answers, and a retry must not run beside the attempt
# before (safety.md, rule 23).
# belief: linux-shutdown-signals
trap : TERM HUP
job=$1 bound=$2
shift 2
boot
# Lets the document's answer leave the node before the shutdown. Nothing depends on it, but it is the fastest answer.
sleep 1
RC=0
(vendor timeout -s KILL "$bound" "$@") </dev/null >"$job/out" 2>&1 || RC=$?
clock || :
end="{\"rc\":$RC,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}}"
# The root disk may have filled up since the start: until the next boot this says that it has ended, and nobody waits for it.
run=${job%/*}
put_durably "$job/ended" "$end" || put "$RUN_ROOT/${run##*/}/ended.${job##*/}" "$end" || :
[ "$RC" -eq 0 ] || [ ! -e "$job/otherwise" ] || /bin/sh "$job/otherwise"
