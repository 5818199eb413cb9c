# @description Start the cluster service of this node, which does not start by itself after a hard stop
# @guarded
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=start-cluster
#include lib/guard.sh
#include lib/actions.sh
guard
BOUND=600
try clpcl clpcl -s
conclude
