"""The scenario format: reading and checking one file; docs/scenarios.md describes it.

Everything unknown is an error with the place where it stands: a misspelt key must not make a scenario pass.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.faults import FaultError
from lab.faults import parse as parse_fault
from lab.nodes.clusterpro.spec import SpecError
from lab.nodes.clusterpro.spec import parse as parse_cluster

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))

import step_names

PHASES = step_names.phases()
OPERATIONS = frozenset({"backup", "restore", "recover", "hold", "unhold"})
KINDS = OPERATIONS | {"write", "delete", "check", "wait", "set", "join", "answer"}
ANSWERS = frozenset({"continue", "rollback"})
STATUSES = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})
STEP_KEYS = frozenset({"as", "background", "at", "faults", "expect"})
EXPECT_KEYS = frozenset(
    {
        *("status", "error", "outage_below", "healthy_within", "valid_backups", "stuck", "violations", "mails"),
        *("pause_below", "failed_writes", "proof"),
    }
)
ORACLES = range(1, 11)
CLUSTER_KEYS = frozenset(
    {
        *("active", "platform", "systemd", "layout", "auto_recovery", "fullcopy", "mirror_disks", "failover_groups"),
        *(
            "config",
            "timing",
            "switches",
            "world",
            "hybrid_disks",
            "other_monitors",
            "comments",
            "lvm_devices",
            "recording",
        ),
    }
)
# What a `set` step can change; world.py and ec2_changes.py carry each out.
SET_KEYS = frozenset(
    {
        *("auto_recovery", "fullcopy", "licence", "switches", "partitions", "timing", "ssm", "config", "heartbeat"),
        *("node", "run", "instance", "tamper", "exchange", "fsr", "fsr_unsuccessful", "snapshots", "abort"),
        *("monitor_failure", "freeze"),
    }
)


class ScenarioError(ValueError):
    """The scenario cannot be understood; the text names the place and what is allowed there."""


@dataclass
class Expect:
    status: str | None = None
    error: str | None = None
    outage_below: float | None = None
    # the product froze a file system, and the longest pause stays below
    pause_below: float | None = None
    # an application writes through the group all the time, and so many writes fail; None: nobody writes
    failed_writes: int | None = None
    healthy_within: float = 60.0
    valid_backups: int | None = None
    # the cluster cannot come back without a person, who must have been told: True, False, or "maybe" (either will do)
    stuck: bool | str = False
    # messages of the state machines to the alarm topic, in order: a text of each; None: any
    mails: list[str] | None = None
    # what the backup's image says of itself: a verdict
    proof: str | None = None
    # oracles that must be violated while the step runs, which is then no failure
    violations: list[int] = field(default_factory=list)


@dataclass
class Step:
    index: int
    kind: str
    value: Any
    name: str | None = None
    background: bool = False
    at: dict[str, str] | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)
    expect: Expect = field(default_factory=Expect)


@dataclass
class Scenario:
    name: str
    cluster: dict[str, Any]
    steps: list[Step]
    scale: float | None = None  # lab seconds per real second, at most


def _mapping(value: Any, where: str, allowed: frozenset[str] | None = None) -> dict[str, Any]:
    if value is None:
        value = {}
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise ScenarioError(f"{where}: expected a mapping, found {value!r}")
    unknown = set(value) - allowed if allowed is not None else set()
    if unknown:
        raise ScenarioError(f"{where}: unknown keys {sorted(unknown)}; allowed: {sorted(allowed or ())}")
    return value


def _number(value: Any, where: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value < 0:
        raise ScenarioError(f"{where}: expected a number of seconds, found {value!r}")
    return float(value)


def _expect(value: Any, where: str) -> Expect:
    raw = _mapping(value, where, EXPECT_KEYS)
    expect = Expect(**raw)
    if expect.status is not None and expect.status not in STATUSES:
        raise ScenarioError(f"{where}.status: {expect.status!r} is none of {sorted(STATUSES)}")
    if expect.error is not None and not isinstance(expect.error, str):
        raise ScenarioError(f"{where}.error: expected an error's name, found {expect.error!r}")
    if expect.proof is not None and not isinstance(expect.proof, str):
        raise ScenarioError(f"{where}.proof: expected a verdict's name, found {expect.proof!r}")
    if expect.outage_below is not None:
        expect.outage_below = _number(expect.outage_below, f"{where}.outage_below")
    if expect.pause_below is not None:
        expect.pause_below = _number(expect.pause_below, f"{where}.pause_below")
    expect.healthy_within = _number(expect.healthy_within, f"{where}.healthy_within")
    if not isinstance(expect.stuck, bool) and expect.stuck != "maybe":
        raise ScenarioError(f"{where}.stuck: true, false or maybe, found {expect.stuck!r}")
    for key in ("valid_backups", "failed_writes"):
        count = getattr(expect, key)
        if count is not None and (type(count) is not int or count < 0):
            raise ScenarioError(f"{where}.{key}: expected a count, found {count!r}")
    mails = expect.mails if expect.mails is not None else []
    if not isinstance(mails, list) or not all(isinstance(text, str) for text in mails):
        raise ScenarioError(f"{where}.mails: expected a list of texts, found {expect.mails!r}")
    if not isinstance(expect.violations, list) or not all(type(n) is int and n in ORACLES for n in expect.violations):
        raise ScenarioError(
            f"{where}.violations: a list of oracles from {ORACLES[0]} to {ORACLES[-1]}, found {expect.violations!r}"
        )
    return expect


def _fault(value: Any, where: str) -> dict[str, Any]:
    try:
        parse_fault(value)
    except FaultError as error:
        raise ScenarioError(f"{where}: {error}") from error
    if "at" in value and value["at"] not in PHASES:
        raise ScenarioError(f"{where}.at: {value['at']!r} is no phase; phases: {', '.join(PHASES)}")
    return value


def _at(value: Any, where: str, names: set[str]) -> dict[str, str]:
    raw = _mapping(value, where, frozenset({"step", "phase"}))
    if set(raw) != {"step", "phase"}:
        raise ScenarioError(f"{where}: needs both step and phase")
    if raw["step"] not in names:
        raise ScenarioError(f"{where}.step: no earlier step is called {raw['step']!r}")
    if raw["phase"] not in PHASES:
        raise ScenarioError(f"{where}.phase: {raw['phase']!r} is no phase; phases: {', '.join(PHASES)}")
    return raw


_VALUE_KEYS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    # kind: (all keys, required keys); operations take any input, so that wrong input can be tested
    "write": (frozenset({"file", "text", "disk"}), frozenset({"file", "text"})),
    "delete": (frozenset({"file", "disk"}), frozenset({"file"})),
    "check": (frozenset({"file", "text", "absent", "disk"}), frozenset({"file"})),
}


def _value(kind: str, value: Any, where: str, names: set[str]) -> Any:
    if kind == "join":
        if value not in names:
            raise ScenarioError(f"{where}: no earlier step is called {value!r}")
        return value
    if kind == "answer":
        if value not in ANSWERS:
            raise ScenarioError(f"{where}: one of {sorted(ANSWERS)}, found {value!r}")
        return value
    if kind == "wait":
        if value == "healthy":
            return {"healthy": 60.0}
        if value in ("asked", "frozen"):
            return {value: 0.0}
        raw = _mapping(value, where, frozenset({"seconds", "healthy"}))
        if len(raw) != 1:
            raise ScenarioError(f"{where}: needs either seconds or healthy")
        key, amount = next(iter(raw.items()))
        if key == "healthy" and amount in (None, True):
            amount = 60.0
        return {key: _number(amount, f"{where}.{key}")}
    if kind in _VALUE_KEYS:
        allowed, needed = _VALUE_KEYS[kind]
        raw = _mapping(value, where, allowed)
        if missing := needed - set(raw):
            raise ScenarioError(f"{where}: {sorted(missing)} is missing")
        if kind == "check" and ("text" in raw) == bool(raw.get("absent")):
            raise ScenarioError(f"{where}: needs either text or absent: true")
        return raw
    if kind == "set":
        raw = _mapping(value, where, SET_KEYS)
        if not raw:
            raise ScenarioError(f"{where}: needs at least one of {sorted(SET_KEYS)}")
        for key, each in raw.items():
            if isinstance(each, dict):
                _meant(each, "backup", f"{where}.{key}", names)
        if "abort" in raw and raw["abort"] not in names:
            raise ScenarioError(f"{where}.abort: no earlier step is called {raw['abort']!r}")
        return raw
    return _operation(kind, _mapping(value, where), where, names)


def _meant(raw: dict[str, Any], key: str, where: str, names: set[str], otherwise: str = "an id") -> None:
    """`{step: x}` under `key` means what the earlier operation x made."""
    value = raw.get(key)
    if isinstance(value, dict) and (set(value) != {"step"} or value["step"] not in names):
        raise ScenarioError(f"{where}.{key}: {otherwise}, or the name of an earlier step as {{step: x}}, not {value!r}")


def _operation(kind: str, raw: dict[str, Any], where: str, names: set[str]) -> dict[str, Any]:
    """An operation's input is not judged here, so that wrong input can be tested; what only a scenario can say is."""
    if kind == "restore":
        _meant(raw, "before", where, names, "a time")
        for key in ("rollback", "release"):
            _meant(raw, key, where, names)
        if isinstance(raw.get("backup"), dict) and "before" not in raw["backup"]:
            _meant(raw, "backup", where, names)
    return raw


