# ── the standby ─────────────────────────────────────────────────────────────────────────────────────────────────────

# S2, S3. RuntimeMaxSec limits it. If it is killed, there is no `broke`, and the set is not valid.
standby() {
    note waiting || return 1
    clock || return 1
    deadline=$((NOW + WAIT * 100)) edge=no nap=$NAP LOOKED=$NOW
    until quiet_with_baton; do
        [ -z "$reason" ] || break
        # Slowly while the groups are plainly Online: each look leaves lines in CLUSTERPRO's own logs.
        if [ "$nap" = 1 ]; then pause 1; else breathe; fi
        ! past $deadline || reason=deadline
        LOOKED=$NOW
        [ "$reason" != deadline ] || break
    done
    ! overruled || reason=overruled
    if [ -n "$reason" ]; then
        note gave_up ",\"reason\":\"$reason\""
        return
    fi
    clock || return 1
    began=$NOW began_text=$UP span_all=0
    # Written before the break: if this unit ends right after it, the record says why the mirror is broken.
    note breaking || return 1
    for each in $DISKS; do
        if overruled; then
            note tainted ',"reason":"overruled"'
            return
        fi
        # What it returns decides nothing: it may fail after it has broken the mirror, or be done before it has.
        run_order "$SPAN" clpmdctrl --break "$each" >&3 2>&3 || :
        span_all=$((span_all + SPAN))
    done
    deadline=$((began + span_all * 100))
    # shellcheck disable=SC2086
    until see $AGAIN mirrors && unchanged && [ "$OWN/$OTHERS" = RED/GREEN ]; do
        [ -z "$reason" ] || break
        ! past $deadline || reason=not_broken
        pause 0.2
    done
    clock || :
    if [ -z "$reason" ] && [ $((NOW - began)) -gt $((span_all * 100)) ]; then
        reason=too_slow
    fi
    # Nothing may have been written since the baton: a recovery that began by itself, for example.
    before=$WRITES
    if [ -z "$reason" ] && ! { counts && [ "$WRITES" = "$before" ]; }; then
        reason=writes
    fi
    if [ -n "$reason" ]; then
        note tainted ",\"reason\":\"$reason\""
        return
    fi
    # enter-backup-mode compares these again.
    put "$RUN_DIR/frozen" "$WRITES" || return 1
    note broke ",\"t1\":$began_text,\"t2\":$UP"
}

# S2, one look. Whether the active has raised the baton and then everything was quiet. The order of the reads counts: first no baton, so
# that one of an earlier run or an old view of one is not taken for this run's; then the baton; then the groups; then the colours.
# Sets REASON if it never can be.
quiet_with_baton() {
    reason=
    if [ $nap = 1 ]; then
        look
        [ "$READ/$WHERE" = yes/peer ] || nap=0.2
        [ $edge$nap != yes1 ] || return 1
    fi
    monitors
    case $MINE in
    online | mixed) reason=monitors && return 1 ;;
    unreadable) return 1 ;;
    esac
    [ "$THEIRS" != online ] || edge=yes
    [ "$edge/$THEIRS" = yes/suspended ] || return 1
    counts || return 1
    # Neither of these two has to come first: both come after the baton, and before the break.
    see groups mirrors
    [ "$READ/$PEER_UP/$WHERE/$OWN/$OTHERS" = "yes/Online/$QUIET/GREEN/GREEN" ]
}
