#!/bin/sh
# The vendor's manual procedure, as an operator types it: AWS CLI and Run Command, the CLI's own waiters, no mirrorsnap.
#
# `operator.sh STEP…` does some steps, `operator.sh backup` and `operator.sh restore` all of them in the printed order.
# It is the lab's acceptance test, and what measurements compare the product with. Chapter numbers are the vendor's.
# What one step has to remember for a later one (snapshot id, volume ids) lies in $OPERATOR_NOTES, as on a note pad;
# a note pad belongs to one lab. POLL: seconds between two looks at a command that runs; without it the CLI's own waiter
# looks, every 5 s.
#
# Needs: AWS_ENDPOINT_URL and credentials in the environment. ACTIVE and STANDBY: the nodes' names (default server1,
# server2). GROUP, DISK, MONITOR, DEVICE: one or more, separated by blanks. AWS: the AWS CLI (default `aws`).
set -eu

: "${AWS:=aws}" "${ACTIVE:=server1}" "${STANDBY:=server2}" "${GROUP:=failover1}" "${DISK:=md1}" "${MONITOR:=mdw1}"
: "${DEVICE:=/dev/sdb}" "${OPERATOR_NOTES:=./operator-notes}" "${POLL:=}"

key() { printf '%s' "$1" | tr -c 'A-Za-z0-9' _; } # NAME as a part of a shell variable's name
remember() { printf "%s='%s'\n" "$1" "$2" >>"$OPERATOR_NOTES"; }
# noted NAME: what was remembered last under that name, or nothing.
noted() {
    [ ! -f "$OPERATOR_NOTES" ] || sed -n "s/^$1='\(.*\)'\$/\1/p" "$OPERATOR_NOTES" | tail -n 1
}
nth() { shift "$1" && printf '%s\n' "$1"; } # N WORD…: the N-th word

say() { printf '\n== %s\n' "$*"; }

instance() { # NAME
    id=$(noted "INSTANCE_$(key "$1")")
    if [ -z "$id" ]; then
        id=$($AWS ec2 describe-instances --filters "Name=tag:Name,Values=$1" \
            --query 'Reservations[0].Instances[0].InstanceId' --output text)
        remember "INSTANCE_$(key "$1")" "$id"
    fi
    printf '%s\n' "$id"
}

volume() { # INSTANCE DEVICE: what is attached there under that name
    $AWS ec2 describe-volumes \
        --filters "Name=attachment.instance-id,Values=$1" "Name=attachment.device,Values=$2" \
        --query 'Volumes[0].VolumeId' --output text
}

# send NODE COMMAND: starts a command on a node and prints its id.
send() {
    line=$(printf '%s' "$2" | sed 's/[\\"]/\\&/g')
    $AWS ssm send-command --instance-ids "$(instance "$1")" --document-name AWS-RunShellScript \
        --parameters "{\"commands\":[\"$line\"]}" --query Command.CommandId --output text
}

# command_executed ID INSTANCE: waits for a command's end. Fails as the command does, and as the waiter: in silence.
command_executed() {
    if [ -z "$POLL" ]; then
        $AWS ssm wait command-executed --command-id "$1" --instance-id "$2" 2>/dev/null
        return
    fi
    while :; do
        state=$($AWS ssm get-command-invocation --command-id "$1" --instance-id "$2" --query Status --output text \
            2>/dev/null) || state=Pending # unknown in the first moments
        case $state in
        Success) return 0 ;;
        Pending | InProgress | Delayed | Cancelling) sleep "$POLL" ;;
        *) return 1 ;;
        esac
    done
}

# on NODE COMMAND: runs it, waits for its end, prints what it printed. Fails as the command does.
on() {
    printf '%s# %s\n' "$1" "$2"
    id=$(send "$1" "$2")
    node=$(instance "$1")
    failed=no
    command_executed "$id" "$node" || failed=yes
    said=$($AWS ssm get-command-invocation --command-id "$id" --instance-id "$node" --query StandardOutputContent \
        --output text)
    [ -z "$said" ] || printf '%s\n' "$said"
    if [ $failed = yes ]; then
        $AWS ssm get-command-invocation --command-id "$id" --instance-id "$node" --output text \
            --query '[StatusDetails,ResponseCode,StandardErrorContent]' >&2
        return 1
    fi
}

# shows NODE COMMAND: like `on`, for clpmdstat, whose exit code is a coded state and not an error: the text counts.
shows() { on "$1" "$2" 2>/dev/null || :; }

