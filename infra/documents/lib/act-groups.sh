# What the unit of lib/groups.sh runs: clpgrp for each group. A group's scripts may take minutes, and its umount alone 15.
# belief: clp-remote-stop, clp-umount-retries
BOUND=960
# shellcheck source=/dev/null
. "$1/params"
look
for group in $FAILOVER_GROUPS; do
    # CLUSTERPRO refuses to start a group in failure: it is stopped first.
    case "$CLPGRP/$FAILED " in
    -s/*" $group "*) order "clpgrp -t $group" clpgrp -t "$group" || : ;;
    esac
    # The exit code does not count: clpgrp fails on a group that is there already.
    before=$RAW
    order "clpgrp $group" clpgrp "$CLPGRP" "$group" && continue
    # What fails may work when it is ordered once more. One that was killed would hang again.
    [ "$RC" -ne 137 ] || continue
    look
    [ "$CLPGRP" = -t ] && undone=$UP_HERE || undone=$DOWN
    case "$READ $undone " in
    yes*" $group "*)
        RAW=$before
        order "clpgrp $group" clpgrp "$CLPGRP" "$group" || :
        ;;
    esac
done
put "$1/out" "$RAW" && put "$1/ended" "$RC"
