# @description Start the failover groups on this node, for converge
# @guarded
# @param Self name
# @param Peer name
# @param Groups names
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=start-group
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
#include lib/guard.sh
#include lib/cluster.sh
#include lib/actions.sh
guard
# A group's scripts may take minutes.
BOUND=600
for group in $FAILOVER_GROUPS; do
    # Its exit code is no news: the group may be there already.
    attempt "clpgrp $group" clpgrp -s "$group" || :
done
look
show_cluster
[ "$WHERE" = self ] || finish failed ',"reason":"state"'
finish ok
