# ── quiet by freezing the file systems ──────────────────────────────────────────────────────────────────────────────
# What a frozen backup does in another way than a stopped one (stop.sh, timer.sh): the groups stay Online, and the file system of
# each mirror disk is frozen instead. A freeze outlives its process, so the words that undo it must outlive ours (docs/safety.md,
# "Without an outage"). Of the kernel's fs/super.c:
# - freeze_super blocks writers from its begin, and nothing can interrupt it while it flushes. A killed fsfreeze has frozen.
# - While it waits for the writers that are under way, thaw_super answers EINVAL although the freeze goes on. So a thaw counts only if
#   no fsfreeze of ours was alive before it. Each holds a lock, on descriptor 7, which lives as long as the process does.
# - A second freeze answers EBUSY. So EBUSY to our first freeze means that somebody else has frozen it, to the second that we still hold it.
# Everything of ours lies under /run and on the root disk (lib/mounts.sh refuses a mount that holds any of it).
# belief: linux-fsfreeze
if [ "$CONSISTENCY" = frozen ]; then
    QUIET=self
    [ "$ROLE" != break ] || QUIET=peer
    NAP=0.2 # what the standby takes longer, the applications wait longer
    RESTARTS='-p RestartSec=0.5 -p StartLimitIntervalSec=0'
    UNDOES='thaws the file systems'

    # systemd stops timers first when a node shuts down, and nobody else would thaw. A trap runs once the command in the foreground has
    # ended; systemd ends that too. A freeze that its killed fsfreeze has left under way is waited for: the unit's stop timeout is long.
    if [ "$ROLE" != break ]; then
        trap 'trap "" TERM; [ "$ROLE" != timer ] || read_frozen; thaw_for_good; exit 143' TERM
    fi

    # After the break the standby reads the groups again: they stay where they are until long after it, and one that has moved or stopped was
    # not in our hands. The first table that can be read counts.
    AGAIN=groups
    unchanged() {
        [ "$READ" = yes ] || return 1
        [ "$PEER_UP/$WHERE" = "Online/$QUIET" ] || { reason=changed_meanwhile && return 1; }
    }

    # Behind the timer, and before the pause: the hook, and what is dirty is written. The pause begins at a fixed moment, since the timer does.
    prepare() {
        freeze_at=$(((started / 100 + TMAX - PAUSE) * 100)) frozen=''
        before || return 1
        reason=dirty tries=0
        until flushed; do
            tries=$((tries + 1))
            [ $tries -lt 3 ] || return 1
        done
        clock || return 1
        left=$((freeze_at - NOW - 50))
        [ $left -le 0 ] || pause "$((left / 100)).$((left % 100 / 10))"
        flushed || return 1
        clock || return 1
        left=$((freeze_at - NOW))
        [ $left -le 0 ] || pause "$((left / 100)).$((left % 100 / 10))"
    }

    # Whether nothing is left that would make the freeze long: a flush of each mount takes less than 0.3 s.
    flushed() {
        clock || return 1
        began=$NOW
        for each in $MOUNTS; do
            run_bounded 5 sync -f "$each" >&3 2>&3 || return 1
        done
        clock && [ $((NOW - began)) -lt 30 ]
    }

    announce() {
        reason=late
        past $((freeze_at + 100)) && return 1
        reason=record
        note freezing ",\"pause\":$PAUSE"
    }

    # `mounts` has what we may thaw, and has it before it is frozen.
    become_quiet() {
        for each in $MOUNTS; do
            reason=record
            put "$RUN_DIR/mounts" "$frozen $each" || return 1
            frozen="$frozen $each"
            reason=freeze
            freeze "$each" && continue
            case $said in
            *'Device or resource busy')
                # Somebody else's freeze: it is his to thaw.
                reason=frozen_already frozen=${frozen% "$each"}
                put "$RUN_DIR/mounts" "$frozen" || :
                ;;
            esac
            return 1
        done
    }

    # freeze MOUNT: sets SAID, what fsfreeze answered. Without the mount the same path is of the root disk: so fsfreeze gets it as its
    # directory first, and what is seen mounted then stays mounted until it has ended.
    # belief: linux-busy-mount
    freeze() {
        said=$(
            exec 8>&- 9>&-
            cd "$MOUNT_ROOT$1" && is_mounted "$1" || exit 1
            command exec 7>>"$RUN_DIR/freezes" && flock 7 || exit 1
            exec timeout -s KILL 5 fsfreeze -f "$1" 2>&1
        )
    }

    # Whether no fsfreeze of ours is alive, whoever has started it.
    none_freezes() (
        exec 8>&- 9>&-
        [ -d "$RUN_DIR" ] || exit 0
        command exec 7>>"$RUN_DIR/freezes" && flock -n 7
    )

    # A4, under the lock: a second freeze of each mount must answer EBUSY. If it succeeds, somebody has thawed it, and it is frozen by us
    # again. The pause is short, so nothing is read twice: A3 has read RED, and a copy that ended it would count as writes of the standby;
    # the standby reads the groups before and after its break, and a group that stops meanwhile waits for our thaw.
    holds() {
        reason=thawed
        for each in $frozen; do
            ! freeze "$each" || return 1
            case $said in *'Device or resource busy') ;; *) return 1 ;; esac
        done
    }

    # thaw_all: thaws each mount of FROZEN, and no other. Sets THAWED=yes if each was thawed now, or was not frozen.
    thaw_all() {
        thawed=yes
        for each in $frozen; do
            said=$(run_bounded 5 fsfreeze -u "$each" 2>&1) && continue
            case $said in *'Invalid argument') ;; *) thawed=no ;; esac
        done
    }

    # Until no fsfreeze of ours was alive before a thaw that left nothing frozen.
    thaw_for_good() {
        while :; do
            settled=no
            ! none_freezes || settled=yes
            thaw_all
            [ "$settled/$thawed" != yes/yes ] || break
            pause 0.2
        done
    }

    # A5.
    bring_back() {
        thaw_for_good
        after active
        note 'done' ',"by":"active"' && stop_unit "$UNIT-timer.timer"
    }

    # The thaw comes first, and waits for no lock: what A reads under its own lock before a seal stays true when we thaw (freeze, RED,
    # EBUSY and unmoved counts, in this order). A hold is no reason to leave a file system frozen.
    timer() {
        [ ! -e "$RUN_DIR/done" ] || exit 0
        over=no told=no
        while :; do
            read_frozen
            thaw_all
            [ "$over/$thawed" != yes/yes ] || break
            void_by_timer 0.1
            # It could freeze once more.
            [ $told = yes ] || run_bounded 10 systemctl --no-block stop "$UNIT-active" >/dev/null 2>&1 || :
            told=yes over=no
            if ended "$UNIT-active" && none_freezes; then
                over=yes
            else
                pause 0.2
            fi
        done
        void_by_timer 5
        after timer
        note 'done' ',"by":"timer"'
        stop_unit "$UNIT-timer.timer"
    }

    # void_by_timer SECONDS: `void`, unless one of the two is there, or the lock is not to be had in that time.
    void_by_timer() {
        [ ! -e "$RUN_DIR/sealed" ] && [ ! -e "$RUN_DIR/void" ] || return 0
        if take_lock "$1" && [ ! -e "$RUN_DIR/sealed" ] && [ ! -e "$RUN_DIR/void" ]; then
            note void ',"by":"timer","reason":"deadline"'
        fi
        drop_lock
    }

    read_frozen() {
        frozen=
        read -r frozen 2>/dev/null <"$RUN_DIR/mounts" || :
    }

    # Without the run's directory: in words that systemd does not expand.
    otherwise() {
        thaws=''
        for each in $MOUNTS; do
            thaws="${thaws}timeout -s KILL 5 fsfreeze -u $each; "
        done
        otherwise="${thaws}case \`systemctl is-active $UNIT-active\` in inactive|failed|unknown) $thaws exit 0;; esac"
    }
fi
