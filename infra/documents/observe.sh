# @description Read the state of this node, its cluster and its devices; changes nothing
# @param Run run
# @param Disks names
# @param Devices paths
#
# Every command's answer is shown as it is: a command that fails is an observation too, so the result is always `ok`.
# Nothing is printed that nobody reads: Run Command keeps 24,000 characters, which the largest clusters come near to.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=observe
RUN='{{ Run }}'
EPOCH=null
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
    show "fullcopy $disk" clpcfget -g "/root/resource/md@$disk/parameters/fullcopy"
done
show systemd systemctl --version
show is-enabled systemctl is-enabled clusterpro clusterpro_md
for device in $DEVICES; do
    before=$RAW
    attempt path readlink -e "$device" && found=$OUT || found=
    RAW=$before
    # From the partition down to the disk that it lies on, through LVM.
    [ -z "$found" ] || show "device $device" lsblk -s -P -o KNAME,TYPE,SERIAL "$found"
done

# newer ATTEMPT OTHER: whether the first is the later one. `98.1` is an epoch and a number; a number alone is older than those.
newer() {
    e=0 f=0
    case $1 in *.*) e=${1%%.*} ;; esac
    case $2 in *.*) f=${2%%.*} ;; esac
    [ "$e" -gt "$f" ] || { [ "$e" -eq "$f" ] && [ "${1#*.}" -gt "${2#*.}" ]; }
}

# last JOB: whether it is its document's last attempt. Only what that printed is read.
last() {
    for each in "${1%/*}/$DETACHED".*/; do
        each=${each%/}
        ! newer "${each##*/"$DETACHED".}" "${1##*/"$DETACHED".}" || return 1
    done
}

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
    DETACHED=${job##*/}
    DETACHED=${DETACHED%%.*}
    [ ! -s "$job/out" ] || ! last "$job" || section "out ${job##*/}" 0 "$(tail -c 2000 "$job/out")"
done
set -f
line ok ",\"stored_epoch\":$STORED,\"hold\":$hold,\"records\":$RECORDS,\"units\":$UNITS,\"unfinished\":$LIST,\"jobs\":{$jobs}"
printf '%s' "$RAW"