def _step(index: int, raw: Any, names: set[str]) -> Step:
    where = f"steps[{index}]"
    raw = _mapping(raw, where)
    kinds = KINDS & set(raw)
    if len(kinds) != 1:
        raise ScenarioError(f"{where}: needs exactly one of {sorted(KINDS)}, found {sorted(raw)}")
    (kind,) = kinds
    _mapping(raw, where, STEP_KEYS | {kind})
    step = Step(index, kind, _value(kind, raw[kind], f"{where}.{kind}", names))
    step.name = raw.get("as")
    if step.name is not None and (not isinstance(step.name, str) or step.name in names):
        raise ScenarioError(f"{where}.as: {step.name!r} is no new name")
    step.background = raw.get("background", False)
    if not isinstance(step.background, bool) or (step.background and not step.name):
        raise ScenarioError(f"{where}.background: true or false, and a background step needs a name (`as`)")
    if "at" in raw:
        step.at = _at(raw["at"], f"{where}.at", names)
    faults = raw.get("faults", [])
    if not isinstance(faults, list):
        raise ScenarioError(f"{where}.faults: expected a list, found {faults!r}")
    step.faults = [_fault(f, f"{where}.faults[{i}]") for i, f in enumerate(faults)]
    step.expect = _expect(raw.get("expect"), f"{where}.expect")
    if kind in OPERATIONS and step.expect.status is None:
        step.expect.status = "SUCCEEDED"
    if step.name:
        names.add(step.name)
    return step


