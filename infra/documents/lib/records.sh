# Reads the records of the critical section, for the documents that change nothing.

# records: sets RECORDS, the run's records as one JSON object for the first line. Of the baton there is a copy on the root disk, which
# counts in the boot that wrote it: if somebody deletes /run/mirrorsnap, our suspension is still known as ours (safety.md, rule 11).
records() {
    RECORDS=
    for each in waiting gave_up breaking broke tainted refused arming armed before freezing stopping stopped baton leaving sealed void resumed 'done'; do
        text=
        if [ -f "$RUN_DIR/$each" ]; then
            read -r text <"$RUN_DIR/$each" || :
        elif [ "$each" = baton ] && [ -f "$VAR_ROOT/$RUN/baton" ]; then
            read -r text <"$VAR_ROOT/$RUN/baton" || :
            case $text in *"\"boot_id\":\"$BOOT\""*) ;; *) text='' ;; esac
        fi
        case $text in
        '{'*'}') RECORDS="$RECORDS${RECORDS:+,}\"$each\":$text" ;;
        esac
    done
    RECORDS="{$RECORDS}"
}

# units: sets UNITS, systemd's state of the run's units as one JSON object.
units() {
    UNITS=
    for each in break active timer timer.timer; do
        text=$(exec 8>&- 9>&-; exec timeout -s KILL 10 systemctl is-active "mirrorsnap-$RUN-$each" 2>/dev/null) || :
        case $text in
        '' | *[!a-z]*) text=unknown ;;
        esac
        UNITS="$UNITS${UNITS:+,}\"$each\":\"$text\""
    done
    UNITS="{$UNITS}"
}

# unfinished: sets UNFINISHED, the runs of this boot whose timer is or may be armed and that are not done. A restore that is shutting
# this node down is not one of them: its timer starts groups only if the shutdown fails, and then there is a `void`.
unfinished() {
    UNFINISHED=
    set +f
    for each in "$RUN_ROOT"/*/; do
        each=${each%/}
        [ -e "$each/arming" ] && [ ! -e "$each/done" ] || continue
        [ -e "$each/void" ] || [ ! -e "$each/leaving" ] || continue
        UNFINISHED="$UNFINISHED ${each##*/}"
    done
    set -f
    UNFINISHED=${UNFINISHED# }
}

# json_list WORDS: sets LIST, a JSON array of strings.
json_list() {
    LIST=
    for each in $1; do
        LIST="$LIST${LIST:+,}\"$each\""
    done
    LIST="[$LIST]"
}
