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
from dataclasses import dataclass, fields
from typing import Any

from lab.nodes.clusterpro.switches import CHOICES, Switches

# `umount_failures` is no belief but a count of failures, with scenarios of its own.
NO_SWITCH = frozenset({"umount_failures"})
# A whole life does not pass yet under these. tests/contract/test_documents_late.py has what holds.
NOT_YET = frozenset({"fails_once=orders"})
SEED = int(os.environ.get("SWITCH_SEED") or datetime.date.today().strftime("%Y%m%d"))
PAIRS = int(os.environ.get("SWITCH_PAIRS") or 60)


@dataclass(frozen=True)
class Value:
    """One belief the other way."""

    name: str
    value: Any
    where: str = "switches"  # the key of the scenario's cluster that takes it; "" if it is one itself
    refused: str = ""  # the error by which a backup is refused under it, "" if it is not

    @property
    def id(self) -> str:
        return f"{self.name}={self.value}"

    def put(self, cluster: dict[str, Any]) -> None:
        (cluster.setdefault(self.where, {}) if self.where else cluster)[self.name] = self.value


def _others(name: str, default: Any) -> list[Any]:
    choices = CHOICES.get(name, (True, False))
    return [each for each in choices if each != default]


# What mirrorsnap does without nothing but by a refusal: without clpcfget nobody can say which paths CLUSTERPRO opens.
REFUSED = {"clpcfget=False": "DeviceMismatch"}
VALUES = [
    *(
        Value(field.name, other, refused=REFUSED.get(f"{field.name}={other}", ""))
        for field in fields(Switches)
        if field.name not in NO_SWITCH
        for other in _others(field.name, field.default)
        if f"{field.name}={other}" not in NOT_YET
    ),
    Value("clp_command", 0.7, "timing"),
    Value("systemd", 239, ""),
    Value("layout", "partuuid", ""),
    Value("other_monitors", 60, ""),
    Value("comments", True, ""),
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
        return [
            {"write": {"file": "kept", "text": "before the backup"}},
            {"backup": {}, "expect": {**healthy, "valid_backups": before + 1}},
            {"write": {"file": "later", "text": "after the backup"}},
            {"backup": {}, "faults": abort, "expect": {"status": "ABORTED", "healthy_within": 900}},
            {"restore": {"backup": "latest", "confirm": "orders"}, "expect": healthy},
            {"check": {"file": "kept", "text": "before the backup"}},
            {"check": {"file": "later", "absent": True}},
            {"restore": {"rollback": "last", "confirm": "orders"}, "expect": healthy},
            {"check": {"file": "later", "text": "after the backup"}},
            {"recover": {}, "expect": healthy},
        ]


def drawn(seed: int, chain: str, count: int = 3) -> tuple[Value, ...]:
    """`count` values of different names for a chain of the sweep."""
    values = [each for each in VALUES if not each.refused]
    random.Random(f"{seed} {chain}").shuffle(values)
    return tuple({each.name: each for each in values}.values())[:count]


def singles() -> list[Life]:
    return [Life((value,)) for value in VALUES]


def pairs(seed: int, count: int) -> list[Life]:
    """`count` pairs of values of different names, none twice."""
    different = [pair for pair in itertools.combinations(VALUES, 2) if pair[0].name != pair[1].name]
    return [Life(pair) for pair in random.Random(seed).sample(different, min(count, len(different)))]
