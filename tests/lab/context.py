"""What one running lab consists of: its clock, timers, log, faults, lock and timings, reached as `context.lab`.

The patched packages keep their state in module globals, so one process is one lab; this module is the same choice
made visible. `install()` is called once, by server.py, before anything else of the lab is imported into ministack.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .clock import Clock, Timers
from .faults import Faults
from .record import Record

REGION = "ap-northeast-1"
# The second one has snapshots and keys only: what copies of snapshots need.
REGIONS = (REGION, "ap-northeast-3")
ACCOUNT = "000000000000"


@dataclass
class Timing:
    """How long things take, in lab seconds. Names are those of the scenario format."""

    group_stop: float = 0.5
    group_start: float = 0.5
    group_wait: float = 1800.0  # how long a group waits for others at its start or stop, before that is cancelled
    boot: float = 2.0  # StartInstances to an OS that runs commands
    shutdown: float = 1.0  # the OS's own shutdown, from its order to `stopped`
    snapshot: float = 3.0  # CreateSnapshot(s) to `completed`
    ssm_delivery: float = 1.0  # SendCommand to the first line of the script
    instance_pending: float = 0.5  # StartInstances to `running`; the boot goes on after it
    volume_create: float = 1.0  # CreateVolume to `available`
    volume_attach: float = 0.5  # AttachVolume to `attached`
    volume_detach: float = 0.5  # DetachVolume to `available`
    snapshot_copy: float = 3.0  # CopySnapshot to `completed`
    snapshot_interval: float = 0.0  # least time between snapshots in progress of one volume; 15 s on AWS
    snapshot_archive: float = 3.0  # ModifySnapshotTier to `archival-completed`
    snapshot_restore: float = 3.0  # RestoreSnapshotTier to its completion; up to 72 h on AWS
    snapshot_day: float = 86_400.0  # a day of a snapshot lock or of a temporary restore
    fsr_disable: float = 1.0  # disabling to disabled
    fsr_enable: float = 3.0  # enabling, then optimizing, then enabled: this much in all
    # `enabled` to the first credit in an AZ, and from one credit to the next. AWS: max(6 min, GiB/1024 h)
    fsr_credit: float = 2.0
    # A volume or snapshot younger than this is unknown to CreateTags and DeleteTags: some seconds on AWS, now and then
    tag_lag: float = 0.0
    volume_delete: float = 0.5  # DeleteVolume to `deleted`, after which the volume is unknown
    volume_modify: float = 2.0  # `modifying`, and again as long `optimizing`
    guest_halt: float = 0.2  # from a guest that has gone down by itself to `stopped` or `terminated`
    status_checks: float = 4.0  # StartInstances to status checks that say `ok` instead of `initializing`
    force_stop: float = 10.0  # a stop with Force gives the guest this long
    forced_stop: float = 120.0  # an API stop cuts the power of a guest that has not gone down by then
    ssm_ping: float = 1.0  # how often an agent reports itself
    ssm_connection_lost: float = 300.0  # PingStatus stays Online this long after an agent has gone

    # CLUSTERPRO. Where life takes minutes (a heartbeat times out after 90 s), the lab keeps the order, not the length.
    cluster_start: float = 0.3  # the cluster service's start to looking for its peer
    peer_wait: float = 300.0  # how long the first node waits for the other before it comes online alone
    heartbeat_timeout: float = 2.0  # a silent peer counts as down after this
    monitor_interval: float = 0.5  # how often the mirror monitors look
    recovery: float = 1.0  # a FAST mirror recovery, from start to GREEN
    recovery_full: float = 4.0  # a full one
    fsfreeze: float = 0.0  # what an fsfreeze takes before the kernel is asked
    clp_command: float = 0.0  # what every clp* command takes beside its own work; 0.5 to 1 s in the field
    mirror_break: float = 0.1  # clpmdctrl --break
    backup_mode: float = 0.2  # the own work of clpbackup.sh and clprestore.sh, without shutdown and boot

    def update(self, values: dict[str, Any]) -> None:
        known = {f.name for f in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown timing {name!r}; known: {', '.join(sorted(known))}")
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 86_400:
                raise ValueError(f"timing {name!r} must be a number of seconds between 0 and 86400, not {value!r}")
            setattr(self, name, float(value))


@dataclass
class Lab:
    clock: Clock
    timers: Timers
    record: Record
    faults: Faults
    home: Path  # everything the lab writes lies in here and goes with it
    endpoint: str = ""
    timing: Timing = field(default_factory=Timing)
    world: dict[str, Any] = field(default_factory=dict)  # spec of the initial world, see ec2/world.py
    cluster: dict[str, Any] = field(default_factory=dict)  # the `cluster:` mapping, see nodes/clusterpro/spec.py
    lies: tuple[str, ...] = ()  # what it answers wrongly on purpose, see lies/
    mutation: int | None = None  # the seed of an answer that it gives wrongly
    lock: threading.RLock = field(default_factory=threading.RLock)  # guards the EC2, SSM and cluster models


lab: Lab = None  # type: ignore[assignment]  # set by install(), before any request is served


def install(home: Path, scale: float) -> Lab:
    global lab
    clock = Clock(scale)
    record = Record(clock, home / "log.jsonl")
    lab = Lab(clock=clock, timers=Timers(clock), record=record, faults=Faults(record), home=home)
    return lab
