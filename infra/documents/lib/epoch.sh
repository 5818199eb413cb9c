# The highest epoch that this node has seen (safety.md, rules 7 and 8). It is on the root disk, so it survives a boot. If that is full, it
# is under /run, which is enough: no document that was made for an older boot acts.

# Sets STORED: a number, or `bad` if a file holds none. Then every document refuses, and only fence repairs the file.
read_epoch() {
    STORED=0
    for kept in "$VAR_ROOT/epoch" "$RUN_ROOT/epoch"; do
        [ -e "$kept" ] || continue
        seen_epoch=
        read -r seen_epoch <"$kept" || :
        case $seen_epoch in
        '' | *[!0-9]* | 0?*)
            STORED=bad
            return 0
            ;;
        esac
        [ "$seen_epoch" -le "$STORED" ] || STORED=$seen_epoch
    done
}

# Whether EPOCH is stored for good.
epoch_is_kept() {
    [ "$STORED" = "$EPOCH" ] && [ ! -e "$RUN_ROOT/epoch" ]
}

# Whether EPOCH is further ahead than operations that this node has missed could be. An epoch that was stored by mistake, or by somebody
# who misused a role, would make the node refuse everything from then on.
leaps() {
    [ "$STORED" != bad ] && [ "$STORED" -gt 0 ] && [ "$EPOCH" -gt $((STORED + 10000)) ]
}

# The first document of an operation on this node.
store_epoch() {
    if private "$VAR_ROOT" && put_durably "$VAR_ROOT/epoch" "$EPOCH"; then
        rm -f "$RUN_ROOT/epoch"
        forget_runs || :
    else
        private "$RUN_ROOT" && put "$RUN_ROOT/epoch" "$EPOCH"
    fi
}

# Removes what old runs left on the root disk. The ten newest stay, this one, and those that this boot has not finished: their records may
# still be read. The last unfinished one is among the newest, since nothing begins before it is brought to its end.
forget_runs() (
    exec 8>&- 9>&-
    cd "$VAR_ROOT" || exit 1
    newer=0
    # A directory's time is that of the last attempt of a detached command in it. The names passed allowedPatterns.
    # shellcheck disable=SC2012
    ls -t | while read -r each; do
        [ -d "$each" ] && [ "$each" != "$RUN" ] || continue
        [ ! -e "$RUN_ROOT/$each/arming" ] || [ -e "$RUN_ROOT/$each/done" ] || continue
        newer=$((newer + 1))
        [ "$newer" -le 10 ] || rm -rf "./$each"
    done
)

held() {
    [ -e "$VAR_ROOT/hold" ]
}
