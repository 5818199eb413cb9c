# What is read of clp.conf, as sections of lines `<key> <exit code> <value>`. The document that includes this has `get OPTION KEY PATH`, which
# asks clpcfget and may add a line to LINES_READ. It is a file that is read: the reads may overlap.

# belief: clp-clpcfget, clp-server-values
# paths DISK: what CLUSTERPRO on this node will open. A value for one server comes before the common one.
paths() {
    for each_path in cppath dppath; do
        get -g "$each_path" "resource/md@$1/parameters/diskdev/$each_path"
        get -g "own-$each_path" "resource/md@$1/server@$SELF/parameters/diskdev/$each_path"
    done
}

disk_settings() {
    LINES_READ="--- settings $2 rc=0$LF"
    paths "$2"
    if [ "$1" = whole ]; then
        parameters=resource/md@$2/parameters
        get -g fullcopy "$parameters/fullcopy"
        get -g sync "$parameters/mddriver/sync"
        get -g syncmode "$parameters/mddriver/syncmode"
        get -g deact "resource/md@$2/deact/action"
        get -g umount-seconds "$parameters/umount/timeout"
        get -g umount-retries "$parameters/umount/retry"
    fi
    # At once: the others write too.
    printf '%s' "$LINES_READ"
}

# mirror_device DISK: the mirror driver's own device of it, which the groups mount.
mirror_device() {
    LINES_READ=''
    get -g "$1" "resource/md@$1/parameters/nmppath"
    printf '%s' "$LINES_READ"
}

# monitor_settings MONITOR: the mirror disk that it watches, if it is of the type that watches one.
monitor_settings() {
    LINES_READ="--- monitor $1 rc=0$LF"
    get -g object "monitor/mdw@$1/parameters/object"
    printf '%s' "$LINES_READ"
}

# belief: clp-heartbeat-timeout
# heartbeat_limit: after which time without a heartbeat a node is given up, in milliseconds. The monitor of the user space (userw), which
# resets a node, has the same one unless it says otherwise.
heartbeat_limit() {
    LINES_READ="--- heartbeat rc=0$LF"
    get -g timeout cluster/heartbeat/timeout
    printf '%s' "$LINES_READ"
}

# belief: clp-monitor-kinds
# The types of monitors whose look waits for a file or an application, and so for a frozen file system (functions/domain, monitor_kinds.rs).
WAITING='diskw userw genw mysqlw oraclew psqlw db2w sqlserverw odbcw httpw ftpw smtpw pop3w imap4w nfsw sambaw tuxw wlsw wasw otxw jraw'

# monitor_types: which types there are. Sets TYPES: those of WAITING that are in use, or all of them where that cannot be read.
monitor_types() {
    LINES_READ=''
    get -e types monitor/types
    RAW="$RAW--- monitor-types rc=0$LF$LINES_READ"
    TYPES=$WAITING
    case $LINES_READ in
    'types 0 '*)
        used=" ${LINES_READ#types 0 }" TYPES=''
        used="${used%"$LF"} "
        for each_type in $WAITING; do
            case $used in
            *" $each_type "*) TYPES="$TYPES $each_type" ;;
            esac
        done
        ;;
    esac
}

# belief: clp-monitor-timeout
# monitor_limits TYPE: of the first 16 monitors of a type that reads or writes the applications' data, the time limits that are not known
# to be longer than any pause.
monitor_limits() {
    LINES_READ=''
    get -e names "monitor/$1"
    case $LINES_READ in
    'names 0 '*) ;;
    'names 125'*)
        printf '%s\n' "--- limits $1 rc=125"
        return
        ;;
    *) return ;;
    esac
    names=${LINES_READ#names 0 }
    LINES_READ="--- limits $1 rc=0$LF" number=0
    for each_name in ${names%"$LF"}; do
        number=$((number + 1))
        [ $number -le 16 ] || break
        before=$LINES_READ
        get -g "$each_name" "monitor/$1@$each_name/polling/timeout"
        case ${LINES_READ#"$before"} in
        "$each_name 0 "[1-9][0-9][0-9]*) LINES_READ=$before ;;
        esac
    done
    printf '%s' "$LINES_READ"
}

group_settings() {
    LINES_READ="--- group $1 rc=0$LF"
    get -e stop-after "group@$1/depend/deact/depend"
    get -g stop-seconds "group@$1/depend/deact/timeout"
    printf '%s' "$LINES_READ"
}

cluster_settings() {
    LINES_READ="--- cluster rc=0$LF"
    get -e md resource/md
    get -e hd resource/hd
    get -g haltp haltp/action
    get -g stall cluster/rsctimeout/rsctoaction
    printf '%s' "$LINES_READ"
}

# settings whole|paths: adds the sections to RAW, within what is left of the budget.
settings() {
    read_all=$(
        for each_disk in $DISKS; do
            disk_settings "$1" "$each_disk" &
        done
        if [ "$1" = whole ]; then
            cluster_settings &
            for each_monitor in $MONITORS; do
                monitor_settings "$each_monitor" &
            done
            for each_group in $FAILOVER_GROUPS; do
                group_settings "$each_group" &
            done
        fi
        wait
    )
    RAW="$RAW$read_all$LF"
}
