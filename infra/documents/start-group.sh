# @description Start the failover groups on this node, for converge
# @guarded
# @param Self name
# @param Peer name
# @param Groups names
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=start-group
CLPGRP=-s
WANTED=self
#include lib/groups.sh
