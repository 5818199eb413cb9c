# Starts or stops the groups for converge. CLPGRP is clpgrp's option, WANTED where `look` must find the groups afterwards.
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
#include lib/guard.sh
#include lib/cluster.sh
#include lib/later.sh
#include lib/acting.sh
guard
put "$MARKER/params" "CLPGRP='$CLPGRP' SELF='$SELF' PEER='$PEER' FAILOVER_GROUPS='$FAILOVER_GROUPS'" || finish failed ',"reason":"disk"'
cat >"$MARKER/act.sh" <<'MIRRORSNAP_ACT' || finish failed ',"reason":"disk"'
#include lib/base.sh
#include lib/cluster.sh
#include lib/act-groups.sh
MIRRORSNAP_ACT
act 1740
# A stopped daemon may print a table too, with every group Offline: that proves nothing.
until look && [ "$SELF_UP/$WHERE" = "Online/$WANTED" ]; do
    later || break
done
show_cluster
[ "$SELF_UP/$WHERE" = "Online/$WANTED" ] || finish failed ',"reason":"state"'
finish ok
