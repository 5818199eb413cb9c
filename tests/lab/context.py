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
ACCOUNT = "000000000000"


@dataclass
class Timing:
    """How long things take, in lab seconds. Names are those of the scenario format."""

    group_stop: float = 0.5
    group_start: float = 0.5
    boot: float = 2.0  # StartInstances to an OS that runs commands
    shutdown: float = 1.0  # the OS's own shutdown, from its order to `stopped`
    snapshot: float = 3.0  # CreateSnapshot(s) to `completed`
    ssm_delivery: float = 1.0  # SendCommand to the first line of the script
    instance_pending: float = 0.5  # StartInstances to `running`; the boot goes on after it
    volume_create: float = 1.0  # CreateVolume to `available`
    volume_attach: float = 0.5  # AttachVolume to `attached`
    volume_detach: float = 0.5  # DetachVolume to `available`
    fsr_enable: float = 3.0  # enabling, then optimizing, then enabled: this much in all
    fsr_credit: float = 2.0  # `enabled` to the first credit in an AZ
    forced_stop: float = 120.0  # an API stop cuts the power of a guest that has not gone down by then
    ssm_ping: float = 1.0  # how often an agent reports itself
    ssm_connection_lost: float = 300.0  # PingStatus stays Online this long after an agent has gone

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
    lock: threading.RLock = field(default_factory=threading.RLock)  # guards the EC2, SSM and cluster models


lab: Lab = None  # type: ignore[assignment]  # set by install(), before any request is served


def install(home: Path, scale: float) -> Lab:
    global lab
    clock = Clock(scale)
    record = Record(clock, home / "log.jsonl")
    lab = Lab(clock=clock, timers=Timers(clock), record=record, faults=Faults(record), home=home)
    return lab
