# Starts or stops the groups for converge. CLPGRP is clpgrp's option, WANTED where `look` must find the groups afterwards.
SELF='{{ Self }}'
PEER='{{ Peer }}'
FAILOVER_GROUPS='{{ Groups }}'
#include lib/guard.sh
#include lib/cluster.sh
#include lib/acting.sh
guard
put "$MARKER/params" "CLPGRP='$CLPGRP' SELF='$SELF' PEER='$PEER' FAILOVER_GROUPS='$FAILOVER_GROUPS'" || finish failed ',"reason":"disk"'
cat >"$MARKER/act.sh" <<'MIRRORSNAP_ACT' || finish failed ',"reason":"disk"'
#include lib/base.sh
#include lib/cluster.sh
#include lib/act-groups.sh
MIRRORSNAP_ACT
act 1740
# The table may show the state before the command for some seconds, or not be readable once.
for pause in 0.5 0.5 1 1 2 2 2 last; do
    look
    # A stopped daemon may print a table too, with every group Offline: that proves nothing.
    [ "$SELF_UP/$WHERE" != "Online/$WANTED" ] && [ $pause != last ] || break
    sleep $pause
done
show_cluster
[ "$SELF_UP/$WHERE" = "Online/$WANTED" ] || finish failed ',"reason":"state"'
finish ok
