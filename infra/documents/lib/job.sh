# The detached unit. The shutdown that the command orders also stops this unit, maybe before the command's exit code is written. So
# the unit and its command ignore SIGTERM (a child inherits that) and end by themselves within the unit's stop timeout. A command
# that hangs is killed after its time limit: nobody waits without a limit for a node that answers, and a retry must not run beside
# the attempt before (safety.md, rule 23).
trap '' TERM HUP
if [ "$1" = bounded ]; then
    # `timeout` resets the signals of what it runs. The trap above ignores them again.
    shift
    exec "$@"
fi
job=$1 bound=$2
shift 2
boot
# Lets the document's answer leave the node before the shutdown. Nothing depends on it, but it is the fastest answer.
sleep 1
RC=0
timeout -s KILL "$bound" /bin/sh "$0" bounded "$@" >"$job/out" 2>&1 || RC=$?
clock || :
put_durably "$job/ended" "{\"rc\":$RC,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}}"
[ "$RC" -eq 0 ] || [ ! -e "$job/otherwise" ] || /bin/sh "$job/otherwise"
