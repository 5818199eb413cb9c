# How CLUSTERPRO's state is read: several reads side by side, where none of them has to come after another one.
RS=$(printf '\036')
ALONE=no

# see WHAT…: reads `groups`, `monitors` and `mirrors`, those that are named, side by side, and judges the answers once all are there. `look`,
# `monitors` and `colours` see one. Which reads have to come one after the other is said in docs/safety.md; they are never named together.
# It is as exact as one read after the other: every read begins after what came before `see`, and what comes after it begins once all have
# ended. Each has its own time limit. One that fails has answered nothing, and counts as unreadable, whatever the others say.
# Where one could not be read, all are read once more, one after the other, and so is whatever this process reads from then on: CLUSTERPRO
# may refuse a command while another one runs.
# belief: clp-reads-beside
see() {
    sights=$*
    set --
    for sight in $sights; do
        case $sight in
        groups) set -- "$@" 'clpstat -s --long' ;;
        monitors) set -- "$@" 'clpstat -m --long' ;;
        mirrors)
            for disk in $DISKS; do
                set -- "$@" "clpmdstat -m $disk"
            done
            ;;
        esac
    done
    together=$#
    if [ $ALONE = no ]; then
        answers=$(exec 8>&- 9>&-; beside "$@")
    else
        answers=''
        for each_read in "$@"; do
            answers=$answers$(exec 8>&- 9>&-; beside "$each_read")$RS
        done
    fi
    IFS=$RS
    # shellcheck disable=SC2086
    set -- $answers
    IFS=' ' unread=no
    for sight in $sights; do
        case $sight in
        groups)
            STATUS=${1-}
            judge_groups
            [ "$READ" = yes ] || unread=yes
            ;;
        monitors)
            TABLE=${1-}
            judge_monitors
            case $MINE/$THEIRS in *unreadable*) unread=yes ;; esac
            ;;
        mirrors)
            OWN='' OTHERS=''
            for disk in $DISKS; do
                MIRROR=${1-}
                judge_mirror
                [ $# -eq 0 ] || shift
            done
            case $OWN/$OTHERS in *MIXED*) unread=yes ;; esac
            continue
            ;;
        esac
        [ $# -eq 0 ] || shift
    done
    [ $unread/$ALONE = yes/no ] && [ $together -gt 1 ] || return 0
    ALONE=yes
    # shellcheck disable=SC2086
    see $sights
}

# beside READ…: prints what each read has printed, in this order, with RS between them. A pipe keeps what the later ones print until the
# first has ended. So no file is needed, which could be deleted or lie on a frozen file system. The substitution around it waits for every
# process of it, as it does for one read, and a signal to the unit ends them as it ends one.
beside() {
    # shellcheck disable=SC2086
    [ $# -gt 1 ] || exec timeout -s KILL 10 $1 2>&1
    first=$1
    shift
    beside "$@" | {
        # shellcheck disable=SC2086
        timeout -s KILL 10 $first 2>&1
        printf '%s' "$RS"
        exec cat
    }
}
