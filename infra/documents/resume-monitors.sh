# @description Resume the mirror monitors
# @guarded
# @param Nodes names
# @param Monitors names
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=resume-monitors
NODES='{{ Nodes }}'
MONITORS='{{ Monitors }}'
#include lib/guard.sh
#include lib/actions.sh
guard
for node in $NODES; do
    for monitor in $MONITORS; do
        try "clpmonctrl $node $monitor" clpmonctrl -r -h "$node" -m "$monitor"
    done
done
conclude
