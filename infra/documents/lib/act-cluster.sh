# What the unit of start-cluster.sh runs.
BOUND=800
order clpcl clpcl -s
put "$1/out" "$RAW" && put "$1/ended" "$RC"
