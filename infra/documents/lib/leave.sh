# How the active of a restore goes down. Its groups are down behind a timer (section.sh), and under the timer's lock one of two is
# written, once: the timer's `void`, after which nothing is shut down here, or `leaving`, after which the timer waits for the end
# of the unit that this runs in. Do not move the record out of this unit: the timer could find it without a unit to wait for.
# The timer waits for the lock as long as this holds it, so what is done under it is bounded; the shutdown itself is not.
# 75: overtaken. The unit's record on the root disk says so, and whoever waits for the shutdown reads it.
if [ "${1:-}" != locked ]; then
    timeout -s KILL 20 /bin/sh "$0" locked || exit 75
    exec clprestore.sh --pre
fi
# shellcheck source=/dev/null
. "${0%.sh}.params"

boot
command exec 9>>"$RUN_DIR/L" && flock -w 10 9 || exit 75 # no lock, no shutdown: the timer watches on
read_epoch
if [ -e "$RUN_DIR/void" ] || [ -e "$RUN_DIR/done" ] || [ "$STORED" != "$EPOCH" ] || held; then
    echo 'overtaken: the timer has started the groups, or a newer operation or an operator has taken over'
    exit 75
fi
look
if [ "$SELF_UP/$WHERE" != Online/offline ]; then
    echo "not offline: $STATUS"
    exit 75
fi
clock || :
put "$RUN_DIR/leaving" "{\"epoch\":$EPOCH,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0},\"attempt\":$ATTEMPT}" || exit 75
