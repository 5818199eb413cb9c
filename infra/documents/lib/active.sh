# Starting unit `active` of section.sh: what it runs and knows, and its bound. Here `unfinished` has been looked at already.
cat >"$RUN_DIR/active.sh" <<'MIRRORSNAP_END' || finish failed ',"reason":"disk"'
#include lib/base.sh
#include lib/epoch.sh
#include lib/cluster.sh
#include section.sh
MIRRORSNAP_END
: >>"$RUN_DIR/L" || finish failed ',"reason":"disk"'
write_params RUN EPOCH SELF PEER FAILOVER_GROUPS DISKS STOP BREAK START TMAX THEN || finish failed ',"reason":"disk"'
put "$RUN_DIR/epoch" "$EPOCH" || finish failed ',"reason":"disk"'
# The bound is for a unit that hangs: the timer, long awake by then, cannot end before it has.
start_unit $((TMAX + 60)) || finish failed ',"reason":"systemd_run"'
