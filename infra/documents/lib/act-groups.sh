# What the unit of lib/groups.sh runs: clpgrp for each group. A group's scripts may take minutes, and its umount alone 15.
# belief: clp-remote-stop, clp-umount-retries
BOUND=960
# shellcheck source=/dev/null
. "$1/params"
look

# order_group GROUP: prints its sections of the answer.
order_group() {
    group=$1 RAW='' ANSWER=answer.$$.$1
    # CLUSTERPRO refuses to start a group in failure: it is stopped first.
    case "$CLPGRP/$FAILED " in
    -s/*" $group "*) order "clpgrp -t $group" clpgrp -t "$group" || : ;;
    esac
    # The exit code does not count: clpgrp fails on a group that is there already.
    before=$RAW
    if ! order "clpgrp $group" clpgrp "$CLPGRP" "$group" && [ "$RC" -ne 137 ]; then
        # What fails may work when it is ordered once more. One that was killed would hang again.
        look
        [ "$CLPGRP" = -t ] && undone=$UP_HERE || undone=$DOWN
        case "$READ $undone " in
        yes*" $group "*)
            RAW=$before
            order "clpgrp $group" clpgrp "$CLPGRP" "$group" || :
            ;;
        esac
    fi
    printf '%s' "$RAW"
}

# belief: clp-group-start-waits, clp-group-stop-waits
# order_groups GROUP…: side by side, since one may wait for another one, in either order. Their sections come in this order.
order_groups() {
    [ $# -gt 1 ] || { order_group "$1" && return; }
    first=$1
    shift
    order_groups "$@" | {
        order_group "$first"
        exec cat
    }
}

# shellcheck disable=SC2086
put "$1/out" "$(order_groups $FAILOVER_GROUPS)" && put "$1/ended" 'done'
