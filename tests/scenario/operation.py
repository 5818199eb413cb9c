"""One operation of a scenario: started with its faults, followed to its end, and judged.

It ends when its execution and every execution caused by it have ended. What it leaves is judged then, at most
`healthy_within` later.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import proved, volumes
from .format import Expect, Step
from .journal import Journal
from .product import WAIT, Family, Product
from .timeline import longest
from .writer import Writer

POLL = 0.05  # real seconds between two looks
LIMIT = 7200.0  # lab seconds after which an operation counts as never ending
HOLDS = ("hold", "unhold")  # they change nothing on the nodes: the residue belongs to the operation that they stop
BETWEEN_WRITES = 0.1  # lab seconds, of the application where a step counts its writes
LEAST = 60.0  # real seconds that every operation is given, however fast the lab's clock is


@dataclass
class Operation:
    step: Step
    arn: str
    started: float  # lab time, as everything here
    faults: list[int]
    ended: float | None = None  # of its own execution
    over: float | None = None  # of everything that it caused
    family: Family | None = None
    failures: list[str] = field(default_factory=list)
    residue: list[str] = field(default_factory=list)
    before: list[dict[str, Any]] = field(default_factory=list)  # every volume when it began
    found: list[str] = field(default_factory=list)  # residue that a hold or its end finds, and leaves alone
    violations: list[tuple[int, str]] = field(default_factory=list)  # of the oracles on volumes, residue apart
    writer: Writer | None = None  # only where the step counts writes


def begin(product: Product, step: Step, kind: str, value: dict[str, Any], faults: list[dict[str, Any]]) -> Operation:
    """Add the faults and start the execution."""
    lab = product.lab
    ids = [lab.fault(**fault) for fault in faults]
    before = product.volumes()
    residue = lab.control("oracles")["residue"] if step.kind in HOLDS else []
    started = float(lab.control("time")["t"])
    writer = Writer(lab, BETWEEN_WRITES).__enter__() if step.expect.failed_writes is not None else None
    begun = Operation(step, product.start(kind, value), started, ids, before=before, writer=writer)
    begun.found = [each["text"] for each in residue]
    return begun


def finish(
    product: Product, journal: Journal, operation: Operation, look: Callable[[Family], None] = lambda found: None
) -> None:
    """Wait for the end of the operation and of all that it caused, and take its faults away.

    `look` is called at each look, for whoever shows the progress.
    """
    deadline = product.lab.deadline(LIMIT, least=LEAST)
    found = product.family(operation.arn)
    while True:
        now = float(product.lab.control("time")["t"])
        look(found)
        if operation.ended is None and found.main["over"]:
            operation.ended = now
        if found.over and not product.lab.control("undelivered_events"):
            # An execution that this end has caused runs by now, so a second look shows all.
            again = product.family(operation.arn)
            if again.over and len(again.members) == len(found.members):
                operation.family, operation.over = again, now
                break
        if deadline.passed():
            running = [f"{m['machine']} {m['name']}" for m in found.members if not m["over"]]
            operation.failures.append(f"still running after {LIMIT:g} s: {', '.join(running)}")
            operation.family, operation.over = found, now
            operation.ended = operation.ended or now
            break
        if found.over:
            time.sleep(POLL)  # until its events have reached their targets
        found = product.family(operation.arn, found, 0.0 if found.over else WAIT)
    for each in operation.faults:
        product.lab.control("clear_faults", id=each)
    if operation.writer:
        operation.writer.__exit__()
    journal.refresh()


def judge(product: Product, journal: Journal, operation: Operation, excused: set[str], alone: bool = True) -> None:
    """Compare with what the step expects. `excused`: residue that was there before any operation; `alone`: no other
    operation runs, whose volumes and holds would be taken for this one's."""
    expect, main = operation.step.expect, _main(operation)
    if main["status"] != expect.status:
        operation.failures.append(f"status {main['status']} ({error_text(main)}), expected {expect.status}")
    if expect.error is not None and main["error"] != expect.error:
        operation.failures.append(f"error {error_text(main)}, expected {expect.error}")
    if expect.stuck is not True and (alone or operation.step.kind not in HOLDS):
        _residue(product, operation, expect, excused | set(operation.found))
    stuck = expect.stuck is True or bool(expect.stuck and operation.residue)
    if stuck:
        operation.residue = []
        _stuck(product, operation)
    journal.now()
    _volumes(product, journal, operation, leftovers=alone and not stuck and operation.step.kind not in HOLDS)
    if expect.outage_below is not None:
        worst = longest(journal.outages(operation.started, operation.over or operation.started))
        if worst is not None and (worst.open or worst.seconds >= expect.outage_below):
            text = "not ended" if worst.open else f"{worst.seconds:.2f} s"
            operation.failures.append(f"outage {text}, expected below {expect.outage_below:g} s")
    if expect.pause_below is not None:
        pause = longest(journal.pauses(operation.started, operation.over or operation.started))
        if pause is None or pause.open or pause.seconds >= expect.pause_below:
            text = "none" if pause is None else "not ended" if pause.open else f"{pause.seconds:.2f} s"
            operation.failures.append(f"pause {text}, expected one below {expect.pause_below:g} s")
    if writer := operation.writer:
        if writer.problem:
            operation.failures.append(f"the application failed: {writer.problem}")
        elif not writer.done or writer.refused != expect.failed_writes:
            text = f"{writer.refused} of {writer.done + writer.refused} writes failed, expected {expect.failed_writes}"
            operation.failures.append(text)
    if expect.proof is not None:
        _proof(product, journal, operation, expect.proof)
    if expect.mails is not None:
        _mails(product, operation, expect.mails)
    if expect.valid_backups is not None:
        valid = product.valid_backups()
        if len(valid) != expect.valid_backups:
            operation.failures.append(
                f"valid backups {len(valid)} ({', '.join(valid)}), expected {expect.valid_backups}"
            )


