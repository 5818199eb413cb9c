# Checks before every disturbance (safety.md, rules 8, 9 and 12). They must not be shortened:
# - A document for another boot, a late one, and one of a lower epoch never act.
# - The SSM agent runs documents again after a boot *and* after its own restart. Only the first copy acts: it makes the marker
#   directory under the node's lock, before anything else.
# - A later copy gives the first copy's answer, also a refusal. It must not act where the first one did not, for example after
#   `unhold`.
RUN='{{ Run }}'
EPOCH='{{ Epoch }}'
EXPECTED_BOOT='{{ ExpectedBootId }}'
NOT_AFTER='{{ NotAfterUptime }}'
ATTEMPT='{{ Attempt }}'
RUN_DIR=$RUN_ROOT/$RUN
MARKER=

#include lib/answer.sh
#include lib/node-lock.sh

replay() {
    text=
    [ ! -f "$1/result" ] || read -r text <"$1/result" || :
    case $text in
    *'"result":"'*'}') ;;
    *)
        line unknown
        exit 4
        ;;
    esac
    printf '%s,"replay":true}\n' "${text%\}}"
    result=${text#*\"result\":\"}
    status_of "${result%%\"*}"
    exit
}

# acts MARKER: whether the unit of lib/acting.sh that this document has started still works.
acts() {
    [ -e "$1/unit" ] && [ ! -e "$1/ended" ] || return 1
    unit=
    read -r unit <"$1/unit" || :
    ! ended "$unit"
}

# Whether any does: the next document waits for it, as it waits for the node's lock.
still_acting() {
    set +f
    for each in "$RUN_ROOT"/*/*/unit; do
        ! acts "${each%/unit}" || { set -f && return 0; }
    done
    set -f
    return 1
}

guard() {
    lock_node 30 "$RUN_DIR"
    marker=$RUN_DIR/$DOCUMENT.$ATTEMPT
    [ -d "$marker" ] || ! still_acting || refuse busy
    mkdir "$marker" 2>/dev/null || replay "$marker"
    MARKER=$marker
    read_epoch
    [ "$STORED" != bad ] || refuse epoch_unreadable
    [ "$STORED" -le "$EPOCH" ] || refuse fenced ",\"stored_epoch\":$STORED"
    ! leaps || refuse epoch_leaps ",\"stored_epoch\":$STORED"
    # The deadline counts after the wait for the lock.
    clock || refuse late
    [ "$NOW" -le $((NOT_AFTER * 100)) ] || refuse late
    ! held || refuse hold
    epoch_is_kept || store_epoch || finish failed ',"reason":"epoch_not_stored"'
}
