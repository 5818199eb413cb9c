"""The ways to take a backup that are compared. Each runs once in a fresh lab, the same for all of them, at life's pace.

Nothing is tuned against the others: the lab, the cluster, the timings and the processor are the same, and what is
compared with is the acceptance test's own script (tests/seed/operator.sh).
"""

from __future__ import annotations

import enum
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seed.steps import Operator

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse as parse_cluster
from scenario import operation, report
from scenario.consistency import Consistency
from scenario.format import Expect, Step
from scenario.journal import Journal, state_names
from scenario.product import ENDED, Product, wait_until_up
from scenario.timeline import Window, degraded, longest
from scenario.writer import Writer

from . import parts, phases, polling
from .bill import bill

HEALTHY_WITHIN = 120.0
BEHIND = "EnterBackupMode"  # of statemachine/backup.yaml, its first state once the groups are back and the records read
# What the vendor's chapter 2 does until the group is back: the outage lies within.
UNTIL_BACK = ("check_mirror", "stop_group", "suspend_monitors", "break_mirror", "start_group")
WHOLE = (
    *(*UNTIL_BACK, "enter_backup_mode", "create_snapshot", "start_standby", "leave_backup_mode", "resume_monitor"),
    *("await_normal", "await_snapshot"),
)

Figures = dict[str, Any]


class Extent(enum.Enum):
    """How far a run goes. What others need after the group is back is long, and no part of the outage."""

    UNTIL_BACK = "until the group is back"
    WHOLE = "to the end of the backup"


class Failed(Exception):
    """A run did not do what is measured, so that its figures would mean nothing; the text says what it did."""


class GivenUp(Failed):
    """The critical section was undone without a seal. Of a frozen backup it is a figure: nothing was stopped."""


def _outage(journal: Journal, start: float, end: float) -> Window:
    found = longest(journal.outages(start, end))
    if found is None or found.open:
        raise Failed("the group was never down" if found is None else "the group is still down")
    return found


def _sound(lab: Lab) -> None:
    if bad := lab.control("oracles")["violations"]:
        raise Failed(f"the lab's oracles object: {bad}")


def _ended(product: Product, journal: Journal, arn: str, extent: Extent, behind: str) -> int:
    """Waits for the execution's end, or until it has entered `behind`, its first state once the group is back. Its
    state transitions so far.
    """
    deadline = product.lab.deadline(1800)
    while (main := product.family(arn).main)["status"] not in ENDED:
        if deadline.passed():
            raise Failed("the execution does not end")
        journal.refresh()
        if extent is Extent.UNTIL_BACK and behind in state_names(journal.entries, arn):
            return main["transitions"]
        product.lab.sleep(0.5)
    if main["error"] == "SectionVoid":
        raise GivenUp(main["cause"])
    if main["status"] != "SUCCEEDED":
        raise Failed(f"the execution ended {main['status']}: {main['error']} {main['cause']}")
    return main["transitions"]


def _pause(journal: Journal, start: float, end: float) -> Figures:
    """A frozen backup's figures in place of an outage's: none, and how long writes waited."""
    if found := longest(journal.outages(start, end)):
        raise Failed(f"a frozen backup stopped the group for {found.seconds:.2f} s")
    held = longest(journal.pauses(start, end))
    if held is None or held.open:
        raise Failed("nothing was frozen" if held is None else "a file system is still frozen")
    return {"outage_seconds": 0.0, "pause_seconds": round(held.seconds, 3)}


def mirrorsnap(lab: Lab, extent: Extent) -> Figures:
    """The deployed product: one backup."""
    return _product(lab, extent, Consistency.STOPPED)


def mirrorsnap_frozen(lab: Lab, extent: Extent) -> Figures:
    """The same, without an outage: no write may fail."""
    return _product(lab, extent, Consistency.FROZEN)


