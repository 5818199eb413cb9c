# The detached unit. The shutdown that its own command orders ends the unit too, maybe before the command has said how it went:
# so both ignore SIGTERM (a child inherits that), and end by themselves within the unit's stop timeout.
trap '' TERM HUP
job=$1
shift
boot
RC=0
"$@" >"$job/out" 2>&1 || RC=$?
clock || :
put_durably "$job/ended" "{\"rc\":$RC,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}}"
