"""What no text confirms about CLUSTERPRO and Linux, both ways: a backup's whole life under each value, and under pairs.

The values are those of tests/lab/nodes/clusterpro/switches.py, versions of systemd, and the pace of the vendor's
commands. Each case is a lab of its own: a backup, one that is aborted (so recover works), a restore, its rollback, and
a recover by hand. All of them must end in a normal cluster with the right bytes, whatever the values are.

SWITCH_PAIRS (60) pairs are drawn by SWITCH_SEED (the day, if it is not given); the ids of the tests say which. Each
chain of the sweep draws three values by it.
"""

from __future__ import annotations

import datetime
import itertools
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lab.nodes.clusterpro.switches import CHOICES, Switches

# `umount_failures` is no belief but a count of failures, with scenarios of its own.
NO_SWITCH = frozenset({"umount_failures"})
SEED = int(os.environ.get("SWITCH_SEED") or datetime.date.today().strftime("%Y%m%d"))
PAIRS = int(os.environ.get("SWITCH_PAIRS") or 60)


@dataclass(frozen=True)
class Value:
    """One belief the other way."""

    name: str
    value: Any
    refused: str = ""  # the error by which a backup is refused under it, "" if it is not
    ends: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)  # see ENDS
    where: str = "switches"  # the key of the scenario's cluster that takes it; "" if it is one itself

    @property
    def id(self) -> str:
        return f"{self.name}={self.value}"

    def put(self, cluster: dict[str, Any]) -> None:
        (cluster.setdefault(self.where, {}) if self.where else cluster)[self.name] = self.value
        cluster.update(BESIDE.get(self.name, {}))


def _others(name: str, default: Any) -> list[Any]:
    choices = CHOICES.get(name, (True, False))
    return [each for each in choices if each != default]


# Groups that wait for one another, in the worst order for both. Without them these switches would change nothing.
WAITING = {
    "failover_groups": [
        {"name": "failover1", "disks": ["md1"], "start_after": ["app1"], "stop_after": ["app1"]},
        {"name": "app1", "disks": []},
    ]
}
APART = {"failover_groups": [{"name": "failover1", "disks": ["md1"]}, {"name": "app1", "disks": []}]}
BESIDE = {"group_start_waits": WAITING, "group_stop_waits": WAITING, "orders_beside": APART}
# What mirrorsnap does without nothing but by a refusal: without clpcfget nobody can say which paths CLUSTERPRO opens.
# Nor what the flags and services are once the scripts say it in words that nobody knows.
REFUSED = {"clpcfget=False": "OutputUnreadable", "script_words=other": "PreparationUnproven"}
# Errors by which the first operations of a kind end, with the cluster back, before one passes: what may be ordered only
# once has failed (docs/safety.md, S3 and rule 10). Those are `clpmdctrl --break`, then `clpbackup.sh --pre`, and
# `clprestore.sh --pre`.
ENDS = {"fails_once=orders": {"backup": ("SectionVoid", "StepFailed"), "restore": ("StepFailed",)}}
VALUES = [
    *(
        Value(each.name, other, REFUSED.get(f"{each.name}={other}", ""), ENDS.get(f"{each.name}={other}", {}))
        for each in fields(Switches)
        if each.name not in NO_SWITCH
        for other in _others(each.name, each.default)
    ),
    Value("clp_command", 0.7, where="timing"),
    Value("systemd", 239, where=""),
    Value("layout", "partuuid", where=""),
    Value("other_monitors", 60, where=""),
    Value("comments", True, where=""),
]


@dataclass(frozen=True)
class Life:
    """A backup, one that is aborted, a restore, its rollback and a recover, under these values."""

    values: tuple[Value, ...]

    @property
    def name(self) -> str:
        return "+".join(each.id for each in self.values)

    @property
    def cluster(self) -> dict[str, Any]:
        cluster: dict[str, Any] = {"timing": {"peer_wait": 20}}
        for each in self.values:
            each.put(cluster)
        return cluster

    def steps(self, before: int) -> list[dict[str, Any]]:
        """`before`: the valid backups that there are."""
        healthy: dict[str, Any] = {"healthy_within": 120}
        if refused := [each.refused for each in self.values if each.refused]:
            refusal = {"status": "FAILED", "error": refused[0], **healthy, "valid_backups": before}
            return [{"backup": {}, "expect": refusal}, {"recover": {}, "expect": healthy}]
        abort = [{"execution": "abort", "at": "Resume"}]
        latest = {"restore": {"backup": "latest", "confirm": "orders"}}
        return [
            {"write": {"file": "kept", "text": "before the backup"}},
            *self._ends("backup", {"backup": {}}, {"valid_backups": before}),
            {"backup": {}, "expect": {**healthy, "valid_backups": before + 1}},
            {"write": {"file": "later", "text": "after the backup"}},
            {"backup": {}, "faults": abort, "expect": {"status": "ABORTED", "healthy_within": 900}},
            *self._ends("restore", latest, {}),
            {**latest, "expect": healthy},
            {"check": {"file": "kept", "text": "before the backup"}},
            {"check": {"file": "later", "absent": True}},
            {"restore": {"rollback": "last", "confirm": "orders"}, "expect": healthy},
            {"check": {"file": "later", "text": "after the backup"}},
            {"recover": {}, "expect": healthy},
        ]

    def _ends(self, kind: str, step: dict[str, Any], expect: dict[str, Any]) -> list[dict[str, Any]]:
        """Those of its values that end the first operations of this kind."""
        errors = max((each.ends.get(kind, ()) for each in self.values), key=len)
        ended = {"status": "FAILED", "healthy_within": 300, **expect}
        return [{**step, "expect": {**ended, "error": error}} for error in errors]


def drawn(seed: int, chain: str, count: int = 3) -> tuple[Value, ...]:
    """`count` values of different names for a chain of the sweep.

    A loss of power may part two groups, and then a backup is refused: a chain has the one group.
    """
    values = [each for each in VALUES if not each.refused and not each.ends and each.name not in BESIDE]
    random.Random(f"{seed} {chain}").shuffle(values)
    return tuple({each.name: each for each in values}.values())[:count]


def singles() -> list[Life]:
    return [Life((value,)) for value in VALUES]


def pairs(seed: int, count: int) -> list[Life]:
    """`count` pairs of values of different names, none twice. Under each of them every operation is done."""
    passing = [each for each in VALUES if not each.refused]
    different = [pair for pair in itertools.combinations(passing, 2) if pair[0].name != pair[1].name]
    return [Life(pair) for pair in random.Random(seed).sample(different, min(count, len(different)))]
