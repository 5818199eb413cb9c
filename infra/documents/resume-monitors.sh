# @description Resume the mirror monitors
# @guarded
# @param Nodes names
# @param Monitors names
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=resume-monitors
CLPMONCTRL=-r
#include lib/switch-monitors.sh
