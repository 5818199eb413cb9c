# Starts unit `active` of section.sh: its script, its parameters and its time limit. The caller has checked `unfinished`.
cat >"$RUN_DIR/active.sh" <<'MIRRORSNAP_END' || finish failed ',"reason":"disk"'
#include lib/base.sh
#include lib/epoch.sh
#include lib/cluster.sh
#include lib/monitors.sh
#include lib/partitions.sh
#include lib/hooks.sh
#include lib/mounts.sh
#include section.sh
MIRRORSNAP_END
: >>"$RUN_DIR/L" || finish failed ',"reason":"disk"'
# PAUSED: what a frozen backup needs besides.
# shellcheck disable=SC2086
write_params RUN EPOCH SELF PEER FAILOVER_GROUPS DISKS MONITORS PARTITIONS KNAMES STOP BATON BREAK START TMAX THEN CONSISTENCY $PAUSED || finish failed ',"reason":"disk"'
put "$RUN_DIR/epoch" "$EPOCH" || finish failed ',"reason":"disk"'
# The time limit ends a unit that hangs. The timer has fired long before, and cannot end before this unit has.
start_unit $((TMAX + 60)) || finish failed ',"reason":"systemd_run"'
