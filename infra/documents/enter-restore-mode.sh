# @description Services to manual, shutdown (clprestore.sh --pre), detached; the groups must be offline
# @guarded
# @param Self name
# @param Peer name
# @param Groups names
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=enter-restore-mode
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
#include lib/guard.sh
#include lib/cluster.sh
#include lib/detached.sh
guard
look
show_cluster
[ "$SELF_UP/$WHERE" = Online/offline ] || refuse state ',"detail":"groups"'
detach clprestore.sh --pre
