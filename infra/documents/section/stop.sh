# ── quiet by stopping the groups ────────────────────────────────────────────────────────────────────────────────────
# The functions and values here are what freeze.sh has in another way.

QUIET=offline # what WHERE is, on either node, while all is quiet
NAP=1         # s between the standby's looks while the groups are plainly Online
RESTARTS='-p RestartSec=3'
UNDOES='starts the groups again'

# What the standby reads after its break beside the colours: nothing. The active may have sealed and started its groups by then, if this
# unit was slow. That the break came before the start is what the seal says; that this side was not written since the groups were read
# Offline here is what the counts say (docs/safety.md, S3).
AGAIN=
unchanged() {
    :
}

# Before the quiet, behind the timer. A restore runs no hook.
prepare() {
    [ "$THEN" = down ] || before
}

# Under the lock: what is about to be done.
announce() {
    note stopping || { reason=record && return 1; }
}

become_quiet() {
    stop_groups
}

# A4, under the lock: whether it is still quiet, and broken. A3 has read RED, and the groups are read after that: this order is the seal's.
# RED is read once more beside them, since a false look never seals.
holds() {
    see groups mirrors
    quiet && red
}

# Sets OTHERWISE, what the timer's command line does without the run's directory.
otherwise() {
    otherwise='exit 0'
    for each in $FAILOVER_GROUPS; do
        otherwise="{ clpgrp -n $each | grep -q . || timeout -s KILL $((START + 10)) clpgrp -s $each; } && $otherwise"
    done
}

# belief: clp-stop-code, clp-stop-fails
# A2. Takes at most STOP seconds for all groups, in rounds: one may refuse its stop while another still runs, and clpstat may show a stop
# late. A group of a backup counts as stopped by us only if it was Online here in the look before a `clpgrp -t` of ours that answered 0.
# One that goes Offline otherwise was stopped by somebody, who may start it again.
stop_groups() {
    deadline=$((started + STOP * 100)) reason=stop_failed ours=' '
    while :; do
        look
        if [ "$READ/$SELF_UP/$PEER_UP/$WHERE" = yes/Online/Online/offline ]; then
            reason=not_our_stop
            [ "$THEN" != down ] || return 0
            for each in $FAILOVER_GROUPS; do
                case $ours in *" $each "*) ;; *) return 1 ;; esac
            done
            return 0
        fi
        worst=0
        for each in $UP_HERE; do
            past $deadline && return 1
            rc=0
            run_order $(((deadline - NOW + 99) / 100)) clpgrp -t "$each" >&3 2>&3 || rc=$?
            [ $rc -ne 0 ] || ours="$ours$each "
            [ $rc -eq 0 ] || worst=$rc
        done
        # After its own stop it looks at once.
        [ -n "$UP_HERE" ] && [ $worst -eq 0 ] || pause 0.2
        past $deadline && return 1
    done
}

# A5. RuntimeMaxSec of the unit limits it; then the timer goes on.
bring_back() {
    # The last look tells which groups are down.
    while :; do
        [ "$WHERE" = self ] || start_groups
        look
        [ "$WHERE" != self ] || break
        pause 0.2
    done
    after active
    # The groups were read online: write the record first, then cancel the timer.
    note 'done' ',"by":"active"' && stop_unit "$UNIT-timer.timer"
}

# CLUSTERPRO refuses to start a group in failure: such a group is stopped first, at most every 30 seconds.
start_groups() {
    if [ -n "$FAILED" ] && past "$stop_failed_at"; then
        for each in $FAILED; do
            run_order $((START + 10)) clpgrp -t "$each" >&3 2>&3 || :
        done
        stop_failed_at=$((NOW + 3000))
    fi
    for each in $DOWN; do
        run_order $((START + 10)) clpgrp -s "$each" >&3 2>&3 || :
    done
}