def parse(text: str, source: str = "scenario") -> Scenario:
    """The scenario in `text` (YAML); raises ScenarioError."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{source}: not YAML: {error}") from error
    raw = _mapping(raw, source, frozenset({"name", "cluster", "steps", "scale"}))
    if not isinstance(raw.get("name"), str) or not raw["name"].strip():
        raise ScenarioError(f"{source}.name: a scenario needs a name")
    steps = raw.get("steps")
    if not isinstance(steps, list) or not steps:
        raise ScenarioError(f"{source}.steps: a scenario needs at least one step")
    names: set[str] = set()
    cluster = _mapping(raw.get("cluster"), f"{source}.cluster", CLUSTER_KEYS)
    try:
        parse_cluster({key: value for key, value in cluster.items() if key != "world"})
    except SpecError as error:
        raise ScenarioError(f"{source}: {error}") from error
    _mapping(cluster.get("config"), f"{source}.cluster.config")
    _mapping(cluster.get("world"), f"{source}.cluster.world")
    scale = raw.get("scale")
    if scale is not None and not (_number(scale, f"{source}.scale") > 0):
        raise ScenarioError(f"{source}.scale: more than 0, found {scale!r}")
    return Scenario(raw["name"], cluster, [_step(i, step, names) for i, step in enumerate(steps)], scale)


def load(path: Path) -> Scenario:
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8: {error}") from error
