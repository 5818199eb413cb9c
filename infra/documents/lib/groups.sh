# Starts or stops the groups for converge. CLPGRP is clpgrp's option, WANTED where `look` must find the groups afterwards.
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
#include lib/guard.sh
#include lib/cluster.sh
guard
# A group's scripts may take minutes.
BOUND=600
for group in $FAILOVER_GROUPS; do
    # The exit code does not count: clpgrp fails on a group that is there already.
    attempt "clpgrp $group" clpgrp "$CLPGRP" "$group" || :
done
look
show_cluster
# A stopped daemon may print a table too, with every group Offline: that proves nothing.
[ "$SELF_UP/$WHERE" = "Online/$WANTED" ] || finish failed ',"reason":"state"'
finish ok
