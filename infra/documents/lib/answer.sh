# How every document ends.

# finish RESULT [,"key":value…]: records the result, prints it, and exits.
finish() {
    text=$(line "$@")
    # If the record cannot be written, a later copy answers `unknown`, and the caller looks at the cluster.
    [ -z "$MARKER" ] || put "$MARKER/result" "$text" || :
    # A document that only reads has no marker.
    [ -z "$MARKER" ] || say "$DOCUMENT: $1${2:-}"
    # Within an outage no command of CLUSTERPRO's runs that is not needed.
    [ -z "$MARKER" ] || [ "${OUTAGE:-no}" = yes ] || alert "$DOCUMENT: $1"
    printf '%s\n%s' "$text" "$RAW"
    status_of "$1"
    exit
}

refuse() {
    finish refused ",\"reason\":\"$1\"${2:-}"
}
