"""The sweep: each way to die, at each phase of a backup, and at those in which a frozen one differs; a loss of power at
each phase of a restore's outage.

Every case must end in a normal cluster, so the cases of one chain follow one another in one lab (chain.py): that each
begins is one more proof of what the one before left behind. A backup without faults ends each chain. The cluster of a
chain behaves, where nobody knows how CLUSTERPRO does, as SWITCH_SEED draws it (switches.py).

python -m scenarios.sweep DIR     writes each case as a file that `make scenario FILE=…` runs, in a lab of its own
"""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scenarios.switches import SEED, Value, drawn

PHASES = (
    *("Quiesce", "Split", "Resume", "EnterBackupMode", "StopStandby", "Snapshot", "StartStandby", "LeaveBackupMode"),
    *("Resync", "MarkValid"),
)
# The function that works in a phase, and its call that changes something there.
WORKS = {
    "Quiesce": ("run-node-step", "ssm:SendCommand"),
    "Split": ("run-node-step", "ssm:SendCommand"),
    "Resume": ("run-node-step", "ssm:SendCommand"),
    "EnterBackupMode": ("run-node-step", "ssm:SendCommand"),
    "StopStandby": ("assess", "ec2:DescribeInstances"),
    "Snapshot": ("create-snapshots", "ec2:CreateSnapshot"),
    "StartStandby": ("set-power", "ec2:StartInstances"),
    "LeaveBackupMode": ("run-node-step", "ssm:SendCommand"),
    "Resync": ("run-node-step", "ssm:SendCommand"),
    "MarkValid": ("check-snapshots", "ec2:CreateTags"),
}
FAULTS = ("crash_before", "crash_after", "lost_reply", "abort", "standby_off", "active_off")
# How long the recovery may take, in lab seconds after the backup's own end.
PATIENCE = 900
# Every backup of a chain is kept: what retention does is another scenario's.
CLUSTER: dict[str, Any] = {"config": {"retention": {"keep_last": 50}}}
Steps = list[dict[str, Any]]


def cluster(beliefs: tuple[Value, ...], **more: Any) -> dict[str, Any]:
    """The sweep's cluster, under these beliefs."""
    made = copy.deepcopy({**CLUSTER, **more})
    for value in beliefs:
        value.put(made)
    return made


@dataclass(frozen=True)
class Case:
    """One fault in one phase of a backup."""

    phase: str
    fault: str
    beliefs: tuple[Value, ...] = ()
    frozen: bool = False  # the backup freezes the file systems, and stops no group

    @property
    def name(self) -> str:
        return f"{'frozen-' * self.frozen}{self.phase}-{self.fault}"

    @property
    def in_doubt(self) -> bool:
        """The power is lost within the second in which `--pre` begins. Nobody outside can tell whether it has set a
        flag, so converge is Stuck and an alarm is sent."""
        return self.name == "StopStandby-standby_off"

    @property
    def cluster(self) -> dict[str, Any]:
        return cluster(self.beliefs)

    def steps(self, before: int) -> Steps:
        """`before`: the valid backups that there are."""
        function, call = WORKS[self.phase]
        faults = {
            "crash_before": {"function": function, "at": self.phase, "effect": "crash_before"},
            "crash_after": {"function": function, "at": self.phase, "effect": "crash_after"},
            "lost_reply": {"call": call, "at": self.phase, "effect": "lose_reply"},
            "abort": {"execution": "abort", "at": self.phase},
            "standby_off": {"node": "standby", "at": self.phase, "effect": "power_off"},
            "active_off": {"node": "active", "at": self.phase, "effect": "power_off"},
        }
        fault = [faults[self.fault]]
        if self.in_doubt:
            expect = {"status": "FAILED", "healthy_within": PATIENCE, "valid_backups": before, "stuck": "maybe"}
            return [{"backup": {}, "faults": fault, "expect": expect}]
        status, valid = self.outcome()
        expect = {"status": status, "healthy_within": PATIENCE, "valid_backups": before + valid}
        if self.frozen and not self.fault.endswith("_off"):
            expect["outage_below"] = 0
        first, second = f"{self.name}-before", f"{self.name}-after"
        return [
            {"write": {"file": first, "text": "written before"}},
            {"backup": {"consistency": "frozen"} if self.frozen else {}, "faults": fault, "expect": expect},
            {"check": {"file": first, "text": "written before"}},
            {"write": {"file": second, "text": "written after"}},
            {"check": {"file": second, "text": "written after"}},
        ]

    def outcome(self) -> tuple[str, int]:
        """(status of the backup, valid backups it leaves)."""
        at = PHASES.index(self.phase)
        if self.fault in ("crash_before", "crash_after", "lost_reply"):
            return "SUCCEEDED", 1  # retried, and found to have happened
        if self.fault == "abort":
            return "ABORTED", 0
        if self.fault == "standby_off":
            # Stopped already: nothing to lose. On its way back: only the way gets longer.
            return ("SUCCEEDED", 1) if at >= PHASES.index("Snapshot") else ("FAILED", 0)
        # The standby stops by itself once it is told to, and its image is good whatever becomes of the active.
        return ("SUCCEEDED", 1) if at >= PHASES.index("StopStandby") else ("FAILED", 0)


