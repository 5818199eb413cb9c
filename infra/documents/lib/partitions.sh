# What the data partitions say of themselves: how often they were written, and a fingerprint of their first bytes (safety.md, rule 3 and
# A2b). Needs DISKS, and PARTITIONS, their data partitions on this node in the same order.
# The counts come from /proc/diskstats: the kernel keeps them for each partition and each logical volume, and one file has them all. So
# they are read at once and without a command. The mirror driver's own device (/dev/NMPn) is not counted, since a copy from the peer
# does not pass it.

# belief: linux-write-counts
# kernel_names: sets KNAMES, the kernel's names of PARTITIONS. Fails if one is not there.
kernel_names() {
    KNAMES=
    for each in $PARTITIONS; do
        name=$(exec 8>&- 9>&-; exec timeout -s KILL 10 readlink -e "$each" 2>/dev/null) || return 1
        KNAMES="$KNAMES${KNAMES:+ }${name##*/}"
    done
    [ -n "$KNAMES" ]
}

# counts: sets WRITES, `xvdb2=1234 …`: the completed writes of each of KNAMES since the boot. Fails if one is not shown.
counts() {
    WRITES=
    for each in $KNAMES; do
        count=
        while read -r _ _ name _ _ _ _ number _; do
            [ "$name" != "$each" ] || count=$number
        done 2>/dev/null <"$PROC/diskstats"
        case $count in
        '' | *[!0-9]*) WRITES='' && return 1 ;;
        esac
        WRITES="$WRITES${WRITES:+ }$each=$count"
    done
    [ -n "$WRITES" ]
}

# fingerprints: sets PRINTS, `md1=<SHA-256> …`: of the first 64 KiB of each data partition, read past the page cache. The superblocks of
# XFS and of ext4 lie there, with their counters and times. Fails if one cannot be read.
fingerprints() {
    PRINTS='' left=$DISKS
    for each in $PARTITIONS; do
        # belief: linux-direct-read
        print=$(exec 8>&- 9>&-; timeout -s KILL 10 dd if="$each" bs=65536 count=1 iflag=direct 2>/dev/null | sha256sum)
        print=${print%% *}
        case $print in
        # Of nothing at all: dd has failed.
        '' | *[!0-9a-f]* | e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855) PRINTS='' && return 1 ;;
        esac
        PRINTS="$PRINTS${PRINTS:+ }${left%% *}=$print"
        left=${left#* }
    done
    [ -n "$PRINTS" ]
}

# pairs WORDS: sets PAIRS, a JSON object of `name=value …`, each value as a string.
pairs() {
    PAIRS=
    for each in $1; do
        PAIRS="$PAIRS${PAIRS:+,}\"${each%%=*}\":\"${each#*=}\""
    done
    PAIRS="{$PAIRS}"
}
