# @description Suspend the mirror monitors, so that no recovery starts by itself
# @guarded
# @param Nodes names
# @param Monitors names
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=suspend-monitors
CLPMONCTRL=-s
#include lib/switch-monitors.sh
