"""Runs one scenario: a fresh lab with its cluster, the product deployed into it, the steps, and what they left.

    python -m scenario.runner [--scale N] FILE

Progress goes to stderr, one JSON line to stdout, last. Exit 0: everything held; 1: something did not; 2: the file
cannot be understood; 3: the lab or the product could not be set up.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from lab.client import ControlError, Lab
from lab.nodes.clusterpro.spec import parse as parse_cluster

from . import operation, said, volumes, world
from .deployment import STACK, ProductError
from .ec2_changes import ChangeFailed
from .format import OPERATIONS, Scenario, ScenarioError, Step, load
from .journal import Journal
from .mailbox import Mailbox
from .operation import Operation
from .product import Product, wait_until_up
from .violations import Span, attribute, unmet

SCALE = 5.0  # at a larger scale the speed of a machine with two cores would show in the outage
PHASE_SECONDS = 3600.0  # lab seconds that a step waits for another one's phase


def lab_for(scenario: Scenario, scale: float) -> Lab:
    """A lab with the scenario's cluster, no faster than it allows; ScenarioError if the lab refuses it."""
    scale = min(scale, scenario.scale or scale)
    cluster = dict(scenario.cluster)
    first_world = cluster.pop("world", None)
    with tempfile.TemporaryDirectory(prefix="mirrorsnap-scenario-") as directory:
        options = ["--cluster", str(Path(directory) / "cluster.json")]
        Path(options[1]).write_text(json.dumps(cluster), encoding="utf-8")
        if first_world:
            options += ["--world", str(Path(directory) / "world.json")]
            Path(options[3]).write_text(json.dumps(first_world), encoding="utf-8")
        try:
            return Lab(scale=scale, options=options)
        except RuntimeError as error:
            raise ScenarioError(f"{scenario.name}: {error}") from error


def deploy(scenario: Scenario, lab: Lab, say: Callable[[str], None]) -> Product:
    """The product in a fresh lab of the scenario's cluster, which is normal then. ProductError."""
    spec = parse_cluster({k: v for k, v in scenario.cluster.items() if k not in ("world", "config")})
    product = Product(lab, spec, scenario.cluster.get("config"))
    product.deploy(say)
    for group in spec.groups:
        if not group.auto_start:  # its operator starts it, once the nodes have found each other
            lab.control("node_run", name=group.active, script=f"until clpgrp -s {group.name}; do sleep 1; done")
    wait_until_up(lab)
    product.patrolled()
    return product


