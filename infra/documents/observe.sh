# @description Read the state of this node, its cluster and its devices; changes nothing
# @param Run run
# @param Self name
# @param Groups names
# @param Disks names
# @param Monitors names
# @param Devices paths
# @param Settings yesno
# @param Tools names
#
# Every command's answer is shown: a command that fails is an observation too, so the result is always `ok`.
# The node's own facts come first, and CLUSTERPRO's commands have one time limit for all: a node on which they hang is still fenced by
# its records and its boot id. Nothing is printed that nobody reads: Run Command keeps 24,000 characters.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=observe
RUN='{{ Run }}'
EPOCH=null
SELF='{{ Self }}'
FAILOVER_GROUPS='{{ Groups }}'
DISKS='{{ Disks }}'
MONITORS='{{ Monitors }}'
DEVICES='{{ Devices }}'
SETTINGS='{{ Settings }}'
TOOLS='{{ Tools }}'
RUN_DIR=$RUN_ROOT/$RUN
BOUND=10
#include lib/records.sh
#include lib/shorten.sh
#include lib/settings.sh
#include lib/hooks.sh
#include lib/mounts.sh
boot
read_epoch
[ "$STORED" != bad ] || STORED=null
held && hold=true || hold=false
records
units
unfinished
json_list "$UNFINISHED"
unfinished=$LIST

# takes_records DIRECTORY: whether a record can be kept there now. Nothing is left of the attempt.
takes_records() {
    RC=0
    { private "$1" && put "$1/room.$$" ''; } 2>/dev/null || RC=1
    rm -f "$1/room.$$" "$1/room.$$.tmp.$$"
    return $RC
}

full=
takes_records "$VAR_ROOT" || full=/var/lib
takes_records "$RUN_ROOT" || full="$full /run"
json_list "$full"
full=$LIST

show() {
    attempt "$@" || :
}

# The first line of what a command prints.
first() {
    before=$RAW
    attempt "$@" || :
    RAW=$before
    section "$1" "$RC" "${OUT%%"$LF"*}"
}

show is-enabled systemctl is-enabled clusterpro clusterpro_md
case $OUT in
*disabled*) outside=yes ;;
*) outside=no ;;
esac
lvm=no
for device in $DEVICES; do
    before=$RAW
    attempt path readlink -e "$device" && found=$OUT || found=
    RAW=$before
    # From the partition down to the disk that it lies on, through LVM.
    [ -z "$found" ] || show "device $device" lsblk -s -P -o KNAME,TYPE,SERIAL "$found"
    case $OUT in
    *'TYPE="lvm"'*) lvm=yes ;;
    esac
done
missing=
if [ "$SETTINGS" = yes ]; then
    first systemd systemctl --version
    first sync sync --version
    show space df -Pk "${VAR_ROOT%/*}" "${RUN_ROOT%/*}"
    # RHEL 9 may activate volume groups only on devices that a file lists.
    [ $lvm = no ] || show lvmdevices lvmdevices
    for tool in $TOOLS; do
        command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
    done
fi
json_list "$missing"
missing=$LIST

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

# What the detached units of this run left on the root disk, or in /run if that was full.
jobs=
set +f
for job in "$VAR_ROOT/$RUN"/*/ "$RUN_DIR"/detached/*/; do
    job=${job%/}
    [ -e "$job/started" ] || continue
    started=null ended=null
    read -r started <"$job/started" || started=null
    # The end of one whose root disk has filled up meanwhile is in /run (lib/job.sh).
    for each in "$job/ended" "$RUN_DIR/ended.${job##*/}"; do
        [ "$ended" = null ] && [ -e "$each" ] || continue
        read -r ended <"$each" || ended=null
    done
    jobs="$jobs${jobs:+,}\"${job##*/}\":{\"started\":$started,\"ended\":$ended}"
    DETACHED=${job##*/}
    DETACHED=${DETACHED%%.*}
    [ ! -s "$job/out" ] || ! last "$job" || section "out ${job##*/}" 0 "$(tail -c 2000 "$job/out")"
done
# What has left no more than its trace there (lib/detached.sh).
for job in "$VAR_ROOT/$RUN"/*-*.*; do
    [ -f "$job" ] && [ ! -d "$RUN_DIR/detached/${job##*/}" ] || continue
    jobs="$jobs${jobs:+,}\"${job##*/}\":{\"started\":null,\"ended\":null}"
done
set -f

# What CLUSTERPRO's commands may take together. `assess` waits 30 seconds for the whole answer, and 60 for one with settings.
[ "$SETTINGS" = yes ] && BUDGET=35 || BUDGET=15
clock || :
UNTIL=$((NOW + BUDGET * 100))
# The longest that clpstat and clpmdstat took, in milliseconds.
SLOWEST_STAT=0 SLOWEST_MDSTAT=0

# Sets LEFT, the whole seconds that are left of the budget.
left() {
    clock || NOW=$UNTIL
    LEFT=$(((UNTIL - NOW) / 100))
}

