# Reads what clp.conf says, by clpcfget, as sections of lines `<key> <exit code> <value>`. An element that has its default may be missing
# there, which is an exit code too. It is a file that is read: the reads may overlap.

# get OPTION KEY PATH: adds a line to LINES.
get() {
    left
    if [ "$LEFT" -lt 1 ]; then
        LINES_READ="$LINES_READ$2 125$LF"
        return 0
    fi
    RC=0
    OUT=$(exec 8>&- 9>&-; exec timeout -s KILL "$LEFT" clpcfget "$1" "/root/$3" 2>/dev/null) || RC=$?
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

# monitor_settings MONITOR: the mirror disk that it watches, if it is of the type that watches one.
monitor_settings() {
    LINES_READ="--- monitor $1 rc=0$LF"
    get -g object "monitor/mdw@$1/parameters/object"
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
