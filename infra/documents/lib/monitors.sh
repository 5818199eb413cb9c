# monitors: reads `clpstat -m`. Sets MINE and THEIRS, the state of MONITORS on SELF and on PEER: `online` or `suspended` if all of them are,
# `mixed` if the table shows anything else, `unreadable` if it does not show one of them. Plain clpstat prints one word for both
# servers, and one running monitor is enough to overwrite the frozen image.
#   *server0 : node1
#    server1 : node2
#   Monitor0 : [mdw1 : Caution]
#   -----------------------------
#   server0 [-]: Suspend
monitors() {
    see monitors
}

judge_monitors() {
    MINE='' THEIRS=''
    for monitor in $MONITORS; do
        part=head here=$SELF there=$PEER mine='' theirs=''
        IFS=$LF
        for text in $TABLE; do
            case $text in
            *Monitor*'['*:*']'*)
                name=${text##*'['}
                name=${name%%:*}
                name=${name%"${name##*[! ]}"}
                [ "$name" = "$monitor" ] && part=wanted || part=other
                ;;
            *:*)
                name=${text%%:*} value=${text#*:}
                name=${name#"${name%%[! *]*}"}
                name=${name%%[\[ ]*}
                value=${value#"${value%%[! ]*}"}
                value=${value%%  *}
                value=${value%"${value##*[! ]}"}
                case $part/$name in
                head/*)
                    # The head explains the names that the rows use.
                    [ "$value" != "$SELF" ] || here=$name
                    [ "$value" != "$PEER" ] || there=$name
                    ;;
                wanted/"$here") mine=$mine/$value ;;
                wanted/"$there") theirs=$theirs/$value ;;
                esac
                ;;
            esac
        done
        IFS=' '
        join "$MINE" "$mine"
        MINE=$JOINED
        join "$THEIRS" "$theirs"
        THEIRS=$JOINED
    done
}

# join SO_FAR ROWS: sets JOINED, the state of the monitors so far and of one more, whose rows in the table are ROWS.
join() {
    case $2 in
    '') JOINED=unreadable ;;
    /Online | /Normal) JOINED=online ;;
    /Suspend | /Suspended) JOINED=suspended ;;
    *) JOINED=mixed ;;
    esac
    case $1/$JOINED in
    "/$JOINED" | "$JOINED/$JOINED" | */unreadable) ;;
    unreadable/*) JOINED=unreadable ;;
    *) JOINED=mixed ;;
    esac
}
