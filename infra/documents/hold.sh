# @description The operator takes over: this node refuses every disturbing document until unhold, boots included
# @param Run run
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=hold
RUN='{{ Run }}'
EPOCH=null
MARKER=
#include lib/answer.sh
#include lib/records.sh
boot
{ private "$RUN_ROOT" && private "$VAR_ROOT"; } || finish failed ',"reason":"disk"'
clock || :
put_durably "$VAR_ROOT/hold" "{\"by\":\"$RUN\",\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0}}" || finish failed ',"reason":"disk"'
say 'on hold: this node refuses every document that disturbs'
# The timers of these runs do not start groups any more. The operator has to start them.
unfinished
json_list "$UNFINISHED"
finish ok ",\"unfinished\":$LIST"
