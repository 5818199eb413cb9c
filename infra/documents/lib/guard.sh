# What stands before every disturbance (safety.md, rules 8, 9 and 12). It must not be shortened:
# - a command for another boot, a late one, and one of a lower epoch never act;
# - of two copies of one document (the agent replays what was in progress after a boot *and* after its own restart) only
#   the first acts: the marker directory is made under the node's lock, before anything else is done;
# - whatever the first copy answered is what later copies answer, also a refusal: a copy must not act where the first
#   did not, say after `hold` was taken back.
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

guard() {
    lock_node 30 "$RUN_DIR"
    marker=$RUN_DIR/$DOCUMENT.$ATTEMPT
    mkdir "$marker" 2>/dev/null || replay "$marker"
    MARKER=$marker
    read_epoch
    [ "$STORED" != bad ] || refuse epoch_unreadable
    [ "$STORED" -le "$EPOCH" ] || refuse fenced ",\"stored_epoch\":$STORED"
    # After the wait for the lock, not before it.
    clock || refuse late
    [ "$NOW" -le $((NOT_AFTER * 100)) ] || refuse late
    ! held || refuse hold
    [ "$STORED" -eq "$EPOCH" ] || store_epoch || finish failed ',"reason":"epoch_not_stored"'
}
