# @description Read the records of a run's critical section on this node
# @param Run run
#
# V of the critical section: these records are evidence. SSM's status of a document never is.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=read-records
RUN='{{ Run }}'
EPOCH=null
RUN_DIR=$RUN_ROOT/$RUN
#include lib/records.sh
boot
read_epoch
[ "$STORED" != bad ] || STORED=null
held && hold=true || hold=false
records
units
line ok ",\"stored_epoch\":$STORED,\"hold\":$hold,\"records\":$RECORDS,\"units\":$UNITS"
set +f
for file in "$RUN_DIR"/*.out; do
    [ -s "$file" ] || continue
    # The space keeps what a hook prints from being taken for a section.
    section "out ${file##*/}" 0 "$(tail -c 2000 "$file" | sed 's/^/ /')"
done
printf '%s' "$RAW"
