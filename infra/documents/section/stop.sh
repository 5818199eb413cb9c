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

# Sets OTHERWISE, what the timer's command line does without the run's directory. Several groups are first ordered side by side, as in
# order_groups. Until each of them is there, the unit fails and is started again.
otherwise() {
    together='' otherwise='exit 0'
    for each in $FAILOVER_GROUPS; do
        tried="{ clpgrp -n $each | grep -q . || timeout -s KILL $((START + 10)) clpgrp -s $each; }"
        together="$together$tried & " otherwise="$tried && $otherwise"
    done
    case $FAILOVER_GROUPS in *' '*) otherwise="${together}wait; $otherwise" ;; esac
}

# belief: clp-group-start-waits, clp-group-stop-waits, clp-orders-beside
# order_groups SECONDS OPTION GROUP…: clpgrp with this option for each of these groups, side by side: one may wait for another one, in
# either order, and one that waits would keep the others from being ordered. Where CLUSTERPRO refuses one beside another, the callers' next round orders
# it again. Each is killed after SECONDS. Sets DID to the groups
# whose order answered 0, and fails if one did not.
order_groups() {
    bound=$1 option=$2 DID=' ' orders=
    shift 2
    if [ $# -eq 1 ]; then
        # In the foreground: what a shell runs in the background ignores SIGINT.
        run_order "$bound" clpgrp "$option" "$1" >&3 2>&3 || return 1
        DID=" $1 "
        return 0
    fi
    for each in "$@"; do
        run_order "$bound" clpgrp "$option" "$each" >&3 2>&3 &
        orders="$orders $!=$each"
    done
    undone=0
    for each in $orders; do
        if wait "${each%%=*}"; then DID="$DID${each#*=} "; else undone=1; fi
    done
    return $undone
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
        past $deadline && return 1
        settled=no
        if [ -n "$UP_HERE" ]; then
            # shellcheck disable=SC2086
            ! order_groups $(((deadline - NOW + 99) / 100)) -t $UP_HERE || settled=yes
            ours=$ours$DID
        fi
        # After its own stop it looks at once.
        [ $settled = yes ] || pause 0.2
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
# shellcheck disable=SC2086
start_groups() {
    if [ -n "$FAILED" ] && past "$stop_failed_at"; then
        order_groups $((START + 10)) -t $FAILED || :
        stop_failed_at=$((NOW + 3000))
    fi
    [ -z "$DOWN" ] || order_groups $((START + 10)) -s $DOWN || :
}
