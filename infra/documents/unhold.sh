# @description The operator gives back: this node takes documents again
# @param Run run
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=unhold
RUN='{{ Run }}'
EPOCH=null
MARKER=
#include lib/answer.sh
#include lib/records.sh
boot
{ private "$RUN_ROOT" && private "$VAR_ROOT"; } || finish failed ',"reason":"disk"'
{ rm -f "$VAR_ROOT/hold" && sync "$VAR_ROOT"; } || finish failed ',"reason":"disk"'
say 'no longer on hold'
unfinished
json_list "$UNFINISHED"
finish ok ",\"unfinished\":$LIST"
