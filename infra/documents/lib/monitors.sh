# monitors_suspended: whether `clpstat -m` shows each of MONITORS as suspended on both servers. Plain clpstat prints one word for both
# servers, and one running monitor is enough to overwrite the frozen image.
#   Monitor0 : [mdw1 : Caution]
#   -----------------------------
#   server0 [-]: Suspend
monitors_suspended() {
    TABLE=$(exec 8>&- 9>&-; exec timeout -s KILL 10 clpstat -m --long 2>&1)
    section clpstat-monitors 0 "$TABLE"
    for monitor in $MONITORS; do
        inside=no suspended=0
        IFS=$LF
        for text in $TABLE; do
            case $text in
            *Monitor*'['*:*']'*)
                name=${text##*'['}
                name=${name%%:*}
                name=${name%"${name##*[! ]}"}
                [ "$name" = "$monitor" ] && inside=yes || inside=no
                ;;
            *:*)
                [ $inside = yes ] || continue
                text=${text##*:}
                case ${text#"${text%%[! ]*}"} in
                Suspend*) suspended=$((suspended + 1)) ;;
                *) suspended=-9 ;;
                esac
                ;;
            esac
        done
        IFS=' '
        [ "$suspended" -eq 2 ] || return 1
    done
}
