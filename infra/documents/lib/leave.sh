# Shuts the active of a restore down (safety.md, rule 21). Its groups were stopped behind a timer (section.sh). Under the timer's lock
# one of two records is written, once: the timer's `void`, after which this shuts nothing down, or `leaving`, after which the timer
# waits for the end of the unit that this runs in. Do not move the record out of this unit: the timer could find it without a unit
# to wait for. The timer waits for the lock, so what runs under the lock has a time limit. The shutdown runs outside it.
# Exit code 75: the timer came first. The unit's record on the root disk has the code, and assess reads it.
if [ "${1:-}" != locked ]; then
    timeout -s KILL 20 /bin/sh "$0" locked || exit 75
    vendor clprestore.sh --pre
fi
# shellcheck source=/dev/null
. "${0%.sh}.params"

boot
command exec 9>>"$RUN_DIR/L" && flock -w 10 9 || exit 75 # no lock, no shutdown: the timer still watches
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
