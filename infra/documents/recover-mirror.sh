# @description Order the mirror recovery of disks that do not recover by themselves
# @guarded
# @param Disks names
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=recover-mirror
DISKS='{{ Disks }}'
#include lib/guard.sh
#include lib/actions.sh
guard
# belief: clp-recovery-returns
for disk in $DISKS; do
    try "clpmdctrl $disk" clpmdctrl --recovery "$disk"
done
conclude