# goes_down NODE COMMAND: a command that shuts its own node down. In a unit of its own, so that Run Command is done
# with it before: a command in progress at a shutdown is run again after the next boot, and `clprestore.sh --pre` would
# shut the node down a second time. (At a terminal, as the vendor has it, there is no such thing.) What it prints lies
# on the node in /var/lib, under the command's own name with _ for blanks.
goes_down() {
    printf '%s# %s\n' "$1" "$2"
    file="\${MIRRORSNAP_VAR_LIB:-/var/lib}/$(printf '%s' "$2" | tr ' ' _)"
    on "$1" "systemd-run --collect --unit=${2%%.*}-$(date +%s) sh -c \"$2 >$file 2>&1\"" >/dev/null
}

# agent_answers NODE: tries a harmless command until it runs, as one does after a boot; gives up after a while.
agent_answers() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        if id=$(send "$1" true 2>/dev/null) &&
            command_executed "$id" "$(instance "$1")"; then
            return 0
        fi
        sleep 1
    done
    echo "$1 does not answer" >&2
    return 1
}

# normal DISK…: whether all of them are; prints what clpmdstat shows.
normal() {
    for disk in "$@"; do
        seen=$(shows "$ACTIVE" "clpmdstat --mirror $disk")
        printf '%s\n' "$seen"
        case $seen in *"Mirror Color"*GREEN*GREEN*) ;; *) return 1 ;; esac
    done
}

# ── chapter 2: the backup, on the standby's side ────────────────────────────────────────────────────────────────────

check_mirror() { # 2.1, 3.13
    say "check the mirror"
    # shellcheck disable=SC2086 # a list
    normal $DISK
}

stop_group() { # 2.2, 3.6
    say "stop the failover group"
    for group in $GROUP; do on "$ACTIVE" "clpgrp -t $group"; done
}

suspend_monitors() { # 2.3
    say "suspend the mirror disk monitor on both nodes"
    for monitor in $MONITOR; do
        on "$ACTIVE" "clpmonctrl -s -h $ACTIVE -m $monitor"
        on "$ACTIVE" "clpmonctrl -s -h $STANDBY -m $monitor"
    done
}

break_mirror() { # 2.3
    say "break the mirror"
    for disk in $DISK; do on "$STANDBY" "clpmdctrl --break $disk"; done
}

start_group() { # 2.3
    say "start the failover group again"
    for group in $GROUP; do on "$ACTIVE" "clpgrp -s $group"; done
}

enter_backup_mode() { # 2.4
    say "put the standby in backup mode and shut it down"
    goes_down "$STANDBY" "clpbackup.sh --pre"
    $AWS ec2 wait instance-stopped --instance-ids "$(instance "$STANDBY")"
}

create_snapshot() { # 2.5
    say "snapshot the standby's volume"
    snapshots=''
    for device in $DEVICE; do
        snapshot=$($AWS ec2 create-snapshot --volume-id "$(volume "$(instance "$STANDBY")" "$device")" \
            --description "Mirror Volume Snapshot" --query SnapshotId --output text)
        echo "$snapshot"
        snapshots="$snapshots $snapshot"
    done
    remember SNAPSHOTS "$snapshots"
}

start_standby() { # 2.6
    say "start the standby"
    $AWS ec2 start-instances --instance-ids "$(instance "$STANDBY")" \
        --query 'StartingInstances[].CurrentState.Name' --output text
    $AWS ec2 wait instance-running --instance-ids "$(instance "$STANDBY")"
    agent_answers "$STANDBY"
}

leave_backup_mode() { # 2.7
    say "end backup mode; the standby reboots"
    goes_down "$STANDBY" "clpbackup.sh --post"
}

resume_monitor() { # 2.7
    say "resume the active's mirror disk monitor"
    for monitor in $MONITOR; do on "$ACTIVE" "clpmonctrl -r -h $ACTIVE -m $monitor"; done
}

recover() { # 2.7, only where the mirror does not recover by itself
    say "recover the mirror"
    for disk in $DISK; do on "$ACTIVE" "clpmdctrl --recovery $disk"; done
}

await_normal() { # 2.7, 3.13
    say "wait until the mirror is normal"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        # shellcheck disable=SC2086 # a list
        if shown=$(normal $DISK); then
            printf '%s\n' "$shown"
            return
        fi
        sleep 1
    done
    printf '%s\n' "$shown"
    return 1
}

await_snapshot() {
    say "wait for the snapshot"
    # shellcheck disable=SC2046 # a list
    $AWS ec2 wait snapshot-completed --snapshot-ids $(noted SNAPSHOTS)
}

# ── chapter 3: the restore of both nodes from that snapshot ─────────────────────────────────────────────────────────

zone() { # NODE
    $AWS ec2 describe-instances --instance-ids "$(instance "$1")" \
        --query 'Reservations[0].Instances[0].Placement.AvailabilityZone' --output text
}

