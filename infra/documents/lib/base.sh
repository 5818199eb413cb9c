# Included first by every document: directories, the clock, the first line of output, atomic files.
# Runs under dash and under bash as sh. No variable may be one of bash's own (GROUPS, SECONDS, …).
set -uf
# What CLUSTERPRO's commands write or start inherits the umask. Our own directories are made by `private`.
umask 022
LC_ALL=C
export LC_ALL
# CLUSTERPRO's directory comes first. /usr/local is left out: others than root may write there.
PATH=${MIRRORSNAP_PATH:-/opt/nec/clusterpro/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH
# The lab runs without root and redirects these three. On a node they are the real directories.
# belief: linux-run-is-new, linux-boot-id
RUN_ROOT=${MIRRORSNAP_RUN:-/run}/mirrorsnap
VAR_ROOT=${MIRRORSNAP_VAR_LIB:-/var/lib}/mirrorsnap
PROC=${MIRRORSNAP_PROC:-/proc}
BOOT='' UP=0 NOW=0
LF='
'

# Sets UP, the seconds since the boot with two decimals, and NOW, the same in hundredths. No wall clock is used: wall clocks jump, and
# those of two machines differ.
clock() {
    UP='' fraction=00
    read -r UP _ <"$PROC/uptime" || :
    case $UP in
    '' | *[!0-9.]* | .* | *.*.*) return 1 ;;
    *.*) fraction=${UP#*.}00 ;;
    esac
    fraction=${fraction%"${fraction#??}"}
    UP=${UP%%.*}
    # The 1 in front keeps 08 from being read as an octal number.
    NOW=$((UP * 100 + 1$fraction - 100))
    UP=$UP.$fraction
}

# private DIRECTORY: makes it, and whatever is missing above it, for root alone.
private() (
    umask 077
    mkdir -p "$1"
)

boot() {
    read -r BOOT <"$PROC/sys/kernel/random/boot_id" || BOOT=
}

# put FILE TEXT: after a crash the file is whole or absent.
put() {
    printf '%s\n' "$2" >"$1.tmp.$$" && mv -f "$1.tmp.$$" "$1"
}

# The same, and the file survives a loss of power.
put_durably() {
    printf '%s\n' "$2" >"$1.tmp.$$" && sync "$1.tmp.$$" && mv -f "$1.tmp.$$" "$1" && sync "${1%/*}"
}

# line RESULT [,"key":value…]: prints the machine-readable first line. Its values are numbers, and words that passed allowedPatterns,
# which admit no quote and no backslash.
line() {
    clock || :
    printf 'mirrorsnap {"document":"%s","run":"%s","epoch":%s,"boot_id":"%s","uptime":%s,"result":"%s"%s}\n' \
        "$DOCUMENT" "$RUN" "${EPOCH:-null}" "$BOOT" "${UP:-0}" "$1" "${2:-}"
}

status_of() {
    case $1 in
    ok) return 0 ;;
    failed) return 1 ;;
    invalid) return 2 ;;
    refused) return 3 ;;
    *) return 4 ;;
    esac
}

# RAW collects the output of every command; it is printed after the first line.
RAW=
section() {
    RAW="$RAW--- $1 rc=$2$LF"
    [ -z "$3" ] || RAW=$RAW$3$LF
}

# ended UNIT: whether the unit has ended. No answer counts as "not ended".
ended() {
    case $(exec 8>&- 9>&-; exec timeout -s KILL 10 systemctl is-active "$1" 2>/dev/null) in
    inactive | failed | unknown) return 0 ;;
    esac
    return 1
}

# say TEXT: one line in the journal, for whoever stands on the node (docs/on-the-node.md). It may take 5 s, and fail.
say() {
    (exec 8>&- 9>&-; exec timeout -s KILL 5 logger -t mirrorsnap -- "$RUN (epoch $EPOCH): $1") </dev/null >/dev/null 2>&1 || :
}

# alert TEXT: the same line in CLUSTERPRO's alert log, for whoever sees a group stop there. Nobody waits for it: it may take 5 s, or fail.
# Our locks are closed before it is left alone: once this script lets go of them, they are free.
alert() {
    # belief: clp-alert-log
    (exec 8>&- 9>&-; vendor timeout -s KILL 5 clplogcmd -m "mirrorsnap $RUN (epoch $EPOCH): $1" -l INFO --alert &) </dev/null >/dev/null 2>&1
}

# room_for FILE: whether 32 KiB can be written to it. From a full disk a table would come back cut or empty, as if CLUSTERPRO were stopped.
room_for() {
    { printf '%32768s' '' >"$1" && : >"$1"; } 2>/dev/null
}

# attempt NAME COMMAND…: runs a command with a time limit of BOUND seconds (60). Sets OUT and RC. It closes our locks first: a command
# that outlives this script would keep them. The output goes to a file: a child that the command leaves behind may keep a pipe open,
# and then the time limit of the command would end nothing. Only if all disks are full it goes through a pipe.
# ANSWER is the file's name: those that run side by side need different ones.
BECOME="exec"
ANSWER=answer.$$
attempt() {
    name=$1
    shift
    RC=0 OUT=''
    [ -d "$RUN_ROOT" ] || private "$RUN_ROOT" || :
    answer=$RUN_ROOT/$ANSWER
    if room_for "$answer" || { answer=$VAR_ROOT/$ANSWER && room_for "$answer"; }; then
        (exec 8>&- 9>&-; $BECOME timeout -s KILL "${BOUND:-60}" "$@" </dev/null >"$answer" 2>&1) || RC=$?
        OUT=$(cat "$answer" 2>/dev/null) || :
    else
        OUT=$( (exec 8>&- 9>&-; $BECOME timeout -s KILL "${BOUND:-60}" "$@" </dev/null 2>&1) ) || RC=$?
    fi
    rm -f "$answer"
    section "$name" "$RC" "$OUT"
    return "$RC"
}

# vendor COMMAND…: becomes a command of CLUSTERPRO's that starts something. That gets the locale of the system and every signal as by
# default, as it would from root's shell.
vendor() {
    unset LC_ALL
    trap - HUP INT QUIT TERM
    exec "$@"
}

# order NAME COMMAND…: the same, for a command that changes something.
order() {
    BECOME="vendor"
    RC=0
    attempt "$@" || :
    BECOME="exec"
    return "$RC"
}
