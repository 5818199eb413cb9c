# @description Stop the failover groups, with no timer: for converge and restore alone
# @guarded
# @param Self name
# @param Peer name
# @param Groups names
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=stop-group
CLPGRP=-t
WANTED=offline
#include lib/groups.sh
