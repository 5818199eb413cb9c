# @description Read the state of this node, its cluster and its devices; changes nothing
# @param Run run
# @param Groups names
# @param Disks names
# @param Devices paths
#
# Every command's answer is shown as it is: a command that fails is an observation too, so the result is always `ok`.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=observe
RUN='{{ Run }}'
EPOCH=null
FAILOVER_GROUPS='{{ Groups }}'
DISKS='{{ Disks }}'
DEVICES='{{ Devices }}'
RUN_DIR=$RUN_ROOT/$RUN
BOUND=15
#include lib/records.sh
boot
read_epoch
[ "$STORED" != bad ] || STORED=null
held && hold=true || hold=false
records
units
unfinished
json_list "$UNFINISHED"

show() {
    attempt "$@" || :
}

show clpstat clpstat -s --long
show clpstat-monitors clpstat -m --long
for disk in $DISKS; do
    show "clpmdstat $disk" clpmdstat -m "$disk"
    parameters=/root/resource/md@$disk/parameters
    show "fullcopy $disk" clpcfget -g "$parameters/fullcopy"
    show "cppath $disk" clpcfget -g "$parameters/diskdev/cppath"
    show "dppath $disk" clpcfget -g "$parameters/diskdev/dppath"
done
for group in $FAILOVER_GROUPS; do
    show "clpgrp $group" clpgrp -n "$group"
done
show is-enabled systemctl is-enabled clusterpro clusterpro_md
show lsblk lsblk -P -o NAME,TYPE,SIZE,SERIAL,MOUNTPOINT
for device in $DEVICES; do
    attempt "path $device" readlink -e "$device" || continue
    # From the partition down to the disk that it lies on, through LVM.
    show "device $device" lsblk -s -P -o NAME,TYPE,SERIAL "$OUT"
done

# What the detached units of this run left on the root disk.
jobs=
set +f
for job in "$VAR_ROOT/$RUN"/*/; do
    job=${job%/}
    [ -e "$job/started" ] || continue
    started=null ended=null
    read -r started <"$job/started" || started=null
    [ ! -e "$job/ended" ] || read -r ended <"$job/ended" || ended=null
    jobs="$jobs${jobs:+,}\"${job##*/}\":{\"started\":$started,\"ended\":$ended}"
    [ ! -s "$job/out" ] || section "out ${job##*/}" 0 "$(tail -c 2000 "$job/out")"
done
set -f
line ok ",\"stored_epoch\":$STORED,\"hold\":$hold,\"records\":$RECORDS,\"units\":$UNITS,\"unfinished\":$LIST,\"jobs\":{$jobs}"
printf '%s' "$RAW"
