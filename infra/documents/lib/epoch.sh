# The highest epoch that this node has seen (safety.md, rules 7 and 8). It is on the root disk, so it survives a boot.

# Sets STORED: a number, or `bad` if the file holds none. Then every document refuses, and only fence repairs the file.
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
    private "$VAR_ROOT" && put_durably "$VAR_ROOT/epoch" "$EPOCH"
}

held() {
    [ -e "$VAR_ROOT/hold" ]
}