# read_setting OPTION PATH: within LEFT.
read_setting() (
    exec 8>&- 9>&-
    exec timeout -s KILL "$LEFT" clpcfget "$1" "/root/$2" 2>/dev/null
)

# get OPTION KEY PATH: adds a line to LINES_READ. An element that has its default may be missing in clp.conf, which is an exit code too.
get() {
    left
    if [ "$LEFT" -lt 1 ]; then
        LINES_READ="$LINES_READ$2 125$LF"
        return 0
    fi
    RC=0
    OUT=$(read_setting "$1" "$3") || RC=$?
    # The command may fail now and then. An error that it repeats means that the element has its default.
    if [ "$RC" -ne 0 ] && [ "$RC" -lt 124 ]; then
        left
        [ "$LEFT" -lt 1 ] || { RC=0 && OUT=$(read_setting "$1" "$3"); } || RC=$?
    fi
    value=
    if [ "$RC" -eq 0 ]; then
        # Names below an element come one a line.
        IFS=$LF
        for each in $OUT; do
            value="$value $each"
        done
        IFS=' '
    fi
    LINES_READ="$LINES_READ$2 $RC$value$LF"
}

# ask_once NAME COMMAND…: runs it once, within LEFT.
ask_once() {
    began=$NOW before=$RAW
    BOUND=$((LEFT < 10 ? LEFT : 10))
    attempt "$@" || :
    RAW=$before
    clock || :
    TOOK=$(((NOW - began) * 10))
    [ "$RC" -ne 137 ] || UNTIL=$NOW
}

# ask SHORTEN NAME COMMAND…: runs one of CLUSTERPRO's commands, and shows what the function SHORTEN leaves of its output. Nothing is asked
# any more once the budget is spent, or a command has been killed: what hangs once would hang again. A command that prints no table is
# run once more: it may fail now and then ("another command is running"). If that fails too, CLUSTERPRO is taken as stopped, and no
# other is repeated. Sets TOOK.
REPEAT=yes
ask() {
    shorten=$1
    shift
    TOOK=0
    left
    if [ "$LEFT" -lt 1 ]; then
        section "$1" 125 'skipped: no time is left'
        return 0
    fi
    ask_once "$@"
    if ! "$shorten" && [ $REPEAT = yes ] && [ "$RC" -ne 127 ]; then
        sleep 0.2
        left
        if [ "$LEFT" -ge 1 ]; then
            ask_once "$@"
            "$shorten" || REPEAT=no
        fi
    fi
    # So much is left for all that is not yet known: the first line, and what a later look finds besides.
    if [ $((${#RAW} + ${#OUT})) -gt 21000 ]; then
        section "$1" 125 'skipped: no room is left'
    else
        section "$1" "$RC" "$OUT"
    fi
}

ask table clpstat clpstat -s --long
SLOWEST_STAT=$TOOK
ask asked_monitors clpstat-monitors clpstat -m --long
[ "$TOOK" -le "$SLOWEST_STAT" ] || SLOWEST_STAT=$TOOK
for disk in $DISKS; do
    ask compact "clpmdstat $disk" clpmdstat -m "$disk"
    [ "$TOOK" -le "$SLOWEST_MDSTAT" ] || SLOWEST_MDSTAT=$TOOK
done
# mounts: the file systems that a frozen backup would freeze, in lines `<disk> <device> ok`, or `<disk> <device> <word> <file system> <mount
# point>`; `<disk> - unread` without a device. The mirror driver's devices are asked for here alone.
mounts() {
    found=
    read_all=$(
        for each_disk in $DISKS; do
            mirror_device "$each_disk" &
        done
        wait
    )
    IFS=$LF
    for each_line in $read_all; do
        IFS=' '
        disk_of=${each_line%% *} value=${each_line#* 0 }
        case $each_line in
        *' 0 /dev/'*)
            judge_mount "$value"
            found="$found$disk_of $value ${WHY:-ok}${WHY:+ ${KIND:--} ${POINT:--}}$LF"
            ;;
        *) found="$found$disk_of - unread$LF" ;;
        esac
    done
    IFS=' '
    section mounts 0 "${found%"$LF"}"
}

# The paths are read on a node in backup or restore mode too: its post-processing opens those of clp.conf.
case $SETTINGS/$outside in
yes/*)
    settings whole
    mounts
    # Last: what is no more read of these within the budget costs a plan a sentence, and no more.
    monitor_types
    limits=$(
        for each_type in $TYPES; do
            monitor_limits "$each_type" &
        done
        heartbeat_limit &
        wait
    )
    [ -z "$limits" ] || RAW="$RAW$limits$LF"
    ;;
*/yes) settings paths ;;
esac
line ok ",\"stored_epoch\":$STORED,\"hold\":$hold,\"records\":$RECORDS,\"units\":$UNITS,\"unfinished\":$unfinished,\"jobs\":{$jobs},\"missing\":$missing,\"full\":$full,\"took_ms\":{\"clpstat\":$SLOWEST_STAT,\"clpmdstat\":$SLOWEST_MDSTAT}"
printf '%s' "$RAW"
