# The file systems of the mirror disks, for a backup that freezes them. Needs DEVICES, the mirror driver's own devices (/dev/NMP1 …), in the
# order of DISKS: the groups mount these, never the data partitions.

# The lab's nodes have their mount points elsewhere; on a node this is empty.
MOUNT_ROOT=${MIRRORSNAP_ROOT:-}

# belief: linux-mounts
# find_mounts: sets MOUNTS, the mount point of each of DEVICES. Fails, with WHY and the device, where one cannot be frozen.
find_mounts() {
    MOUNTS=''
    for each in $DEVICES; do
        judge_mount "$each"
        [ -z "$WHY" ] || return 1
        MOUNTS="$MOUNTS${MOUNTS:+ }$POINT"
    done
    each=''
    [ -n "$MOUNTS" ]
}

# judge_mount DEVICE: sets POINT and KIND, its first mount and that one's file system, and WHY it cannot be frozen, if so:
# not_mounted (a raw database), type (neither XFS nor ext4), read_only, name (a path that cannot be passed on), needed (we or the
# system have files on it).
judge_mount() {
    POINT='' KIND='' WHY=''
    while read -r device target kind options _; do
        [ "$device" = "$1" ] || continue
        POINT=${POINT:-$target}
        KIND=${KIND:-$kind}
        case $kind in xfs | ext4) ;; *) WHY='type' ;; esac
        case ,$options, in *,ro,*) WHY=read_only ;; esac
        case $target in *[!A-Za-z0-9/_.:+@=,-]* | *[!/]/) WHY=name ;; esac
        ! needed "$target" || WHY=needed
    done <"$PROC/mounts"
    [ -n "$POINT" ] || WHY=not_mounted
}

# needed TARGET: whether a file of ours, of the system's or of CLUSTERPRO's lies on this mount.
needed() {
    for path in / /etc /usr /var /tmp /run /opt /var/log /var/tmp /var/lib/amazon /opt/nec/clusterpro "$RUN_ROOT" "$VAR_ROOT" "$HOOKS"; do
        path=$(exec 8>&- 9>&-; exec timeout -s KILL 10 readlink -e "$path" 2>/dev/null) || continue
        case ${path%/}/ in "${1%/}"/*) return 0 ;; esac
    done
    return 1
}

# is_mounted TARGET: whether one of DEVICES is mounted there.
is_mounted() {
    while read -r device target _; do
        case " $DEVICES " in *" $device "*) [ "$target" != "$1" ] || return 0 ;; esac
    done 2>/dev/null <"$PROC/mounts"
    return 1
}
