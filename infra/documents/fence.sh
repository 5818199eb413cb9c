# @description Store a higher epoch and end what older ones left running; bring back groups that they had stopped
# @param Run run
# @param Epoch epoch
# @param ExpectedBootId boot
#
# F of the critical section (safety.md). It leaves no marker and ignores `hold`, since it only stops units: it may be repeated until it
# answers `ok`. Then no unit of an older epoch runs on this node, except timers. A timer only starts groups, and then writes `done`.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=fence
RUN='{{ Run }}'
EPOCH='{{ Epoch }}'
EXPECTED_BOOT='{{ ExpectedBootId }}'
MARKER=
#include lib/answer.sh
#include lib/node-lock.sh
lock_node 60 "$RUN_ROOT"
read_epoch
if [ "$STORED" != bad ] && [ "$STORED" -gt "$EPOCH" ]; then
    refuse fenced ",\"stored_epoch\":$STORED"
fi
! leaps || refuse epoch_leaps ",\"stored_epoch\":$STORED"
epoch_is_kept || store_epoch || finish failed ',"reason":"epoch_not_stored"'
say 'fence: nothing of an older epoch acts here any more'
exec 8>&-

# Stops a unit and sees it ended.
end_unit() {
    ended "$1" || attempt "stop $1" systemctl stop "$1" || :
    if ! ended "$1"; then
        alive="$alive${alive:+,}\"$1\""
        return 1
    fi
}

# A restore's shutdown that was ordered already goes on. One that was not ordered yet never is (lib/leave.sh; safety.md, rule 21).
no_more_leaving() {
    # shellcheck disable=SC2094
    command exec 9>>"$1/L" && flock -w 30 9 || return 1
    if [ ! -e "$1/leaving" ] && [ ! -e "$1/void" ]; then
        clock || :
        put "$1/void" "{\"epoch\":$theirs,\"boot_id\":\"$BOOT\",\"uptime\":${UP:-0},\"by\":\"fence\"}" || return 1
    fi
    exec 9>&-
}

# Ends the units of lib/acting.sh of this run that an older epoch started.
end_acting() {
    for act in "$1"/*/unit; do
        act=${act%/unit}
        [ -e "$act/unit" ] && [ ! -e "$act/ended" ] && [ ! -e "$act/fenced" ] || continue
        theirs='' unit=''
        read -r theirs <"$act/epoch" || :
        read -r unit <"$act/unit" || :
        [ "$theirs" -lt "$EPOCH" ] && end_unit "$unit" && true >"$act/fenced"
    done
    theirs=
}

alive='' resumed=''
set +f
for dir in "$RUN_ROOT"/*/; do
    dir=${dir%/}
    # An earlier fence has seen all of it ended. A node may have been up for years.
    [ ! -e "$dir/fenced" ] || continue
    run=${dir##*/} theirs='' lives=$alive
    end_acting "$dir"
    [ ! -e "$dir/epoch" ] || read -r theirs <"$dir/epoch" || :
    # A run of this epoch is the caller's own. A run without an epoch has started nothing.
    case $theirs in
    '' | *[!0-9]*) continue ;;
    esac
    [ "$theirs" -lt "$EPOCH" ] || continue
    [ ! -e "$dir/break.sh" ] || end_unit "mirrorsnap-$run-break"
    if [ -e "$dir/active.sh" ] && [ ! -e "$dir/done" ]; then
        # First stop `active`, then read its records. In the other order it could arm the timer in between.
        end_unit "mirrorsnap-$run-active"
        if [ -e "$dir/leave.sh" ] && ! no_more_leaving "$dir"; then
            alive="$alive${alive:+,}\"mirrorsnap-$run-leave\""
        fi
        if [ -e "$dir/arming" ] && [ ! -e "$dir/done" ]; then
            # Runs the timer's part now. The timer itself stays armed until the groups are online.
            unit=mirrorsnap-$run-fence-$EPOCH
            if ended "$unit"; then
                attempt "start $unit" systemd-run --unit="$unit" --collect -p Restart=on-failure -p RestartSec=3 \
                    -p SyslogIdentifier=mirrorsnap --description="mirrorsnap $run: starts the groups again, after a fence" \
                    /bin/sh "$dir/active.sh" timer "$dir" || alive="$alive${alive:+,}\"$unit\""
            fi
            resumed="$resumed${resumed:+,}\"$run\""
        fi
    fi
    # Nothing of a lower epoch begins any more. A run whose timer may still have work stays on the list.
    if [ "$lives" = "$alive" ] && { [ ! -e "$dir/arming" ] || [ -e "$dir/done" ]; }; then
        # Not `:`, whose redirection would end the shell if the directory has gone.
        true >"$dir/fenced" || true
    fi
done
set -f
[ -z "$alive" ] || finish failed ",\"reason\":\"units\",\"units\":[$alive],\"resumed\":[$resumed]"
finish ok ",\"resumed\":[$resumed]"
