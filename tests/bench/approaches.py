"""The ways to take a backup that are compared. Each runs once in a fresh lab, the same for all of them, at life's pace.

Nothing is tuned against the others: the lab, the cluster, the timings and the processor are the same, and what is
compared with is the acceptance test's own script (tests/seed/operator.sh).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seed.steps import Operator

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse as parse_cluster
from scenario import operation, report
from scenario.format import Expect, Step
from scenario.journal import Journal
from scenario.product import Product, wait_until_up
from scenario.timeline import Window, longest
from scenario.writer import Writer

from . import parts

HEALTHY_WITHIN = 120.0
# What the vendor's chapter 2 does until the group is back: the outage lies within.
UNTIL_BACK = ("check_mirror", "stop_group", "suspend_monitors", "break_mirror", "start_group")

Figures = dict[str, Any]


class Failed(Exception):
    """A run did not do what is measured, so that its figures would mean nothing; the text says what it did."""


def _outage(journal: Journal, start: float, end: float) -> Window:
    found = longest(journal.outages(start, end))
    if found is None or found.open:
        raise Failed("the group was never down" if found is None else "the group is still down")
    return found


def _sound(lab: Lab) -> None:
    if bad := lab.control("oracles")["violations"]:
        raise Failed(f"the lab's oracles object: {bad}")


def mirrorsnap(lab: Lab) -> Figures:
    """The deployed product: one backup, to its end."""
    spec = parse_cluster({})
    product = Product(lab, spec)
    journal = Journal(lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
    product.deploy()
    wait_until_up(lab)
    step = Step(0, "backup", {}, expect=Expect(status="SUCCEEDED", healthy_within=HEALTHY_WITHIN))
    with Writer(lab) as writer:
        lab.sleep(1)
        begun = operation.begin(product, step, "backup", {}, [])
        operation.finish(product, journal, begun)
    if writer.problem:
        raise Failed(f"the application failed: {writer.problem}")
    operation.judge(product, journal, begun, set())
    if wrong := [*begun.failures, *begun.residue, *begun.violations]:
        raise Failed(f"the backup: {wrong}")
    _sound(lab)
    whole = report.figures(product, journal, begun, "backup", [], [])
    down = _outage(journal, begun.started, begun.over or begun.started)
    kept = ("degraded_seconds", "total_seconds", "transitions")
    return {**parts.outage(journal.entries, down), **{key: whole[key] for key in kept}}


def _script(lab: Lab, **settings: str) -> Figures:
    """The vendor's procedure until the group is back."""
    spec = parse_cluster({})
    journal = Journal(lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
    wait_until_up(lab)
    start = journal.now()
    with tempfile.TemporaryDirectory(prefix="mirrorsnap-bench-") as directory, Writer(lab) as writer:
        lab.sleep(1)
        operator = Operator(lab, Path(directory) / "notes", **settings)
        for step in UNTIL_BACK:  # one terminal, one step after another
            done = operator.run(step)
            if done.returncode:
                raise Failed(f"{step}: {done.stdout}{done.stderr}")
    if writer.problem:
        raise Failed(f"the application failed: {writer.problem}")
    _sound(lab)
    return parts.outage(journal.entries, _outage(journal, start, journal.now()))


def cli_waiters(lab: Lab) -> Figures:
    """The vendor's procedure by script, waiting with the AWS CLI's own waiters."""
    return _script(lab)


def cli_1s(lab: Lab) -> Figures:
    """The same script, which looks every second."""
    return _script(lab, POLL="1")


APPROACHES: dict[str, Callable[[Lab], Figures]] = {
    "mirrorsnap": mirrorsnap,
    "cli_waiters": cli_waiters,
    "cli_1s": cli_1s,
}
