"""The start of a search: both units of a run, ready to begin, and the documents that may be launched into the run."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .frozen import DEVICES, FROZEN_WAIT, PAUSE, FrozenRun, FrozenWorld
from .schedule import Run, Unit
from .stepper import BOOT, SHELL, Stage
from .world import (
    BATON,
    BREAK,
    GROUP,
    MONITORS,
    NODES,
    PARTITIONS,
    PREPARE,
    SPAN,
    START,
    STOP,
    TMAX,
    WAIT,
    WITHIN,
    World,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))

import build_documents

Edit = Callable[[str], str]  # a mutant: text of a script -> changed text
Make = Callable[[Stage, World], Run]


DEADLINES = "MONITORS PARTITIONS KNAMES STOP BATON BREAK START TMAX THEN CONSISTENCY"
DEADLINES += " DEVICES MOUNTS PAUSE HOOK_SECONDS"  # what unit `active` is told besides

OF_BREAK = "MONITORS KNAMES WAIT SPAN CONSISTENCY"


@dataclass(frozen=True)
class Scenario:
    """`units`: begin with the units; otherwise with the documents that start them. `launches`: see LAUNCHES.

    `restore`: the shutdown of a restore's active instead of a backup's critical section; `docE` orders the shutdown.
    """

    name: str
    units: bool = True
    restore: bool = False
    disks: tuple[str, ...] = ("md1",)
    launches: tuple[str, ...] = ()
    epoch: int = 1
    frozen: bool = False  # the file systems are frozen, and no group stops
    hooks: bool = False  # there are /etc/mirrorsnap/before and after
    old_baton: bool = False  # the standby still sees the monitors of the active suspended, as an earlier run left them
    lenient: bool = False  # `clpgrp -t` of a stopped group answers 0


def parameters(step: str, disks: tuple[str, ...], **other: str) -> dict[str, str]:
    """Values for a document of this run; `other` replaces some."""
    node = "s" if step == "break-unit" else "a"
    peer = {"a": "s", "s": "a"}[node]
    known = {
        "Run": "r1", "Epoch": "1", "ExpectedBootId": BOOT[node], "NotAfterUptime": "30", "Self": NODES[node],
        "Peer": NODES[peer], "Groups": GROUP, "Disks": " ".join(disks), "WaitSeconds": str(WAIT),
        "Monitors": " ".join(MONITORS[d] for d in disks), "BatonSeconds": str(BATON),
        "Partitions": " ".join(f"/dev/{PARTITIONS[d]}" for d in disks),
        "SpanSeconds": str(SPAN), "ActiveWithinSeconds": str(WITHIN), "StopSeconds": str(STOP),
        "BreakSeconds": str(BREAK), "StartSeconds": str(START), "MaxOutageSeconds": str(TMAX),
        "PrepareSeconds": str(PREPARE), "Anew": "no", "Recorded": "yes",
    }  # fmt: skip
    known.update(other)
    return {k: v for k, v in known.items() if k in _documents()[step].parameters}


def script(step: str, disks: tuple[str, ...], edit: Edit | None = None, **other: str) -> str:
    """The text that a node gets for this document, mutated by `edit`."""
    text = _documents()[step].fill(parameters(step, disks, **other))
    return edit(text) if edit else text


@functools.cache
def _documents() -> dict[str, build_documents.Document]:
    return build_documents.documents()


@functools.cache
def _units(
    disks: tuple[str, ...], edit: Edit | None, restore: bool, frozen: bool, hooks: bool
) -> dict[str, tuple[str, float, dict[str, str]]]:
    """role -> (node, RuntimeMaxSec, files)."""
    if restore:
        return {"active": ("a", TMAX + 60, unit_files("active", script("quiesce-restore", disks, edit), DEADLINES))}
    values = frozen_values(disks) if frozen else {"HookSeconds": "3"}
    standby, active = script("break-unit", disks, edit, **values), script("quiesce", disks, edit, **values)
    wait, longest = (FROZEN_WAIT, 8 + PAUSE) if frozen else (WAIT, TMAX)
    return {
        "break": ("s", wait + SPAN * len(disks) + 10, unit_files("break", standby, OF_BREAK)),
        "active": (
            "a",
            longest + 60,
            unit_files("active", active, DEADLINES, **(computed(disks, hooks) if frozen else {})),
        ),
    }


def frozen_values(disks: tuple[str, ...]) -> dict[str, str]:
    """What the documents of a frozen backup are told besides."""
    return {
        "Consistency": "frozen", "Devices": " ".join(DEVICES[d] for d in disks), "WaitSeconds": str(FROZEN_WAIT),
        "StopSeconds": "8", "BreakSeconds": "4", "MaxPauseSeconds": str(PAUSE), "HookSeconds": "10",
    }  # fmt: skip


def computed(disks: tuple[str, ...], hooks: bool) -> dict[str, str]:
    """What the document of a frozen backup finds out or works out by itself."""
    stop = 18 if hooks else 8
    return {
        "MOUNTS": " ".join(f"/mnt/{d}" for d in disks), "STOP": str(stop), "START": "3", "TMAX": str(stop + PAUSE)
    }  # fmt: skip


def prepare(binary: Path, scenario: Scenario, edit: Edit | None = None, make: Make | None = None) -> Run:
    kind = FrozenWorld if scenario.frozen else World
    world = kind(disks=scenario.disks, stored=dict.fromkeys(NODES, scenario.epoch), lenient=scenario.lenient)
    if scenario.old_baton:
        world.monitor_view = "suspended"
    stage = Stage(binary, world)
    make = make or (FrozenRun if scenario.frozen else Run)  # type: ignore[assignment]
    run = make(stage, world)
    for node in NODES:
        (stage.root / node / "var/mirrorsnap").mkdir()
        (stage.root / node / "var/mirrorsnap/epoch").write_text(f"{scenario.epoch}\n")
    if isinstance(run, FrozenRun):
        run.show_mounts()
    for hook in ("before", "after") if scenario.hooks else ():
        path = stage.root / "a/etc/mirrorsnap" / hook
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(binary)
    if scenario.units:
        for role, (node, limit, files) in _units(
            scenario.disks, edit, scenario.restore, scenario.frozen, scenario.hooks
        ).items():
            _unit(run, node, role, limit, files)
    elif scenario.restore:
        _document(run, "docQ", "quiesce-restore", scenario, edit)
    else:
        _document(run, "docS", "break-unit", scenario, edit)
    for name in scenario.launches:
        run.launches[name] = _launch(name, scenario, edit)
    run.begin()
    return run


def _unit(run: Run, node: str, role: str, limit: float, files: dict[str, str]) -> None:
    """Writes the files that the document writes when it starts the unit; test_interleaving proves them equal."""
    home = run.stage.run_dir(node, run.run)
    home.mkdir(parents=True)
    for name, content in files.items():
        (home / name).write_text(content)
    if role == "active":
        (home / "L").touch()
    argv = [SHELL, str(home / f"{role}.sh"), role, str(home)]
    unit = run.units[f"mirrorsnap-r1-{role}"] = Unit(f"mirrorsnap-r1-{role}", node, 1, argv, limit)
    run._start(unit)


def unit_files(role: str, text: str, deadlines: str, **found_out: str) -> dict[str, str]:
    """The files that a document writes for its unit: name -> content."""
    found = re.search(r"<<'MIRRORSNAP_END'[^\n]*\n(.*?\n)MIRRORSNAP_END\n", text, re.S)
    assert found, "the document writes no unit"
    names = ["RUN", "EPOCH", "SELF", "PEER", "FAILOVER_GROUPS", "DISKS", *deadlines.split()]
    values = {n: re.search(rf"^{n}='?([^'\n]*)'?$", text, re.M) for n in names}
    known = {n: m.group(1) for n, m in values.items() if m}
    if "KNAMES" in names:  # which the document has looked up
        partitions = re.search(r"^PARTITIONS='?([^'\n]*)'?$", text, re.M)
        found_names = partitions.group(1).replace("/dev/", "") if partitions else ""
        known["KNAMES"] = found_names
    if "DEVICES" in known:
        known |= {"MOUNTS": "", **found_out}
    lines = "".join(f"{n}='{known[n]}'\n" for n in names if n in known)
    return {f"{role}.sh": found.group(1), f"{role}.params": lines + "\n", "epoch": "1\n"}


def _document(run: Run, actor: str, step: str, scenario: Scenario, edit: Edit | None, **other: str) -> None:
    node = other.pop("node", "s" if step == "break-unit" else "a")
    path = run.stage.root / f"{actor}.sh"
    values = frozen_values(scenario.disks) if scenario.frozen else {}
    values = parameters(step, scenario.disks, **{"Epoch": str(scenario.epoch), **values, **other})
    text = _documents()[step].fill(values)
    path.write_text(edit(text) if edit else text)
    run.stage.spawn(actor, node, int(values.get("Epoch", scenario.epoch)), [SHELL, str(path)])


# name -> (document, parameters that differ from the run's own copy). Those named copy… must do nothing.
LAUNCHES: dict[str, tuple[str, dict[str, str]]] = {
    "fenceA": ("fence", {"Run": "r2", "Epoch": "2", "ExpectedBootId": BOOT["a"], "node": "a"}),
    "fenceS": ("fence", {"Run": "r2", "Epoch": "2", "ExpectedBootId": BOOT["s"], "node": "s"}),
    "docA": ("quiesce", {}),
    "docE": ("enter-restore-mode", {}),
    "copyA": ("quiesce", {}),
    "copyE": ("enter-restore-mode", {}),
    "copyS": ("break-unit", {}),
    "copy-late": ("quiesce", {"NotAfterUptime": "9", "Attempt": "2"}),
    "copy-boot": ("quiesce", {"ExpectedBootId": BOOT["s"], "Attempt": "2"}),
    "copy-low": ("quiesce", {"Attempt": "2", "Epoch": "1"}),  # its scenario's own epoch is 2
    "records": ("read-records", {"node": "a"}),
    "hold": ("hold", {"Run": "operator", "node": "a"}),
}


# What somebody else does: (seconds after what came before, what). Each of them may begin at any step.
SOMEBODY: dict[str, list[tuple[float, str]]] = {
    "stops": [(0, "stop")],
    "blips": [(0, "stop"), (0.6, "start")],
    "thaws": [(0, "start"), (0.3, "stop")],
    "moves": [(0, "stop"), (0.6, "move")],
    "suspends": [(0, "suspend")],
    "waves": [(0, "suspend"), (0.6, "resume")],
    "resumes": [(0, "resume")],
    "works": [(0, "suspend"), (0.2, "stop"), (3, "start"), (0.1, "resume")],
    "unguards": [(0, "unguard")],
    "copies": [(0, "copy")],
    "freezes": [(0, "freeze"), (4, "thaw")],
    "unfreezes": [(0, "thaw")],
    "blinks": [(0, "thaw"), (0.3, "freeze"), (8, "thaw")],
}


def _launch(name: str, scenario: Scenario, edit: Edit | None) -> Callable[[Run], None]:
    if name == "reload":
        return Run.reload
    if name == "shutdown":
        return FrozenRun.shutdown
    if name == "gone":
        return Run.delete_directories
    if name.startswith("full-"):
        return lambda run: run.fill(name.removeprefix("full-"))
    if name in SOMEBODY:
        return lambda run: run.somebody(SOMEBODY[name])
    step, other = LAUNCHES[name]
    return lambda run: _document(run, name, step, scenario, edit, **other)
