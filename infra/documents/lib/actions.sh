# Runs several commands and gives one answer for all.

# try NAME COMMAND…: an order to CLUSTERPRO. Sets WORST to `failed` if it fails. The caller decides by the cluster's state, not by
# this word.
WORST=ok
try() {
    order "$@" || WORST=failed
}

conclude() {
    [ "$WORST" = ok ] || finish failed ',"reason":"command"'
    finish ok
}