def _product(lab: Lab, extent: Extent, consistency: Consistency) -> Figures:
    spec = parse_cluster({})
    product = Product(lab, spec)
    journal = Journal(lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
    product.deploy()
    wait_until_up(lab)
    product.patrolled()
    step = Step(0, "backup", {}, expect=Expect(status="SUCCEEDED", healthy_within=HEALTHY_WITHIN))
    with Writer(lab) as writer:
        lab.sleep(1)
        begun = operation.begin(product, step, "backup", {"consistency": consistency}, [])
        given_up = False
        try:
            _ended(product, journal, begun.arn, Extent.UNTIL_BACK, BEHIND)
        except GivenUp:
            if consistency is Consistency.STOPPED:
                raise
            given_up = True
        if extent is Extent.WHOLE:
            operation.finish(product, journal, begun)
    if writer.problem:
        raise Failed(f"the application failed: {writer.problem}")
    if consistency is Consistency.FROZEN and writer.refused:
        raise Failed(f"{writer.refused} of the application's writes failed")

    def absence(end: float) -> Figures:
        if consistency is Consistency.FROZEN:
            return _pause(journal, begun.started, end)
        return parts.outage(journal.entries, _outage(journal, begun.started, end))

    if extent is Extent.UNTIL_BACK or given_up:
        _sound(lab)
        end = journal.now()
        if given_up and not journal.pauses(begun.started, end):
            return {"outage_seconds": 0.0, "given_up": 1.0}
        return {**absence(end), **({"given_up": float(given_up)} if consistency is Consistency.FROZEN else {})}
    operation.judge(product, journal, begun, set())
    if wrong := [*begun.failures, *begun.residue, *begun.violations]:
        raise Failed(f"the backup: {wrong}")
    _sound(lab)
    whole = report.figures(product, journal, begun, "backup", [], [])
    end = begun.over or begun.started
    kept = ("degraded_seconds", "total_seconds", "completion_poll_transitions", "proof_and_copy_transitions")
    assert begun.family is not None
    spent = bill(journal.entries, begun.started, end, sum(each["transitions"] for each in begun.family.members))
    own = whole["transitions"] - whole["proof_and_copy_transitions"]
    found = absence(end)
    lost = [(w.start, w.end) for w in report.without_redundancy(journal, begun)]
    found["degraded_parts"] = phases.seconds(lost, journal.phases({m["arn"] for m in begun.family.members}))
    if consistency is Consistency.FROZEN:
        found["given_up"] = 0.0
    return {**found, "transitions": own, **{key: whole[key] for key in kept}, **spent}


def _whole(journal: Journal, start: float, transitions: int) -> Figures:
    """What a run that went to the end of the backup took beside its outage."""
    end = journal.now()
    without = sum(w.seconds for w in degraded(journal.entries, journal.disks) if w.end > start)
    spent = bill(journal.entries, start, end, transitions)
    figures = {"degraded_seconds": round(without, 3), "total_seconds": round(end - start, 3)}
    return {
        **figures,
        "transitions": transitions,
        "completion_poll_transitions": 0,
        "proof_and_copy_transitions": 0,
        **spent,
    }


def _script(lab: Lab, extent: Extent, **settings: str) -> Figures:
    """The vendor's procedure, one step after another at a terminal."""
    spec = parse_cluster({})
    journal = Journal(lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
    wait_until_up(lab)
    start = journal.now()
    with tempfile.TemporaryDirectory(prefix="mirrorsnap-bench-") as directory, Writer(lab) as writer:
        lab.sleep(1)
        operator = Operator(lab, Path(directory) / "notes", **settings)
        for step in WHOLE if extent is Extent.WHOLE else UNTIL_BACK:
            done = operator.run(step)
            if done.returncode:
                raise Failed(f"{step}: {done.stdout}{done.stderr}")
    if writer.problem:
        raise Failed(f"the application failed: {writer.problem}")
    _sound(lab)
    found = parts.outage(journal.entries, _outage(journal, start, journal.now()))
    return {**found, **(_whole(journal, start, 0) if extent is Extent.WHOLE else {})}


def cli_waiters(lab: Lab, extent: Extent) -> Figures:
    """The vendor's procedure by script, waiting with the AWS CLI's own waiters."""
    return _script(lab, extent)


def cli_1s(lab: Lab, extent: Extent) -> Figures:
    """The same script, which looks every second."""
    return _script(lab, extent, POLL="1")


def polling_state_machine(lab: Lab, extent: Extent) -> Figures:
    """The same procedure as a state machine of SDK integrations, which looks every 5 seconds."""
    spec = parse_cluster({})
    product = Product(lab, spec)
    journal = Journal(lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
    wait_until_up(lab)
    (active, standby), device = spec.nodes, spec.disks[0].device
    at = [{"Name": "attachment.instance-id", "Values": [product.instances[standby]]}]
    at.append({"Name": "attachment.device", "Values": [device]})
    volume = product.ec2.describe_volumes(Filters=at)["Volumes"][0]["VolumeId"]
    both = [(name, product.instances[name]) for name in (active, standby)]
    arn = polling.create(lab, polling.definition(both[0], both[1], volume))
    start = journal.now()
    with Writer(lab) as writer:
        lab.sleep(1)
        begun: str = product.sfn.start_execution(stateMachineArn=arn, input=json.dumps({}))["executionArn"]
        transitions = _ended(product, journal, begun, extent, polling.BEHIND)
    if writer.problem:
        raise Failed(f"the application failed: {writer.problem}")
    _sound(lab)
    found = parts.outage(journal.entries, _outage(journal, start, journal.now()))
    return {**found, **(_whole(journal, start, transitions) if extent is Extent.WHOLE else {})}


APPROACHES: dict[str, Callable[[Lab, Extent], Figures]] = {
    "mirrorsnap": mirrorsnap,
    "cli_waiters": cli_waiters,
    "cli_1s": cli_1s,
    "polling_state_machine": polling_state_machine,
}
