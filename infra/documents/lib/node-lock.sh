# lock_node SECONDS DIRECTORY: refuses in another boot, makes the directory, and takes the node's lock on descriptor 8 until the
# document ends. A document that disturbs holds the lock from its look at the epoch until it has acted, and fence takes it to
# store a higher epoch: so nothing of an older epoch starts after a fence (safety.md, rule 8).
lock_node() {
    clock
    boot
    [ -n "$BOOT" ] && [ "$BOOT" = "$EXPECTED_BOOT" ] || refuse other_boot
    private "$2" || finish failed ',"reason":"run_directory"'
    exec 8>>"$RUN_ROOT/lock"
    # belief: linux-flock
    flock -w "$1" 8 || refuse busy
}
