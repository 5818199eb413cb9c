# The detached unit. The shutdown that its own command orders ends the unit too, maybe before the command has said how it went:
# so both ignore SIGTERM (a child inherits that), and end by themselves within the unit's stop timeout.
trap '' TERM HUP
job=$1
shift
boot
# The document's answer gets away before the node goes down: nothing depends on it, but it is the quickest news.
sleep 1
RC=0
"$@" >"$job/out" 2>&1 || RC=$?
clock || :
put_durably "$job/ended" "{\"rc\":$RC,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}}"
[ "$RC" -eq 0 ] || [ ! -e "$job/otherwise" ] || /bin/sh "$job/otherwise"