class Runner:
    """The scenario's steps and what they left behind, in a lab in which the product is, and its cluster is normal."""

    def __init__(self, scenario: Scenario, product: Product, say: Callable[[str], None]) -> None:
        self.scenario, self.product, self.lab, self.say = scenario, product, product.lab, say
        spec, lab = product.spec, product.lab
        self.journal = Journal(lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
        self.running: dict[str, tuple[Operation, dict[str, Any]]] = {}  # background steps by name
        self.started: dict[str, Operation] = {}  # operations by their step's name
        self.spans: list[Span] = []  # of the steps, to tell to which of them a violation belongs
        self.steps: list[dict[str, Any]] = []
        self.violations: list[dict[str, Any]] = []
        self.excused: set[str] = set()  # residue that a `set` step made, not an operation
        self.mailbox: Mailbox | None = None  # only where a step answers

    def run(self) -> dict[str, Any]:
        if any(step.kind == "answer" or step.value == {"asked": 0.0} for step in self.scenario.steps):
            self.mailbox = Mailbox(self.lab, f"{STACK}-alarms")
        for step in self.scenario.steps:
            self._step(step)
        for name in list(self.running):
            self._join(name)
        self._safety()
        self._expected()
        failed = [text for each in self.steps for text in each.get("failures", [])]
        return {
            "scenario": self.scenario.name,
            "passed": not failed and not self.violations,
            "steps": self.steps,
            "violations": self.violations,
        }

    # --- steps ---

    def _step(self, step: Step) -> None:
        label = f"step {step.index + 1} {step.kind}{f' ({step.name})' if step.name else ''}"
        entry: dict[str, Any] = {"kind": step.kind, "status": None, "error": None, "seconds": 0.0}
        entry |= {"outage_seconds": None, "executions": []}
        if step.name:
            entry["as"] = step.name
        self.steps.append(entry)
        span = Span(step.index, float(self.lab.control("time")["t"]), expected=step.expect.violations)
        self.spans.append(span)
        try:
            if step.at:
                self._await_phase(step.at)
                span.start = float(self.lab.control("time")["t"])
            if step.kind in OPERATIONS:
                self._operation(step, entry, label)
                return
            self._plain(step, label)
            entry["status"] = "SUCCEEDED"
        except (world.StepFailed, ChangeFailed, ControlError, ProductError, ClientError) as error:
            entry["status"], entry["error"] = "FAILED", type(error).__name__
            entry["failures"] = [str(error)]
            self.say(f"{label}: {error}")
        span.end = float(self.lab.control("time")["t"])
        entry["seconds"] = round(span.end - span.start, 3)

    def _plain(self, step: Step, label: str) -> None:
        if step.kind == "join":
            self._join(step.value)
            return
        if step.kind == "write":
            self.lab.control("cluster_write", **step.value)
        elif step.kind == "delete":
            self.lab.control("cluster_delete", **step.value)
        elif step.kind == "check":
            world.check(self.lab, step.value)
        elif step.kind == "wait":
            self._wait(step.value)
        elif step.kind == "answer":
            self._asked()
            self._mail.answer(step.value)
        elif step.kind == "set":
            world.change(self.lab, self.product, self._meant(step.value))
            if "abort" in step.value:
                self.product.sfn.stop_execution(executionArn=self.started[step.value["abort"]].arn)
            self.lab.sleep(2.0)  # the change becomes visible: a monitor's state, a node that shuts down
            if not self.running:
                self.excused |= set(self._residue())
        self.say(f"{label}: ok")

    @property
    def _mail(self) -> Mailbox:
        assert self.mailbox is not None
        return self.mailbox

    def _asked(self) -> None:
        """Until the product has asked the operator something, which it does only while an operation runs."""

        def asked() -> bool:
            running = any(not self.product.family(begun.arn).over for begun, _ in self.running.values())
            if not self._mail.asked() and not running:
                raise world.StepFailed(unasked)
            return self._mail.asked()

        unasked = "nobody has asked the operator anything"
        self._patiently(asked, unasked)

    def _frozen(self) -> None:
        """Until the product has frozen a file system, which it does only while an operation runs."""

        def frozen() -> bool:
            now = self.journal.now()
            if any(pause.open for pause in self.journal.pauses(0.0, now + 1)):
                return True
            if all(self.product.family(begun.arn).over for begun, _ in self.running.values()):
                raise world.StepFailed(never)
            return False

        never = "nothing was frozen"
        self._patiently(frozen, never)

    def _patiently(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = self.lab.deadline(PHASE_SECONDS, least=20.0)
        while not condition():
            if deadline.passed():
                raise world.StepFailed(otherwise)
            time.sleep(operation.POLL)

    def _wait(self, value: dict[str, float]) -> None:
        if "seconds" in value:
            self.lab.sleep(value["seconds"])
            return
        if "asked" in value:
            self._asked()
            return
        if "frozen" in value:
            self._frozen()
            return
        deadline = self.lab.deadline(value["healthy"], least=5.0)
        while left := self._residue():
            if deadline.passed():
                raise world.StepFailed(f"not healthy within {value['healthy']:g} s: {'; '.join(left)}")
            time.sleep(operation.POLL)

    def _operation(self, step: Step, entry: dict[str, Any], label: str) -> None:
        faults = [world.resolve(self.lab, fault) for fault in step.faults]
        kind, value = self._input(step)
        begun = operation.begin(self.product, step, kind, value, faults)
        if step.name:
            self.started[step.name] = begun
        self.say(f"{label}: started")
        if step.background:
            assert step.name
            self.running[step.name] = (begun, entry)
        else:
            self._end(begun, entry, label)

    def _input(self, step: Step) -> tuple[str, dict[str, Any]]:
        """The state machine and the input that a step means."""
        value = dict(step.value)
        if step.kind == "hold":
            return "hold", {"hold": value.pop("why", "a scenario's operator is at work"), **value}
        if step.kind == "unhold":
            return "hold", {"unhold": True, **value}
        if step.kind == "restore":
            value = self._meant(value, ("backup", "rollback", "release"))
            before = value.get("before")
            if isinstance(before, dict):
                value.pop("before")
                value["backup"] = {"before": self._moment(before["step"])}
            for key in ("rollback", "release"):
                if value.get(key) == "last":
                    value[key] = self._last_restore()
        return step.kind, value

    def _meant(self, value: dict[str, Any], keys: tuple[str, ...] = ()) -> dict[str, Any]:
        """`{step: x}` as the id of what x made: under these keys, or under `backup` of each mapping in it."""
        out = dict(value)
        for key, each in value.items():
            if key in keys and isinstance(each, dict) and set(each) == {"step"}:
                out[key] = self._made(each["step"])
            elif not keys and isinstance(each, dict):
                out[key] = self._meant(each, ("backup",))
        return out

    def _made(self, name: str) -> str:
        """The id of the backup or restore that the step made."""
        arn = self.started[name].arn if name in self.started else None
        found = next((each for each in self.lab.control("executions") if each["arn"] == arn), None)
        made = said.identity(found) if found else None
        if made is None:
            raise world.StepFailed(f"step {name!r} has said no id of a backup or a restore")
        return made

    def _moment(self, name: str) -> str:
        """When the step began, as the product writes times."""
        if name not in self.started:
            raise world.StepFailed(f"step {name!r} was no operation: it has no time")
        clock = self.lab.control("time")
        at = clock["epoch"] - clock["t"] + self.started[name].started
        return datetime.datetime.fromtimestamp(at, tz=datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _last_restore(self) -> str:
        """The id of the last restore that said one."""
        for each in reversed(self.lab.control("executions")):
            made = said.identity(each) if each["machine"] == "mirrorsnap-restore" else None
            if made:
                return made
        raise world.StepFailed("there is no restore yet whose id could be meant by `last`")

    def _await_phase(self, at: dict[str, str]) -> None:
        if at["step"] not in self.started:
            raise world.StepFailed(f"step {at['step']!r} was no operation, or could not be started")
        other, missed = self.started[at["step"]], f"{at['step']} never entered {at['phase']}"

        def entered() -> bool:
            found = self.product.family(other.arn)
            self.journal.refresh()
            if any(phase == at["phase"] for _, phase in self.journal.phases({m["arn"] for m in found.members})):
                return True
            if found.over:
                raise world.StepFailed(missed)
            return False

        self._patiently(entered, missed)

    def _join(self, name: str) -> None:
        if name in self.running:
            begun, entry = self.running.pop(name)
            self._end(begun, entry, f"background step {name}")

    def _end(self, begun: Operation, entry: dict[str, Any], label: str) -> None:
        operation.finish(self.product, self.journal, begun)
        operation.judge(self.product, self.journal, begun, self.excused, alone=not self.running)
        entry |= operation.result(self.journal, begun)
        if begun.failures:
            entry["failures"] = begun.failures
        self._span(begun.step.index).end = begun.over
        for oracle, text in [*((2, text) for text in begun.residue), *begun.violations]:
            self._violated(oracle, text, begun.over or begun.started, begun.step.index)
        bad = "; ".join([*begun.failures, *(f"left behind: {text}" for text in begun.residue)])
        self.say(
            f"{label}: {entry['status']}{' ' + entry['error'] if entry['error'] else ''} after {entry['seconds']:.1f} s"
            + (f", outage {entry['outage_seconds']:.2f} s" if entry["outage_seconds"] is not None else "")
            + (f" -- {bad}" if bad else "")
        )

    # --- oracles ---

    def _residue(self) -> list[str]:
        return [each["text"] for each in self.lab.control("oracles")["residue"]]

    def _span(self, step: int) -> Span:
        return next(span for span in self.spans if span.step == step)

    def _violated(self, oracle: int, text: str, t: float, step: int | None = None) -> None:
        """A violation, of `step` if it is known; noted where it is expected, else one of the scenario."""
        spans = self.spans if step is None else [self._span(step)]
        found = attribute(spans, oracle, t, text)
        if found is None:
            self.say(f"violated as expected: oracle {oracle}: {text}")
            return
        self.violations.append({"oracle": oracle, "step": found, "text": text})
        self.say(f"violated: oracle {oracle} at step {found + 1}: {text}")

    def _safety(self) -> None:
        """Judges what the lab's oracles have seen, and the volumes that are left at the end."""
        for each in self.lab.control("oracles")["violations"]:
            self._violated(each["oracle"], each["text"], each["t"])
        if not self.started and not any(each["executions"] for each in self.steps):
            return
        executions = self.lab.control("executions")
        text, released = said.everything(self.product.sfn, executions), said.releases(executions)
        last = max(step.index for step in self.scenario.steps if step.kind in OPERATIONS)
        for each in volumes.unaccounted(self.product.volumes(), text, released, self.product.foreign):
            self._violated(2, each, self._span(last).end or 0.0, last)

    def _expected(self) -> None:
        """Notes at each step the violations that it expects. A missing one fails the step."""
        for span in self.spans:
            entry = self.steps[span.step]
            if span.expected:
                entry["violations"] = [{"oracle": oracle, "text": text} for oracle, text in span.seen]
            if missing := unmet(span):
                entry["failures"] = [*entry.get("failures", []), *missing]
                self.say(f"step {span.step + 1}: {'; '.join(missing)}")


def run(
    scenario: Scenario,
    scale: float = SCALE,
    say: Callable[[str], None] = lambda text: None,
    log: Path | None = None,
) -> dict[str, Any]:
    """Run a scenario in a lab of its own; the result line as a dict. ScenarioError, ProductError.

    `log`: where to leave the lab's log, one JSON object a line, however the run ends.
    """
    with lab_for(scenario, scale) as lab:
        try:
            return Runner(scenario, deploy(scenario, lab, say), say).run()
        finally:
            if log is not None:
                lines = (json.dumps(entry, ensure_ascii=False) for entry in lab.log())
                log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make scenario", description=__doc__.split("\n")[0])
    parser.add_argument("--scale", type=float, default=SCALE, help=f"lab seconds per real second (default {SCALE:g})")
    parser.add_argument("--log", type=Path, help="write the lab's log here, one JSON object a line")
    parser.add_argument("file", type=Path)
    args = parser.parse_args(argv)
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:6.1f} s] {text}", file=sys.stderr, flush=True)

    try:
        scenario = load(args.file)
        say(f"scenario: {scenario.name}")
        result = run(scenario, args.scale, say, args.log)
    except ScenarioError as error:
        print(f"scenario: {error}", file=sys.stderr)
        return 2
    except ProductError as error:
        print(f"scenario: {error}", file=sys.stderr)
        return 3
    say("passed" if result["passed"] else "FAILED")
    print(json.dumps(result, ensure_ascii=False), flush=True)
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