enable_fast_restore() { # 3.3
    say "enable fast snapshot restore in both zones"
    snapshots=$(noted SNAPSHOTS)
    # shellcheck disable=SC2086 # a list
    $AWS ec2 enable-fast-snapshot-restores --availability-zones "$(zone "$ACTIVE")" "$(zone "$STANDBY")" \
        --source-snapshot-ids $snapshots --query 'Successful[].State' --output text
    ids=$(printf '%s' "${snapshots# }" | tr ' ' ,)
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        states=$($AWS ec2 describe-fast-snapshot-restores --filters "Name=snapshot-id,Values=$ids" \
            --query "FastSnapshotRestores[?State!='enabled'].State" --output text)
        [ -n "$states" ] || return 0
        sleep 1
    done
    echo "still $states" >&2
    return 1
}

create_volumes() { # 3.4
    say "make a volume for each node out of the snapshot"
    for node in "$ACTIVE" "$STANDBY"; do
        volumes=''
        for snapshot in $(noted SNAPSHOTS); do
            made=$($AWS ec2 create-volume --availability-zone "$(zone "$node")" --snapshot-id "$snapshot" \
                --volume-type gp3 --query VolumeId --output text)
            echo "$node: $made"
            volumes="$volumes $made"
        done
        # shellcheck disable=SC2086 # a list
        $AWS ec2 wait volume-available --volume-ids $volumes
        remember "NEW_$(key "$node")" "$volumes"
    done
}

disable_fast_restore() { # 3.5
    say "disable fast snapshot restore"
    # shellcheck disable=SC2046 # a list
    $AWS ec2 disable-fast-snapshot-restores --availability-zones "$(zone "$ACTIVE")" "$(zone "$STANDBY")" \
        --source-snapshot-ids $(noted SNAPSHOTS) --query 'Successful[].State' --output text
}

enter_restore_mode() { # 3.7
    say "put both nodes in restore mode and shut them down"
    goes_down "$ACTIVE" "clprestore.sh --pre"
    goes_down "$STANDBY" "clprestore.sh --pre"
    $AWS ec2 wait instance-stopped --instance-ids "$(instance "$ACTIVE")" "$(instance "$STANDBY")"
}

swap_volumes() { # 3.8, 3.9
    say "detach the old volumes, attach the new ones with the same device names"
    for node in "$ACTIVE" "$STANDBY"; do
        count=0
        for name in $DEVICE; do
            count=$((count + 1))
            old=$(volume "$(instance "$node")" "$name")
            device=$($AWS ec2 detach-volume --volume-id "$old" --query Device --output text)
            $AWS ec2 wait volume-available --volume-ids "$old"
            # shellcheck disable=SC2046 # a list
            new=$(nth "$count" $(noted "NEW_$(key "$node")"))
            $AWS ec2 attach-volume --volume-id "$new" --instance-id "$(instance "$node")" --device "$device" \
                --query State --output text
            $AWS ec2 wait volume-in-use --volume-ids "$new"
        done
    done
}

start_both() { # 3.10
    say "start both nodes"
    $AWS ec2 start-instances --instance-ids "$(instance "$ACTIVE")" "$(instance "$STANDBY")" \
        --query 'StartingInstances[].CurrentState.Name' --output text
    $AWS ec2 wait instance-running --instance-ids "$(instance "$ACTIVE")" "$(instance "$STANDBY")"
    agent_answers "$ACTIVE"
    agent_answers "$STANDBY"
}

check_devices() { # 3.11
    say "compare the device names"
    on "$ACTIVE" lsblk
    on "$STANDBY" lsblk
}

post_process() { # 3.12
    say "post-process both nodes; they reboot"
    goes_down "$ACTIVE" "clprestore.sh --post --skip-copy"
    goes_down "$STANDBY" "clprestore.sh --post --skip-copy"
}

BACKUP='check_mirror stop_group suspend_monitors break_mirror start_group enter_backup_mode create_snapshot
    start_standby leave_backup_mode resume_monitor await_normal await_snapshot'
RESTORE='enable_fast_restore create_volumes disable_fast_restore stop_group enter_restore_mode swap_volumes start_both
    check_devices post_process await_normal'
OTHERS='recover'

# Steps run outside of any condition, so that `set -e` ends the procedure at the first thing that fails.
for step in "$@"; do
    case $step in
    backup) todo=$BACKUP ;;
    restore) todo=$RESTORE ;;
    *) todo=$step ;;
    esac
    for each in $todo; do
        case " $BACKUP $RESTORE $OTHERS " in
        *[[:space:]]"$each"[[:space:]]*) "$each" ;;
        *)
            echo "operator.sh: no step is called '$each'; steps: $BACKUP $RESTORE $OTHERS backup restore" >&2
            exit 2
            ;;
        esac
    done
done
