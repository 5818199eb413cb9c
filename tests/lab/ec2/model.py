"""What the lab's EC2 knows: instances, volumes, snapshots, fast snapshot restores. State, no behaviour of calls.

Every resource keeps the renderings that it had, so that a stale describe can answer as of an earlier time, as AWS's
eventually consistent reads do.
"""

from __future__ import annotations

import copy
import secrets
from dataclasses import dataclass, field
from typing import Any

from .. import context
from ..gateway import current_call

OWNER = context.ACCOUNT


def new_id(prefix: str) -> str:
    return f"{prefix}-0{secrets.token_hex(8)}"


class Resource:
    """Base of what can be described and tagged. `touch()` after every change keeps the history and the log."""

    id: str
    tags: dict[str, str]

    def render(self) -> dict[str, Any]:
        """The resource as Describe* returns it, in botocore's names."""
        raise NotImplementedError

    def state_name(self) -> str:
        raise NotImplementedError

    def touch(self) -> None:
        """Record that this resource changed: its history, and an `ec2` log entry when its state moved."""
        lab = context.lab
        history: list[tuple[float, dict[str, Any]]] = self.__dict__.setdefault("_history", [])
        history.append((lab.clock.monotonic(), copy.deepcopy(self.render())))
        self.__dict__.setdefault("_first_seen", history[0][0])
        del history[:-64]
        state = self.state_name()
        if self.__dict__.get("_logged") != state:
            lab.record.add("ec2", id=self.id, state=state, previous=self.__dict__.get("_logged"))
            self.__dict__["_logged"] = state

    def seen(self) -> dict[str, Any] | None:
        """What the describe call being served sees: now, or as of an earlier time; None if it did not exist then."""
        call = current_call()
        if call is None or call.as_of is None:
            return self.render()
        past = [r for t, r in self.__dict__.get("_history", []) if t <= call.as_of]
        return past[-1] if past else None

    def first_seen(self) -> float | None:
        """Lab time since which it is there; None if it is not there yet."""
        return self.__dict__.get("_first_seen")

    def tag_list(self) -> list[dict[str, str]]:
        return [{"Key": k, "Value": v} for k, v in self.tags.items()]


@dataclass
class Attachment:
    volume_id: str
    instance_id: str
    device: str
    state: str = "attached"  # attaching, attached, detaching, detached, busy
    attach_time: Any = None
    delete_on_termination: bool = False
    of_launch: bool = False  # made by RunInstances: it ends `attached` when the instance runs


@dataclass
class Store:
    instances: dict[str, Any] = field(default_factory=dict)  # id -> instances.Instance
    volumes: dict[str, Any] = field(default_factory=dict)  # id -> volumes.Volume
    snapshots: dict[str, Any] = field(default_factory=dict)  # id -> snapshots.Snapshot
    fsr: dict[tuple[str, str], Any] = field(default_factory=dict)  # (snapshot id, AZ) -> fsr.Restore


store = Store()


def here() -> str:
    """The region of the call being served; the lab's own acts are its first region's."""
    call = current_call()
    return call.region if call else context.REGION
