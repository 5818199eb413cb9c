# Leaves out of CLUSTERPRO's tables what nobody reads: comments, which may be long and in any script, and other resources' monitors. Each
# function changes OUT, and fails if that is no such table.

# few_lines: of text that is no table, such as an error.
few_lines() {
    kept='' lines=0
    IFS=$LF
    for text in $OUT; do
        lines=$((lines + 1))
        [ "$lines" -le 6 ] || break
        kept=$kept$text$LF
    done
    IFS=' '
    OUT=${kept%"$LF"}
}

# table: servers and groups of clpstat.
table() {
    case $OUT in
    *'<server>'*) ;;
    *) few_lines && return 1 ;;
    esac
    kept=''
    IFS=$LF
    for text in $OUT; do
        word=${text#"${text%%[! ]*}"}
        case ${word%"${word##*[! ]}"} in
        '<monitor>') break ;;
        '<'*'>') kept=$kept$text$LF ;;
        *:*)
            # Two blanks end a status.
            value=${text#*:}
            value=${value#"${value%%[! ]*}"}
            kept="$kept${text%%:*}: ${value%%  *}$LF"
            ;;
        esac
    done
    IFS=' '
    OUT=${kept%"$LF"}
}

# asked_monitors: the head of `clpstat -m`, which numbers the servers, and the blocks of MONITORS. A name may be cut.
asked_monitors() {
    case $OUT in
    *Monitor*'['*']'*) ;;
    *) few_lines && return 1 ;;
    esac
    kept='' asked=yes
    IFS=$LF
    for text in $OUT; do
        case $text in
        *Monitor*'['*']'*)
            name=${text#*'['}
            name=${name%%[]:]*}
            name=${name%"${name##*[! ]}"}
            asked=no
            IFS=' '
            for monitor in $MONITORS; do
                case $monitor in
                "$name"*) asked=yes ;;
                esac
            done
            IFS=$LF
            ;;
        *:*) ;;
        *) continue ;;
        esac
        [ $asked = no ] || kept=$kept$text$LF
    done
    IFS=' '
    OUT=${kept%"$LF"}
}

# compact: of clpmdstat, without the lines that only draw.
compact() {
    case $OUT in
    *'Mirror Status'*) ;;
    *) few_lines && return 1 ;;
    esac
    kept=''
    IFS=$LF
    for text in $OUT; do
        case $text in
        *[!\ =-]*) kept=$kept${text%"${text##*[! ]}"}$LF ;;
        esac
    done
    IFS=' '
    OUT=${kept%"$LF"}
}
