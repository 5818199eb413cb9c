# later: waits before a table is read once more, for at most nine seconds in all; then it fails. For some seconds a table may show the
# state before a change, or it may not be readable once. A state that is shown and wrong, whatever may follow, is not waited for.
# belief: clp-stat-lags, clp-fails-once
PAUSES='0.5 0.5 1 1 2 2 2 '
later() {
    [ -n "$PAUSES" ] || return 1
    (exec 8>&- 9>&-; exec sleep "${PAUSES%% *}")
    PAUSES=${PAUSES#* }
}
