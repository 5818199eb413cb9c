# Suspends or resumes each monitor on each node. CLPMONCTRL is clpmonctrl's option.
NODES='{{ Nodes }}'
MONITORS='{{ Monitors }}'
#include lib/guard.sh
#include lib/actions.sh
guard
for node in $NODES; do
    for monitor in $MONITORS; do
        try "clpmonctrl $node $monitor" clpmonctrl "$CLPMONCTRL" -h "$node" -m "$monitor"
    done
done
conclude
