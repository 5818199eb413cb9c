# The one way in which a document ends.

# finish RESULT [,"key":value…]: record, print, leave.
finish() {
    text=$(line "$@")
    # No record: a later copy answers `unknown`, and the caller looks at the cluster itself.
    [ -z "$MARKER" ] || put "$MARKER/result" "$text" || :
    printf '%s\n%s' "$text" "$RAW"
    status_of "$1"
    exit
}

refuse() {
    finish refused ",\"reason\":\"$1\"${2:-}"
}
