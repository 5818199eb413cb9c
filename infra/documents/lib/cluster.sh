# Reads CLUSTERPRO's state. Both parsers fail closed: text that they do not understand is neither Online nor Offline nor a colour.
# The exit codes of clpstat and clpmdstat are coded states, so only the text counts.
# Each read has a time limit, since a read that hangs would stop the timer too.

#include lib/reads.sh

# belief: clp-blanks, clp-columns, clp-current-none, clp-gray-status, clp-long-names, clp-mdstat-rc, clp-stopped-table
# look: reads clpstat. Sets
#   SELF_UP, PEER_UP  the daemon's status on either server, as printed
#   WHERE             `offline`: every group shown is Offline; `self`, `peer`: every configured group is Online there;
#                     `online`: every configured group is Online, on different servers; else `other`
#   DOWN              the configured groups that are not Online
#   FOREIGN           a group that is shown but not configured; it also has to be Offline for `offline`. ManagementGroup is none
#   FOREIGN_UP        a group that is not configured and not Offline
#   UP_HERE           the configured groups that are Online on this node
#   FAILED            the configured groups in failure, which must be stopped before they can start
#   READ              `yes` if the table shows both servers and every configured group; else nothing may be concluded from it
# Needs SELF, PEER, FAILOVER_GROUPS.
look() {
    see groups
}

judge_groups() {
    SELF_UP='' PEER_UP='' WHERE=other DOWN='' FOREIGN='' FOREIGN_UP='' HERE='' UP_HERE='' FAILED='' READ=no
    part='' indent='' group='' state='' current=''
    all_offline=yes places='' found=''
    IFS=$LF
    for text in $STATUS; do
        # A section's name is alone on its line; a comment may hold such a word too.
        word=${text#"${text%%[! ]*}"}
        case ${word%"${word##*[! ]}"} in
        '<server>') part=server && continue ;;
        '<group>') part=group && continue ;;
        '<'*'>') part='' && continue ;;
        *:*) ;;
        *) continue ;;
        esac
        name=${text%%:*} value=${text#*:}
        pad=${name%%[! *]*}
        name=${name#"$pad"}
        # `server1 .......: Online      comment`: dots follow the name, and two blanks end the status.
        while :; do
            case $name in
            *[\ .]) name=${name%?} ;;
            *) break ;;
            esac
        done
        value=${value#"${value%%[! ]*}"}
        value=${value%%  *}
        value=${value%"${value##*[! ]}"}
        case $part in
        server)
            case $pad in *\**) HERE=$name ;; esac
            [ "$name" != "$SELF" ] || SELF_UP=$value
            [ "$name" != "$PEER" ] || PEER_UP=$value
            ;;
        group)
            # A group has the smallest indent. Lines with a larger one belong to the group above.
            [ -n "$indent" ] || indent=$pad.
            if [ "$pad." = "$indent" ]; then
                [ -z "$group" ] || judge_group
                group=$name state=$value current=
            elif [ "$name" = current ]; then
                current=$value
            fi
            ;;
        esac
    done
    IFS=' '
    [ -z "$group" ] || judge_group
    [ -z "$SELF_UP" ] || [ -z "$PEER_UP" ] || READ=yes
    for name in $FAILOVER_GROUPS; do
        case " $found " in
        *" $name "*) ;;
        *)
            all_offline=no READ=no
            DOWN="$DOWN $name"
            ;;
        esac
    done
    DOWN=${DOWN# }
    if [ -n "$HERE" ] && [ "$HERE" != "$SELF" ]; then
        SELF_UP="not $SELF but $HERE" # the configuration names the wrong instance
    elif [ -z "$found" ]; then
        :
    elif [ $all_offline = yes ]; then
        WHERE=offline
    elif [ -z "$DOWN" ]; then
        WHERE=online
        [ -n "${places##*[!s]*}" ] && WHERE=self
        [ -n "${places##*[!p]*}" ] && WHERE=peer
    fi
    return 0
}

# Judges one group of the table. IFS is a newline here.
judge_group() {
    # CLUSTERPRO's own, for its management address: it holds no data, and moves by itself.
    [ "$group" != ManagementGroup ] || return 0
    [ "$state" = Offline ] || all_offline=no
    case " $FAILOVER_GROUPS " in
    *" $group "*) ;;
    *)
        FOREIGN=$group
        [ "$state" = Offline ] || FOREIGN_UP=$group
        return 0
        ;;
    esac
    found="$found $group"
    case $state in *' Failure') FAILED="$FAILED $group" ;; esac
    case $state/$current in
    Online/"$SELF") places=${places}s UP_HERE="$UP_HERE $group" ;;
    Online/"$PEER") places=${places}p ;;
    Online/*) places=${places}o ;;
    *) DOWN="$DOWN $group" ;;
    esac
}

# colours: reads clpmdstat of each disk. Sets OWN (this node's side) and OTHERS (the peer's): a colour if all disks have it, GREEN+RED
# if the disks have these two, else MIXED. Needs SELF, PEER, DISKS.
colours() {
    see mirrors
}

# Judges MIRROR, the answer for DISK, and adds it to OWN and OTHERS.
judge_mirror() {
    own='' other='' header=''
    IFS=$LF
    for text in $MIRROR; do
        IFS=' '
        # The header gives the order of the columns, which differs between clusters.
        # shellcheck disable=SC2086
        set -- $text
        if [ "${1:-}" = "$disk" ] && [ $# -eq 3 ]; then
            header="$2 $3"
        elif [ "${1:-} ${2:-}" = 'Mirror Color' ] && [ $# -eq 4 ]; then
            case $header in
            "$SELF $PEER") own=$3 other=$4 ;;
            "$PEER $SELF") own=$4 other=$3 ;;
            esac
        fi
        IFS=$LF
    done
    IFS=' '
    merge "$OWN" "${own:-MIXED}"
    OWN=$MERGED
    merge "$OTHERS" "${other:-MIXED}"
    OTHERS=$MERGED
}

merge() {
    case $1/$2 in
    "/$2" | "$2/$2") MERGED=$2 ;;
    GREEN/RED | RED/GREEN | GREEN+RED/GREEN | GREEN+RED/RED) MERGED=GREEN+RED ;;
    *) MERGED=MIXED ;;
    esac
}

# Adds what was seen to the answer, for whoever reads a refusal.
show_cluster() {
    section clpstat 0 "$STATUS"
    section "clpmdstat ${disk:-}" 0 "${MIRROR:-}"
}