def _proof(product: Product, journal: Journal, operation: Operation, wanted: str) -> None:
    """The verdict, and what is promised of each proof beside it."""
    assert operation.family is not None
    said = proved.said(operation.family.members)
    if said is None or said["verdict"] != wanted:
        text = said["disks"] if said else "there is no proof"
        operation.failures.append(f"proof: {text}, expected {wanted}")
        return
    _, *promised = proved.claims(proved.figures(operation.family.members, journal.entries), product.lab.scale)
    operation.failures += [f"proof: {text}" for held, text in promised if not held]


def _mails(product: Product, operation: Operation, wanted: list[str]) -> None:
    """The state machines' messages to the alarm topic since the step began: as many as wanted, each with its text."""
    sent = [
        f"{each['params'].get('Subject')}: {each['params'].get('Message')}"
        for each in product.lab.log(kind="api", call="sns:Publish")
        if each["t"] >= operation.started
    ]
    if len(sent) != len(wanted) or not all(text in mail for text, mail in zip(wanted, sent, strict=False)):
        operation.failures.append(f"mails {sent}, expected {wanted}")


def _stuck(product: Product, operation: Operation) -> None:
    """The cluster is not normal, and the alarm that is named after that has what it needs: a recover that failed."""
    if not product.lab.control("oracles")["residue"]:
        operation.failures.append("the cluster is normal, expected one that needs a person")
    members = operation.family.members if operation.family else []
    if not any(each["machine"] == "mirrorsnap-recover" and each["status"] == "FAILED" for each in members):
        operation.failures.append("nobody was told: no recover has failed")


def _residue(product: Product, operation: Operation, expect: Expect, excused: set[str]) -> None:
    """What a normal cluster has otherwise, at most `healthy_within` after the end."""
    ended = operation.ended or operation.over or 0.0
    while True:
        now = float(product.lab.control("time")["t"])
        left = [each["text"] for each in product.lab.control("oracles")["residue"]]
        operation.residue = [text for text in left if text not in excused]
        over = max(ended + expect.healthy_within, operation.over or 0.0)
        if not operation.residue or now > over:
            return
        time.sleep(POLL)


def _volumes(product: Product, journal: Journal, operation: Operation, leftovers: bool) -> None:
    """The oracles on volumes; what became of them is seen now, after everything that the operation caused."""
    now, step, main = product.volumes(), operation.step, _main(operation)
    if leftovers:
        operation.violations += [(2, text) for text in volumes.never_attached(now, journal.entries)]
    if step.kind != "restore":
        return
    devices = product.spec.volumes()
    before, after = volumes.places(operation.before, devices), volumes.places(now, devices)
    over = operation.over or operation.started
    begun = [t for t, phase in journal.phases({main["arn"]}) if phase == "PrepareVolumes"]
    if begun:
        new = [v for v in volumes.made(journal.entries, begun[0], over) if v not in product.foreign]
        early = volumes.disturbed_early(journal.entries, begun[0], over, new, len(before))
        operation.violations += [(9, text) for text in early]
    if main["status"] == "SUCCEEDED" and begun:
        operation.violations += [(10, text) for text in volumes.restored(before, after)]


def _main(operation: Operation) -> dict[str, Any]:
    assert operation.family is not None
    return operation.family.main


def error_text(execution: dict[str, Any]) -> str:
    cause = str(execution.get("cause") or "")
    return f"{execution.get('error') or 'no error'}{': ' + cause[:600] if cause else ''}"


def result(journal: Journal, operation: Operation) -> dict[str, Any]:
    """The step's entry in the result line."""
    main, over = _main(operation), operation.over or operation.started
    worst, pause = longest(journal.outages(operation.started, over)), longest(journal.pauses(operation.started, over))
    members, writer = operation.family.members if operation.family else [], operation.writer
    proof = proved.figures(members, journal.entries, journal.lab)
    return {
        "status": main["status"],
        "error": main["error"],
        "cause": (main.get("cause") or None) and str(main["cause"])[:1000],
        "seconds": round((operation.ended or over) - operation.started, 3),
        "outage_seconds": None if worst is None else round(worst.seconds, 3),
        **({} if pause is None else {"pause_seconds": round(pause.seconds, 3)}),
        **({} if proof is None else {"proof": proof}),
        **({} if writer is None else {"writes": {"done": writer.done, "failed": writer.refused}}),
        "executions": [
            {key: each[key] for key in ("machine", "name", "status", "error", "transitions")} for each in members
        ],
    }
