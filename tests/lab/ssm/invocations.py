"""Commands and their invocations: state, statuses, what the log and EventBridge hear of a change.

Everything here is guarded by the lab's lock. Statuses are those of the user guide's "Command statuses"; a terminal one
never changes again, whatever an agent reports later.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field
from typing import Any

from .. import context, events
from .content import Script
from .documents import Document, Version

TERMINAL = frozenset({"Success", "Failed", "TimedOut", "Cancelled"})
STDOUT_LIMIT, STDERR_LIMIT = 24_000, 8_000  # characters of GetCommandInvocation, from the beginning
OUTPUT_LIMIT = 2_500  # characters of CommandPlugin.Output


@dataclass
class Switches:
    """Behaviour that differs between real nodes or that AWS does not promise; control op `ssm` sets it."""

    # GetCommandInvocation answers InvocationDoesNotExist for so long after SendCommand (lab seconds)
    invocation_delay: float = 0.2
    # What becomes of a document that is running when its node shuts down: `replay` (it runs again after the boot),
    # `success` (the agent reports before it stops), `failed` (reported after the boot), `lost` (never reported)
    in_flight: str = "replay"
    # An agent that restarts kills the scripts of its documents (KillMode=control-group); amazon-ssm-agent's own unit
    # has KillMode=process, so by default they survive, and the document runs a second time beside them.
    restart_kills_children: bool = False
    # An agent that restarts is away for so long: RestartSec of amazon-ssm-agent's own unit
    restart_seconds: float = 90.0


switches = Switches()


@dataclass
class Plugin:
    """One step's result on one node."""

    name: str
    status: str = "Pending"
    details: str = "Pending"
    rc: int = -1
    started: datetime.datetime | None = None
    finished: datetime.datetime | None = None
    stdout: str = ""
    stderr: str = ""


@dataclass
class Invocation:
    command: Command
    instance_id: str
    instance_name: str
    status: str = "Pending"
    details: str = "Pending"
    plugins: list[Plugin] = field(default_factory=list)
    sent: float = 0.0  # lab time at which it was handed to the agent's queue
    delivered: bool = False
    started: bool = False  # it left the command's own queue (MaxConcurrency)

    @property
    def over(self) -> bool:
        return self.status in TERMINAL

    def become(self, status: str, details: str | None = None) -> bool:
        """Change the status unless it is terminal already; True if it changed."""
        if self.over or (self.status, self.details) == (status, details or status):
            return False
        self.status, self.details = status, details or status
        command = self.command
        context.lab.record.add(
            "command",
            command_id=command.id,
            instance=self.instance_id,
            document=command.document.name,
            status=self.status,
            details=self.details,
        )
        detail = {
            "command-id": command.id,
            "document-name": command.document.name,
            "instance-id": self.instance_id,
            "requested-date-time": _iso(command.requested),
            "status": self.status,
        }
        arn = f"arn:aws:ec2:{context.REGION}:{context.ACCOUNT}:instance/{self.instance_id}"
        events.emit("aws.ssm", "EC2 Command Invocation Status-change Notification", detail, [arn])
        command.invocation_changed(self)
        return True


@dataclass
class Command:
    document: Document
    version: Version
    parameters: dict[str, list[str]]
    scripts: list[Script]
    comment: str
    instance_ids: list[str]
    targets: list[dict[str, Any]]
    timeout: float  # delivery, s
    max_concurrency: str
    max_errors: str
    requested: datetime.datetime
    created: float  # lab time
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    invocations: dict[str, Invocation] = field(default_factory=dict)
    status: str = "Pending"
    details: str = "Pending"
    cancelling: bool = False
    on_change: Any = None  # commands.pump

    @property
    def execution_limit(self) -> float:
        return sum(s.timeout for s in self.scripts if s.applies)

    def errors(self) -> int:
        return sum(i.status in ("Failed", "TimedOut") for i in self.invocations.values())

    def limit(self, text: str) -> int:
        """MaxConcurrency or MaxErrors: a number, or a share of the targets, at least 1 of them for a share above 0."""
        count = len(self.invocations)
        if not text.endswith("%"):
            return int(text)
        share = int(text[:-1])
        return max(1, count * share // 100) if share else 0

    def invocation_changed(self, invocation: Invocation) -> None:
        all_of_them = list(self.invocations.values())
        if all(i.over for i in all_of_them):
            statuses = {i.status for i in all_of_them}
            order = ("Failed", "TimedOut", "Cancelled", "Success")
            worst = next(s for s in order if s in statuses)
            ending = next(i for i in all_of_them if i.status == worst)
            self._become(worst, ending.details)
        elif self.cancelling:
            self._become("Cancelling")
        elif any(i.status != "Pending" for i in all_of_them):
            self._become("InProgress")
        if self.on_change:
            self.on_change(self)

    def _become(self, status: str, details: str | None = None) -> None:
        if status == self.status:
            return
        self.status, self.details = status, details or status
        detail = {
            "command-id": self.id,
            "document-name": self.document.name,
            "requested-date-time": _iso(self.requested),
            "expire-after": _iso(self.expires),
            "parameters": self.parameters,
            "status": self.status,
        }
        arns = [f"arn:aws:ec2:{context.REGION}:{context.ACCOUNT}:instance/{i}" for i in self.invocations]
        events.emit("aws.ssm", "EC2 Command Status-change Notification", detail, arns)

    @property
    def expires(self) -> datetime.datetime:
        """ExpiresAfter: delivery timeout plus execution timeout."""
        return self.requested + datetime.timedelta(seconds=self.timeout + self.execution_limit)


def _iso(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


iso = _iso
commands: dict[str, Command] = {}  # by id, oldest first
