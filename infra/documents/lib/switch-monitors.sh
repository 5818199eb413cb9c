# Suspends or resumes each monitor on each node. CLPMONCTRL is clpmonctrl's option. An order that fails is given once more: to suspend or
# resume a monitor twice does no harm. What the table shows afterwards counts.
# belief: clp-fails-once
NODES='{{ Nodes }}'
MONITORS='{{ Monitors }}'
#include lib/guard.sh
#include lib/reads.sh
#include lib/monitors.sh
#include lib/later.sh
guard
WATCHED=$MONITORS WORST=ok
for node in $NODES; do
    for monitor in $WATCHED; do
        tries=0 before=$RAW
        until order "clpmonctrl $node $monitor" clpmonctrl "$CLPMONCTRL" -h "$node" -m "$monitor"; do
            tries=$((tries + 1))
            # One that was killed would hang again.
            [ $tries -lt 2 ] && [ "$RC" -ne 137 ] || { WORST=failed && break; }
            sleep 0.5
            # A section's name occurs once in an answer.
            RAW=$before
        done
    done
done

# Whether MONITORS, which is one monitor, is shown as ordered. A resumed one may show a fault of the mirror at once, which is neither
# Online nor Suspend: then the order's exit code has to tell.
as_ordered() {
    monitors
    case $CLPMONCTRL/$MINE/$WORST in
    -s/suspended/* | -r/online/* | -r/mixed/ok) return 0 ;;
    esac
    return 1
}

for node in $NODES; do
    SELF=$node PEER=$node
    for MONITORS in $WATCHED; do
        until as_ordered; do
            later && continue
            section clpstat-monitors 0 "$TABLE"
            [ $WORST = ok ] || finish failed ',"reason":"command"'
            finish failed ',"reason":"state"'
        done
    done
done
finish ok
