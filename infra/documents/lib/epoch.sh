# The highest epoch that this node has seen (safety.md, rules 7 and 8). On the root disk: a boot does not forget it.

# Sets STORED: a number, or `bad` when the file does not hold one (fail closed: only fence repairs it).
read_epoch() {
    STORED=0
    [ -e "$VAR_ROOT/epoch" ] || return 0
    STORED=
    read -r STORED <"$VAR_ROOT/epoch" || :
    case $STORED in
    '' | *[!0-9]* | 0?*) STORED=bad ;;
    esac
}

store_epoch() {
    mkdir -p "$VAR_ROOT" && put_durably "$VAR_ROOT/epoch" "$EPOCH"
}

held() {
    [ -e "$VAR_ROOT/hold" ]
}
