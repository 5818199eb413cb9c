# @description Suspend the mirror monitors, so that no recovery starts by itself
# @guarded
# @param Nodes names
# @param Monitors names
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=suspend-monitors
NODES='{{ Nodes }}'
MONITORS='{{ Monitors }}'
#include lib/guard.sh
#include lib/actions.sh
guard
for node in $NODES; do
    for monitor in $MONITORS; do
        try "clpmonctrl $node $monitor" clpmonctrl -s -h "$node" -m "$monitor"
    done
done
conclude
