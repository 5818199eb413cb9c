# What the unit of lib/groups.sh runs: clpgrp for each group. A group's scripts may take minutes, and its umount alone 15.
# belief: clp-remote-stop, clp-umount-retries
BOUND=960
# shellcheck source=/dev/null
. "$1/params"
look

# order_group GROUP: prints its sections of the answer.
order_group() {
    RAW='' ANSWER=answer.$$.$1
    # CLUSTERPRO refuses to start a group in failure: it is stopped first.
    case "$CLPGRP/$FAILED " in
    -s/*" $1 "*) order "clpgrp -t $1" clpgrp -t "$1" || : ;;
    esac
    # The exit code does not count: clpgrp fails on a group that is there already.
    order "clpgrp $1" clpgrp "$CLPGRP" "$1" || :
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
said=$(order_groups $FAILOVER_GROUPS)$LF
looked=no
# belief: clp-orders-beside, clp-fails-once
# What failed may work when it is ordered once more, alone: CLUSTERPRO may refuse one order while another one runs. One that was killed
# would hang again.
for each_group in $FAILOVER_GROUPS; do
    case $said in
    *"--- clpgrp $each_group rc=0$LF"* | *"--- clpgrp $each_group rc=137$LF"*) continue ;;
    esac
    [ $looked = yes ] || look
    RAW='' looked=yes
    [ "$CLPGRP" = -t ] && undone=$UP_HERE || undone=$DOWN
    case "$READ $undone " in
    yes*" $each_group "*) order "clpgrp $each_group, once more" clpgrp "$CLPGRP" "$each_group" || : ;;
    esac
    said=$said$RAW
done
put "$1/out" "$said" && put "$1/ended" 'done'
