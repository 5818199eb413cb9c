# What the unit of lib/groups.sh runs: clpgrp for each group. A group's scripts may take minutes, and its umount alone 15.
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
    order "clpgrp $group" clpgrp "$CLPGRP" "$group" || :
done
put "$1/out" "$RAW" && put "$1/ended" "$RC"
