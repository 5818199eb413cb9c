# Runs several commands and gives one answer for all.

# try NAME COMMAND…: sets WORST to `failed` if the command fails. The caller decides by the cluster's state, not by this word.
WORST=ok
try() {
    attempt "$@" || WORST=failed
}

conclude() {
    [ "$WORST" = ok ] || finish failed ',"reason":"command"'
    finish ok
}
