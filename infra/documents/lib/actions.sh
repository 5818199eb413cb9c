# Issuing a few commands and answering for all of them.

# Sets WORST to `failed` once an attempt has failed; the caller looks at the cluster, not at this word, to decide.
WORST=ok
try() {
    attempt "$@" || WORST=failed
}

conclude() {
    [ "$WORST" = ok ] || finish failed ',"reason":"command"'
    finish ok
}
