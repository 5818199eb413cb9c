# The detached unit. The shutdown that its own command orders ends the unit too, maybe before the command has said how it went:
# so both ignore SIGTERM (a child inherits that), and end by themselves within the unit's stop timeout. A command that hangs ends
# by its bound: nobody may wait for ever for a node that answers, and a repetition must not run beside the one before.
trap '' TERM HUP
if [ "$1" = bounded ]; then
    # `timeout` gives what it runs the usual signals again; the trap above has taken them back.
    shift
    exec "$@"
fi
job=$1 bound=$2
shift 2
boot
# The document's answer gets away before the node goes down: nothing depends on it, but it is the quickest news.
sleep 1
RC=0
timeout -s KILL "$bound" /bin/sh "$0" bounded "$@" >"$job/out" 2>&1 || RC=$?
clock || :
put_durably "$job/ended" "{\"rc\":$RC,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}}"
[ "$RC" -eq 0 ] || [ ! -e "$job/otherwise" ] || /bin/sh "$job/otherwise"
