"""The sweep: each way to die, at each phase of a backup, and a loss of power at each phase of a restore's outage.

Every one must end in a normal cluster.

python -m scenarios.sweep DIR     writes each as a file that `make scenario FILE=…` runs
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

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


@dataclass(frozen=True)
class Case:
    phase: str
    fault: str

    @property
    def name(self) -> str:
        return f"{self.phase}-{self.fault}"

    def document(self) -> dict[str, Any]:
        """The scenario, as its file would say it."""
        function, call = WORKS[self.phase]
        faults = {
            "crash_before": {"function": function, "at": self.phase, "effect": "crash_before"},
            "crash_after": {"function": function, "at": self.phase, "effect": "crash_after"},
            "lost_reply": {"call": call, "at": self.phase, "effect": "lose_reply"},
            "abort": {"execution": "abort", "at": self.phase},
            "standby_off": {"node": "standby", "at": self.phase, "effect": "power_off"},
            "active_off": {"node": "active", "at": self.phase, "effect": "power_off"},
        }
        status, valid = self.outcome()
        if self.name == "StopStandby-standby_off":
            # The power is lost within the second in which `--pre` begins. Nobody outside can tell whether it has set a
            # flag, so converge is Stuck and an alarm is sent.
            expect = {"status": "FAILED", "healthy_within": PATIENCE, "valid_backups": 0, "stuck": "maybe"}
            step = {"backup": {}, "faults": [faults[self.fault]], "expect": expect}
            return {"name": f"{self.fault} at {self.phase}", "steps": [step]}
        return {
            "name": f"{self.fault.replace('_', ' ')} at {self.phase}",
            "steps": [
                {"write": {"file": "before", "text": "written before"}},
                {
                    "backup": {},
                    "faults": [faults[self.fault]],
                    "expect": {"status": status, "healthy_within": PATIENCE, "valid_backups": valid},
                },
                {"check": {"file": "before", "text": "written before"}},
                {"write": {"file": "after", "text": "written after"}},
                {"check": {"file": "after", "text": "written after"}},
                {"backup": {}, "expect": {"healthy_within": 30, "valid_backups": valid + 1}},
            ],
        }

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

    @property
    def name(self) -> str:
        return f"restore-{self.phase}-{self.node}_off"

    def document(self) -> dict[str, Any]:
        fault = {"node": self.node, "at": self.phase, "effect": "power_off"}
        expect: dict[str, Any] = {"status": "SUCCEEDED", "healthy_within": PATIENCE}
        kept = {"check": {"file": "later", "absent": True}}
        if self.phase == "StopBoth":
            # Off, but not by the preparation: nothing is exchanged, and the old data is served again.
            expect["status"] = "FAILED"
            kept = {"check": {"file": "later", "text": "written after the backup"}}
        return {
            "name": f"{self.node} off at {self.phase} of a restore",
            "cluster": {"timing": {"peer_wait": 60}},
            "steps": [
                {"write": {"file": "before", "text": "written before"}},
                {"backup": {}},
                {"write": {"file": "later", "text": "written after the backup"}},
                {"restore": {"backup": "latest", "confirm": "orders"}, "faults": [fault], "expect": expect},
                {"check": {"file": "before", "text": "written before"}},
                kept,
                {"backup": {}, "expect": {"healthy_within": 60, "valid_backups": 2}},
            ],
        }


CASES: list[Case | RestoreCase] = [Case(phase, fault) for phase in PHASES for fault in FAULTS]
CASES += [
    RestoreCase(phase, node)
    for phase in ("StopBoth", "CheckDevices", "PostProcess", "Verify")
    for node in ("standby", "active")
]


def main(argv: list[str]) -> int:
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(argv[0])
    out.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        text = yaml.safe_dump(case.document(), sort_keys=False, width=120)
        (out / f"{case.name}.yaml").write_text(text, encoding="utf-8")
    print(f"{len(CASES)} scenarios in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
