# @description Record what the commands that mirrorsnap parses print on this node; changes nothing
# @param Run run
# @param Self name
# @param Groups names
# @param Disks names
# @param Monitors names
# @param Devices paths
# @param Tools names
#
# Every command only reads, and no script of the vendor's is run: of those only the text is read. The first line holds the entries of a
# recording (tests/recordings). What does not fit Run Command's 24,000 characters, or the time, is counted in `left_out`.
#include lib/base.sh
#include lib/settings.sh
DOCUMENT=doctor
RUN='{{ Run }}'
EPOCH=null
SELF='{{ Self }}'
FAILOVER_GROUPS='{{ Groups }}'
DISKS='{{ Disks }}'
MONITORS='{{ Monitors }}'
DEVICES='{{ Devices }}'
TOOLS='{{ Tools }}'
# Bytes for all entries, and of one output.
ROOM=22500 KEEP=1200
ENTRIES='' LEFT_OUT=0
TAB=$(printf '\t')
boot
clock || :
UNTIL=$((NOW + 4500))
[ -d "$RUN_ROOT" ] || private "$RUN_ROOT" || :
ANSWER=$RUN_ROOT/doctor.$$
trap 'rm -f "$ANSWER.out" "$ANSWER.err"' EXIT

# As the inside of a JSON string. Control characters, of which no parser of ours knows one, are left out.
quoted() {
    tr -d '\000-\010\013-\037\177' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e "s/$TAB/\\\\t/g" -e 's/$/\\n/' | tr -d '\n'
}

# text FILE: sets TEXT, what fits KEEP of it in whole lines, and CUT if more was printed.
text() {
    TEXT=''
    [ -s "$1" ] || return 0
    if [ "$(wc -c <"$1")" -gt "$KEEP" ]; then
        CUT=true
        TEXT=$(head -c "$KEEP" "$1" | sed '$d' | quoted)
    else
        TEXT=$(quoted <"$1")
    fi
}

# begin: sets LEFT, the seconds that a command may take. Fails once the time is spent.
begin() {
    clock || NOW=$UNTIL
    BEGAN=$NOW LEFT=$(((UNTIL - NOW) / 100)) RC=0
    [ "$LEFT" -le 10 ] || LEFT=10
    [ "$LEFT" -ge 1 ] && return 0
    LEFT_OUT=$((LEFT_OUT + 1))
    return 1
}

# add ID COMMAND…: the entry of a command that has ended with RC. The words hold no quote and no backslash.
add() {
    id=$1 argv='' CUT=false
    shift
    clock || :
    took=$(((NOW - BEGAN) * 10))
    for word in "$@"; do
        argv="$argv${argv:+,}\"$word\""
    done
    text "$ANSWER.out"
    out=$TEXT
    text "$ANSWER.err"
    entry="{\"id\":\"$id\",\"argv\":[$argv],\"exit\":$RC,\"ms\":$took,\"stdout\":\"$out\",\"stderr\":\"$TEXT\",\"cut\":$CUT}"
    if [ $((${#ENTRIES} + ${#entry})) -lt "$ROOM" ]; then
        ENTRIES="$ENTRIES${ENTRIES:+,}$entry"
    else
        LEFT_OUT=$((LEFT_OUT + 1))
    fi
}

# record ID COMMAND…: runs a command and adds its entry. What hangs once would hang again: the time is over then.
record() {
    begin || return 0
    name=$1
    shift
    timeout -s KILL "$LEFT" "$@" </dev/null >"$ANSWER.out" 2>"$ANSWER.err" || RC=$?
    add "$name" "$@"
    [ "$RC" -ne 137 ] || UNTIL=$NOW
}

# record_table MARK ID COMMAND…: the same, for a table of CLUSTERPRO's, in which MARK stands. A command may fail now and then: one that
# prints no table is recorded twice.
record_table() {
    mark=$1 out='' RC=0
    shift
    record "$@"
    case $RC/$out in
    */*"$mark"* | 127/* | 137/*) return 0 ;;
    esac
    [ "$LEFT" -lt 1 ] || record "$@"
}

# found TOOL: where the shell finds it.
found() {
    begin || return 0
    command -v "$1" >"$ANSWER.out" 2>"$ANSWER.err" || RC=$?
    add "command-v $1" command -v "$1"
}

# get OPTION KEY PATH: what lib/settings.sh asks, each an entry of its own.
get() {
    record clpcfget clpcfget "$1" "/root/$3"
}

record systemctl-version systemctl --version
record is-enabled systemctl is-enabled clusterpro clusterpro_md
record sync-version sync --version
record space df -Pk "${VAR_ROOT%/*}" "${RUN_ROOT%/*}"
record uname uname -r
record os-release cat /etc/os-release
record limits sh -c 'ulimit -a'

# The tables first, whole: all else is judged beside them.
KEEP=5000
record_table '<server>' clpstat-long clpstat -s --long
KEEP=2500
record_table '<server>' clpstat-short clpstat -s
KEEP=4500
record_table Monitor clpstat-monitors clpstat -m --long
KEEP=1200
for disk in $DISKS; do
    record_table 'Mirror Status' "clpmdstat $disk" clpmdstat -m "$disk"
done
# In this shell, which gathers the entries. The lines that the sections print are observe's.
cluster_settings >/dev/null
for disk in $DISKS; do
    disk_settings whole "$disk" >/dev/null
done
for monitor in $MONITORS; do
    monitor_settings "$monitor" >/dev/null
done
for group in $FAILOVER_GROUPS; do
    group_settings "$group" >/dev/null
done
lvm=no
for device in $DEVICES; do
    real=$(timeout -s KILL 5 readlink -e "$device") || continue
    record "lsblk $device" lsblk -s -P -o KNAME,TYPE,SERIAL "$real"
    case $TEXT$out in
    *lvm*) lvm=yes ;;
    esac
done
[ $lvm = no ] || record lvmdevices lvmdevices
# No operation needs clplogcmd, so it is not one of them.
for tool in $TOOLS clplogcmd; do
    found "$tool"
    # No option of theirs that the guide does not describe is tried: what they take is read in their text.
    case $RC/$tool in
    0/*.sh) record "usage $tool" grep -i -m 10 usage "$(command -v "$tool")" ;;
    esac
done
line ok ",\"left_out\":$LEFT_OUT,\"entries\":[$ENTRIES]"