@dataclass(frozen=True)
class RestoreCase:
    """A node loses its power while a restore has the cluster down, or brings it up again."""

    phase: str
    node: str
    beliefs: tuple[Value, ...] = ()

    @property
    def name(self) -> str:
        return f"restore-{self.phase}-{self.node}_off"

    @property
    def cluster(self) -> dict[str, Any]:
        return cluster(self.beliefs, timing={"peer_wait": 60})

    def steps(self, before: int) -> Steps:
        """`before`: the valid backups that there are."""
        fault = {"node": self.node, "at": self.phase, "effect": "power_off"}
        first, later = f"{self.phase}-before", f"{self.phase}-later"
        expect: dict[str, Any] = {"status": "SUCCEEDED", "healthy_within": PATIENCE}
        kept = {"check": {"file": later, "absent": True}}
        if self.phase == "StopBoth":
            # Off, but not by the preparation: nothing is exchanged, and the old data is served again.
            expect["status"] = "FAILED"
            kept = {"check": {"file": later, "text": "written after the backup"}}
        return [
            {"write": {"file": first, "text": "written before"}},
            {"backup": {}, "expect": {"healthy_within": 60, "valid_backups": before + 1}},
            {"write": {"file": later, "text": "written after the backup"}},
            {"restore": {"backup": "latest", "confirm": "orders"}, "faults": [fault], "expect": expect},
            {"check": {"file": first, "text": "written before"}},
            kept,
        ]


@dataclass(frozen=True)
class Closing:
    """A backup without faults, after the last case of a chain."""

    name: str
    cluster: dict[str, Any]

    def steps(self, before: int) -> Steps:
        return [{"backup": {}, "expect": {"healthy_within": 60, "valid_backups": before + 1}}]


Link = Case | RestoreCase | Closing


def closed(name: str, cases: list[Case] | list[RestoreCase]) -> list[Link]:
    return [*cases, Closing(f"{name}-closing", cases[-1].cluster)]


def backups(fault: str) -> list[Case]:
    beliefs = drawn(SEED, fault)
    return [case for phase in PHASES if not (case := Case(phase, fault, beliefs)).in_doubt]


def restores(node: str) -> list[RestoreCase]:
    beliefs = drawn(SEED, f"restore-{node}_off")
    return [RestoreCase(phase, node, beliefs) for phase in ("StopBoth", "CheckDevices", "PostProcess", "Verify")]


def frozen(*faults: str) -> list[Case]:
    """The phases in which a frozen backup is another one. It draws no beliefs: one of them refuses it."""
    return [Case(phase, fault, frozen=True) for fault in faults for phase in ("Quiesce", "Split", "Resume")]


DOUBT = Case("StopStandby", "standby_off", drawn(SEED, "in_doubt"))
# Each chain by its name; all cases are in these.
CHAINS: dict[str, list[Link]] = {
    **{fault: closed(fault, backups(fault)) for fault in FAULTS},
    "in_doubt": [DOUBT],  # it need not end in a normal cluster
    "frozen-crash": closed("frozen-crash", frozen("crash_before", "crash_after")),
    "frozen-lost_reply": closed("frozen-lost_reply", frozen("lost_reply")),
    "frozen-abort": closed("frozen-abort", frozen("abort")),
    "frozen-off": closed("frozen-off", frozen("standby_off", "active_off")),
    **{f"restore-{node}_off": closed(f"restore-{node}_off", restores(node)) for node in ("standby", "active")},
}
# One of each kind, in as many different phases.
QUICK: dict[str, list[Link]] = {
    "quick-backup": closed(
        "quick-backup",
        [
            Case("Split", "crash_before"),
            Case("Quiesce", "crash_after"),
            Case("Snapshot", "lost_reply"),
            Case("EnterBackupMode", "abort"),
            Case("Resync", "standby_off"),
            Case("StopStandby", "active_off"),
        ],
    ),
    "quick-restore": closed(
        "quick-restore", [RestoreCase("CheckDevices", "standby"), RestoreCase("PostProcess", "active")]
    ),
}


def document(link: Link, before: int) -> dict[str, Any]:
    """The scenario, as its file would say it. `before`: the valid backups that there are."""
    return {"name": link.name, "cluster": link.cluster, "steps": link.steps(before)}


def main(argv: list[str]) -> int:
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(argv[0])
    out.mkdir(parents=True, exist_ok=True)
    cases = [link for links in CHAINS.values() for link in links]
    for case in cases:
        text = yaml.safe_dump(document(case, 0), sort_keys=False, width=120)
        (out / f"{case.name}.yaml").write_text(text, encoding="utf-8")
    print(f"{len(cases)} scenarios in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
