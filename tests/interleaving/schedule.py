"""One run: the actions that are possible now, which of them is the default, and what each of them does.

Actions are words, so that a schedule is a list of words that can be printed and run again:

    A            actor A's pending command takes effect (or its sleep ends)
    op:A         the group's stop or start that A ordered is complete
    refresh      the standby's daemon learns the group's state;  lag: it learns it later
    refreshm     the same of the active's monitors;  lagm
    other        somebody else's next act
    fire:UNIT    a timer fires;  restart:UNIT  systemd restarts a killed service;  max:A  RuntimeMaxSec is over
    late:A       time passes beyond all of A's deadlines while the others stand still, then its sleep ends
    bound:A      `timeout` ends A's pending command;  nolock:A  its `flock -w` gives up
    kill:A       kill -9;  cut:A  kill -9 while its stop is on its way to the daemon, which acts on it later
    fail:A hang:A lie:A   the pending command does nothing and fails; never answers; does its work and fails
    launch:X     one more actor of the scenario begins
    beside:A     of A's reads that wait side by side, another one is answered next

Only actions move the time. If a sleeping actor is chosen before others that are due, those others have stalled.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .stepper import INTERPRETER, Actor, Stage
from .world import MONITORS, NODES, OP_SECONDS, LockView, Outcome, Violation, World

RECORDS = frozenset(
    [
        "waiting",
        "gave_up",
        "breaking",
        "broke",
        "tainted",
        "refused",
        "arming",
        "armed",
        "before",
        "freezing",
        "stopping",
        "stopped",
        "baton",
        "leaving",
        "sealed",
        "void",
        "resumed",
        "done",
    ]
)
HOOK_NAMES = ("before", "after")
DISTURBING = ("clpgrp", "clpmdctrl", "systemd-run")
FAULTY = {  # command prefix -> faults worth injecting
    "clpgrp -t": ("fail", "hang", "lie"),
    "clpgrp -s": ("fail", "hang", "lie", "spoil"),
    "clpmdctrl --break": ("fail", "hang", "lie"),
    "clpmonctrl": ("fail", "hang", "lie"),
    "dd": ("fail",),
    "clprestore.sh": ("fail",),
    "systemd-run": ("fail",),
    "fsfreeze -f": ("fail", "hang", "lie", "slow"),
    "fsfreeze -u": ("fail", "hang", "lie"),
    "sync": ("fail", "hang"),
    "clpstat": ("fail", "hang"),
    "clpmdstat": ("fail", "hang"),
    "mv": ("fail",),  # of a record: there was no room for it
    "before": ("fail", "hang"),
    "after": ("fail", "hang"),
}
IN_FLIGHT = 4.9  # s that an order may take from its dead sender to the daemon, and no stall makes it longer
FOREVER = 20.0  # `late`: longer than any deadline of the scenario


@dataclass
class Unit:
    """A transient unit, and what its properties say of its end."""

    name: str
    node: str
    epoch: int
    argv: list[str]
    limit: float | None = None  # RuntimeMaxSec
    restart: bool = False
    again: float = 3.0  # RestartSec
    due: float | None = None  # of its timer, while that is armed
    on_active: float | None = None  # s from the timer's activation or, up to systemd 253, from the last daemon-reload
    on_boot: float | None = None  # s from the boot
    actor: str = ""
    started: float = 0.0
    back_at: float | None = None  # when systemd restarts it
    count: int = 0


@dataclass
class Op:
    actor: str
    kind: str  # stop | start
    done_at: float


@dataclass
class Run:
    stage: Stage
    world: World
    run: str = "r1"
    launches: dict[str, Callable[[Run], None]] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    op: Op | None = None
    lagging: float | None = None
    lagging_monitors: float | None = None
    others: list[tuple[float, str]] = field(default_factory=list)  # what somebody else does next, and when
    in_flight: float | None = None  # a stop whose sender died: when the daemon acts on it
    current: str = ""
    ready: dict[str, float] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)
    naps: dict[str, tuple[int, int]] = field(default_factory=dict)  # actor -> (version at its last sleep, how many)
    saw: dict[str, str] = field(default_factory=dict)
    locks: dict[str, LockView] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    full: set[str] = field(default_factory=set)  # nodes on which no record can be written any more
    patience: int = 3  # how often a poller that sees nothing new doubles its sleep twice
    expiring: bool = False  # the action being carried out is a stall (`late`)

    def __post_init__(self) -> None:
        self.restarts = 0

    # ── what is possible ──────────────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        self._settle()

    def _settle(self) -> None:
        self.stage.tick()
        self.stage.settle()
        for actor in self.stage.actors.values():
            if actor.request is not None and actor.name not in self.ready:
                self.ready[actor.name] = self._ready_at(actor)
                if not actor.beside:
                    self.asked[actor.name] = self.world.now
        for unit in self.units.values():
            actor = self.stage.actors.get(unit.actor)
            if actor and not actor.alive and unit.restart and actor.rc != 0 and unit.back_at is None:
                unit.back_at = self.world.now + unit.again
                unit.actor = ""
        for actor in self.stage.actors.values():
            if not actor.alive and actor.name.startswith("fence") and actor.rc == 0:
                self.world.fences[actor.node] = actor.epoch
        self.world.watching = any(
            u.name.endswith("-timer") or "-fence-" in u.name for u in self.units.values() if self._alive(u)
        )
        self.world.check()

    def _alive(self, unit: Unit) -> bool:
        actor = self.stage.actors.get(unit.actor)
        return unit.due is not None or unit.back_at is not None or bool(actor and actor.alive)

    def _ready_at(self, actor: Actor) -> float:
        argv = actor.request
        assert argv
        if argv[0] != "sleep":
            return self.world.now
        # A poll that saw nothing new sleeps longer each time. That is like a slow machine, and keeps the search finite.
        version, count = self.naps.get(actor.name, (-1, 0))
        count = count + 1 if version == self.world.version else 0
        self.naps[actor.name] = (self.world.version, count)
        return self.world.now + float(argv[1]) * 4 ** min(count, self.patience)

    def actions(self) -> list[tuple[float, str]]:
        """(time at which it happens by itself, word), the earliest first; without faults and stalls."""
        out: list[tuple[float, str]] = []
        for actor in self.stage.actors.values():
            if actor.request is None or (self.op and self.op.actor == actor.name):
                pass
            elif actor.hung:
                if actor.bound:
                    out.append((self.asked[actor.name] + actor.bound, f"bound:{actor.name}"))
            elif (
                actor.request[0] == "flock"
                and "-n" not in actor.request
                and not self.stage.lock_free(self._lock_path(actor))
            ):
                if "-w" in actor.request:
                    seconds = float(actor.request[actor.request.index("-w") + 1])
                    out.append((self.asked[actor.name] + seconds, f"nolock:{actor.name}"))
            else:
                out.append((self.ready[actor.name], actor.name))
        if self.op:
            out.append((self.op.done_at, f"op:{self.op.actor}"))
        if self.in_flight is not None:
            out.append((self.in_flight, "arrive"))
        for unit in self.units.values():
            if unit.due is not None:
                out.append((unit.due, f"fire:{unit.name}"))
            if unit.back_at is not None:
                out.append((unit.back_at, f"restart:{unit.name}"))
            elif unit.limit is not None and self._running(unit):
                out.append((unit.started + unit.limit, f"max:{unit.actor}"))
        docs = self.stage.actors.get("docS")
        if "docA" in self.launches and docs and docs.rc == 0:
            out.append((self.world.now, "launch:docA"))  # the orchestrator, once the standby's document has answered
        if "docE" in self.launches and self._ready_to_go_down():
            out.append((self.world.now, "launch:docE"))  # likewise, once the groups are down
        if self.world.view != self.world.group:
            out.append((self.lagging if self.lagging is not None else -1.0, "refresh"))
        if self.world.monitor_view != self.world.monitors:
            out.append((self.lagging_monitors if self.lagging_monitors is not None else -1.0, "refreshm"))
        if self.others and (self.op is None or self.others[0][1] in ("suspend", "resume", "unguard", "copy")):
            out.append((self.others[0][0], "other"))
            if self.others[0][0] <= self.world.now:
                return [(self.world.now, "other")]  # before anybody's next step: so he comes between any two
        # The earliest first. Of the actors that are due, the one that ran last goes on.
        now = self.world.now
        at_once = ("refresh", "refreshm")
        return sorted(out, key=lambda a: (a[0] if a[1] in at_once else max(a[0], now), a[1] != self.current, a[1]))

    def _ready_to_go_down(self) -> bool:
        return "stopped" in self.world.records and not self.world.down

    def _running(self, unit: Unit) -> bool:
        actor = self.stage.actors.get(unit.actor)
        return bool(actor and actor.alive)

    def alternatives(self, default: str) -> tuple[list[str], list[str]]:
        """(stalls, faults) that are worth trying instead of the default action."""
        actor = self.stage.actors.get(default)
        stalls: list[str] = []
        if default in ("refresh", "refreshm"):
            late = self.lagging if default == "refresh" else self.lagging_monitors
            return ["lag" if default == "refresh" else "lagm"] if late is None else [], []
        if actor is None or not self._invisible(actor):
            latest = self.in_flight if self.in_flight is not None else float("inf")
            for at, word in self.actions():
                if at > latest:
                    continue
                if word in (default, "refresh", "refreshm") or word.startswith(("max:", "bound:", "nolock:")):
                    continue
                other = self.stage.actors.get(word)
                if other and other.idle and self._seen(other):
                    continue  # it would see what it has seen
                stalls.append(word)
            for other in self.stage.actors.values():
                if other.request and other.request[0] == "sleep" and other.name[0] in "ASJ" and latest == float("inf"):
                    stalls.append(f"late:{other.name}")
        faults = []
        if actor and actor.request and actor.request[0] != "sleep":
            faults.append(f"kill:{actor.name}")
            line = " ".join([Path(actor.request[0]).name, *actor.request[1:]])
            for prefix, kinds in FAULTY.items():
                if line.startswith(prefix):
                    faults += [f"{kind}:{actor.name}" for kind in kinds]
        elif default.startswith("op:") and (owner := self.stage.actors.get(default[3:])) and owner.alive:
            faults.append(f"kill:{default[3:]}")
        active = self.stage.actors.get("A")
        if active and active.request and active.request[:2] == ["clpgrp", "-t"] and self.world.group == "on":
            faults.append("cut:A")
        faults += [f"launch:{name}" for name in self.launches if name not in ("docA", "docE") and self._due(name)]
        return stalls, faults

    def choices(self, default: str) -> list[str]:
        """What is neither a stall nor a fault: which of the actor's own reads comes first."""
        actor, word = self.stage.actors.get(default), f"beside:{default}"
        if actor is None:
            return []
        turns = next((i for i, done in enumerate(reversed(self.trace)) if done != word), len(self.trace))
        return [word] if turns < actor.waiting - 1 else []

    def back_in_step(self, prefix: list[str]) -> bool:
        """Whether the reads of which this prefix chose the next one are all answered, with nothing between them."""
        verb, _, name = prefix[-1].partition(":") if prefix else ("", "", "")
        since = self.trace[len(prefix) :]
        return verb == "beside" and since == [name] * len(since) and bool(since) and not self.stage.actors[name].beside

    def possible(self, word: str) -> bool:
        """Whether this action, of whatever kind, makes sense now."""
        verb, _, name = word.partition(":")
        if verb in ("fail", "hang", "lie", "slow", "spoil", "cut", "late"):
            actor = self.stage.actors.get(name)
            late_enough = actor and actor.request and actor.request[0] == "sleep" and self.in_flight is None
            return bool(late_enough if verb == "late" else actor and actor.request)
        if verb == "beside":
            return name in self.stage.actors and self.stage.actors[name].waiting > 1
        if verb == "kill":
            return name in self.stage.actors and self.stage.actors[name].alive
        if verb == "launch":
            return name in self.launches and self._due(name)
        latest = self.in_flight if self.in_flight is not None else float("inf")
        return word in ("lag", "lagm") or any(word == w and at <= latest for at, w in self.actions())

    def _due(self, name: str) -> bool:
        """A copy counts as a second one only after the first has made its marker."""
        marker = {
            "copyA": ("a", "quiesce.1"),
            "copyS": ("s", "break-unit.1"),
            "copyE": ("a", "enter-restore-mode.1"),
        }.get(name)
        if self.world.down and name != "fenceS":
            return False  # that node runs nothing any more
        return marker is None or (self.stage.run_dir(marker[0], self.run) / marker[1]).exists()

    def _seen(self, actor: Actor) -> bool:
        return self.naps[actor.name][0] == self.world.version

    def _invisible(self, actor: Actor) -> bool:
        """Whether its next step concerns no other actor. Then its order among theirs makes no difference."""
        argv = actor.request
        assert argv
        silent = {"waiting", "breaking", "before", "freezing", "stopping", "baton"}
        return argv[0] in ("dd", "readlink") or (
            argv[0] == "mv" and Path(argv[-1]).name not in (RECORDS | {"mounts"}) - silent
        )

    def _lock_path(self, actor: Actor) -> Path:
        assert actor.request
        root = self.stage.run_dir(actor.node, self.run)
        return {"9": root / "L", "7": root / "freezes"}.get(actor.request[-1], root.parent / "lock")

    def key(self) -> int:
        """Everything that the rest of the run depends on, without the elapsed time."""
        w = self.world
        breaks = tuple((b.disk, b.group, b.after_void) for b in w.breaks)
        world = (w.group, w.view, frozenset(w.red), breaks, w.ours, tuple(sorted(w.records.items())), w.held, w.down)
        world += (frozenset(w.suspended), w.monitor_view, w.own_monitors, w.writes, w.ever_ours, frozenset(w.theirs))
        world += (tuple(what for _, what in self.others), self.lagging_monitors is not None, tuple(w.hooks))
        epochs = (tuple(w.stored.items()), tuple(w.fences.items()))
        units = tuple((u.name, u.due is not None, u.back_at is not None, u.actor) for u in self.units.values())
        actors = tuple((a.name, a.position(), a.hung) for a in self.stage.actors.values())
        op = (self.op.actor, self.op.kind) if self.op else None
        rest = (
            op,
            tuple(sorted(self.full)),
            self.lagging is not None,
            self.in_flight is not None,
            self.current,
            tuple(self.launches),
        )
        # The deadline of a poller depends on how often it has polled in vain.
        rest += (tuple((n, c[1]) for n, c in self.naps.items() if self.stage.actors[n].alive),)
        return hash((world, epochs, units, actors, rest, frozenset(self.saw.items())))

    # ── what an action does ───────────────────────────────────────────────────────────────────────────────────────

    def perform(self, word: str) -> None:
        """Carry out one action and wait until every actor waits again. Raises Violation."""
        self.trace.append(word)
        verb, _, rest = word.partition(":")
        if not rest:
            verb, rest = ("step", word) if word in self.stage.actors else (word, "")
        due = next((at for at, w in self.actions() if w == word), self.world.now)
        self._advance(due)
        getattr(self, f"_do_{verb}")(rest)
        self._settle()

    def _advance(self, at: float) -> None:
        self.world.now = max(self.world.now, at)
        self.stage.tick()

    def _take(self, name: str) -> Actor:
        self.ready.pop(name, None)
        return self.stage.actors[name]

    def _do_step(self, name: str) -> None:
        self.current = name
        actor = self._take(name)
        assert actor.request
        command = Path(actor.request[0]).name.replace("-", "_").replace(".", "_")
        getattr(self, f"_on_{command}")(actor)

    def _do_beside(self, name: str) -> None:
        self.stage.actors[name].turn()

    def _do_late(self, name: str) -> None:
        self._advance(self.world.now + FOREVER)
        self._do_step(name)

    def _do_op(self, name: str) -> None:
        assert self.op
        op, self.op = self.op, None
        self.world.set_group("off" if op.kind == "stop" else "on")
        actor = self.stage.actors[name]
        if actor.alive and actor.request and actor.name in self.ready:
            self.current = name
            self._take(name)
            self.stage.answer(actor, 1 if name in self.liars else 0)
            self.liars.discard(name)

    @property
    def liars(self) -> set[str]:
        return self.__dict__.setdefault("_liars", set())

    def _do_refresh(self, _: str) -> None:
        self.lagging = None
        self.world.see()

    def _do_lag(self, _: str) -> None:
        self.lagging = self.world.now + 3

    def _do_refreshm(self, _: str) -> None:
        self.lagging_monitors = None
        self.world.see_monitors()

    def _do_lagm(self, _: str) -> None:
        self.lagging_monitors = self.world.now + 3

    def somebody(self, plan: list[tuple[float, str]]) -> None:
        """Somebody else begins to do this."""
        at = self.world.now
        for seconds, what in plan:
            at += seconds
            self.others.append((at, what))
        self.world.fair = False  # what he stops is down for as long as he likes

    def _do_other(self, _: str) -> None:
        """Somebody else's next act; it does nothing where the cluster would refuse it."""
        _, what = self.others.pop(0)
        world = self.world
        every = {MONITORS[disk] for disk in world.disks}
        if what == "stop" and world.group in ("on", "moved"):
            world.set_group("off")
            world.ours = False
        elif what in ("start", "move") and world.group == "off":
            if what == "move" and world.red:
                return  # its disk there has old data: the start fails
            world.set_group("on" if what == "start" else "moved")
        elif what == "suspend":
            world.switch_monitors(every, suspend=True)
        elif what == "resume":
            world.switch_monitors(every, suspend=False)
        elif what == "unguard":
            world.own_monitors = "online"
            world.version += 1
        elif what == "copy":
            world.copied += 1
        else:
            return
        world.theirs.add(what)

    def fill(self, node: str) -> None:
        """The node's disks are full from now on."""
        self.full.add(node)

    def delete_directories(self) -> None:
        """Somebody deletes /run/mirrorsnap on both nodes."""
        self.world.gone = True
        for node in NODES:
            shutil.rmtree(self.stage.root / node / "run/mirrorsnap", ignore_errors=True)

    def _do_arrive(self, _: str) -> None:
        self.in_flight = None
        if self.world.group == "on":
            self.world.ours = self.world.ever_ours = True
            self.world.set_group("stopping")
            self.op = Op("A", "stop", self.world.now + OP_SECONDS)

    def _do_fire(self, name: str) -> None:
        unit = self.units[name]
        unit.due = None
        self._start(unit)
        self.current = unit.actor

    def _do_restart(self, name: str) -> None:
        unit = self.units[name]
        unit.back_at = None
        self._start(unit)

    def _start(self, unit: Unit) -> None:
        role = {"break": "S", "active": "A", "timer": "T"}.get(unit.name.rsplit("-", 1)[-1], "X")
        if "enter-restore-mode" in unit.name:
            role = "J"
        unit.count += 1
        unit.actor = role if unit.count == 1 else f"{role}{unit.count}"
        unit.started = self.world.now
        self.stage.spawn(unit.actor, unit.node, unit.epoch, unit.argv, unit.name)

    def _do_max(self, name: str) -> None:
        self._do_kill(name)

    def _do_bound(self, name: str) -> None:
        self.stage.answer(self._take(name), 137)

    def _do_nolock(self, name: str) -> None:
        self.stage.answer(self._take(name), 1)

    def _do_kill(self, name: str) -> None:
        self.ready.pop(name, None)
        self.stage.kill(self.stage.actors[name])

    def _do_cut(self, name: str) -> None:
        self._do_kill(name)
        self.in_flight = self.world.now + IN_FLIGHT

    def _do_fail(self, name: str) -> None:
        actor = self._take(name)
        self.current = name
        self._hook_begins(actor)
        self.stage.answer(actor, 1, shown="failed")

    def _do_hang(self, name: str) -> None:
        self._hook_begins(self.stage.actors[name])
        self.stage.actors[name].hang()
        if name[0] in "TX":
            self.world.fair = False  # the timer has one more bound to wait for

    def _do_lie(self, name: str) -> None:
        self.liars.add(name)
        self._do_step(name)

    def _do_spoil(self, name: str) -> None:
        """The start fails half-way: the group is in failure, and the command says so."""
        self.world.fair = False
        actor = self._take(name)
        self.current = name
        if self.world.group == "off":
            self.world.set_group("failed")
        self.stage.answer(actor, 1)

    def _do_launch(self, name: str) -> None:
        self.launches.pop(name)(self)
        self.current = name

    # ── the simulated commands ────────────────────────────────────────────────────────────────────────────────────

    def _done(self, actor: Actor, rc: int, out: str = "") -> None:
        if actor.name in self.liars:
            self.liars.discard(actor.name)
            rc = 1
        self.stage.answer(actor, rc, out)

    def _on_sleep(self, actor: Actor) -> None:
        self.stage.answer(actor, 0)

    def _on_flock(self, actor: Actor) -> None:
        if actor.request[-1] == "9":
            self.locks[actor.name] = LockView(self.world.stored[actor.node])
        self.stage.become(actor, "/usr/bin/flock", ["flock", "-n", actor.request[-1]])

    def _on_mv(self, actor: Actor) -> None:
        source, target = Path(actor.request[-2]), Path(actor.request[-1])
        if actor.node in self.full:
            self.stage.answer(actor, 1)
            return
        try:
            os.replace(source, target)
        except FileNotFoundError:
            self.stage.answer(actor, 1)
            return
        if target.name in RECORDS and target.parent == self.stage.run_dir(actor.node, self.run):
            self._recorded(actor, target.name)
        elif target.name == "baton":
            self._takes_monitors(actor)
        elif target.parent.name == "mirrorsnap" and target.name == "epoch":
            self.world.stored[actor.node] = int(target.read_text())
        elif target.parent.name == "mirrorsnap" and target.name == "hold":
            self.world.held = True
        self.stage.answer(actor, 0)

    def _recorded(self, actor: Actor, name: str) -> None:
        if (
            name == "void"
            and "leaving" in self.world.records
            and any(a.alive for a in self.stage.actors.values() if a.name.startswith("J"))
        ):
            raise Violation("R2", f"{actor.name} wrote `void` while the shutdown was being ordered")
        self.world.written(name, actor.node, actor.epoch, self.locks.get(actor.name))
        if name == "done" and self.saw.get(actor.name) not in ("on", "moved"):
            raise Violation("P8", f"{actor.name} wrote `done` after it had read the group {self.saw.get(actor.name)}")
        if name == "baton":
            self._takes_monitors(actor)
        if name == "broke" and self.saw.get("copied") != self.saw.get("copied-then"):
            raise Violation("rule 3", "`broke`, and something has written on the standby since the break")
        if name == "broke" and (self.saw.get(actor.name) != "off" or self.saw.get("since-break") != actor.name):
            raise Violation("P4", "`broke` without having read the group offline, and RED after the break")

    def _takes_monitors(self, actor: Actor) -> None:
        """It writes that the suspension of this node's monitors is ours from here on."""
        if self.saw.get("monitors-A") != "online":
            raise Violation("P9", f"{actor.name} takes monitors that it saw {self.saw.get('monitors-A')} for its own")

    def _on_dd(self, actor: Actor) -> None:
        self.stage.answer(actor, 0, f"the first bytes after {self.world.writes} writes", shown="bytes")

    def _on_before(self, actor: Actor) -> None:
        self._hook(actor, "before")

    def _on_after(self, actor: Actor) -> None:
        self._hook(actor, "after")

    def _hook(self, actor: Actor, name: str) -> None:
        self._hook_begins(actor)
        self._done(actor, 0)

    def _hook_begins(self, actor: Actor) -> None:
        """A hook that fails or hangs has run too."""
        name = Path((actor.request or [""])[0]).name
        if name in HOOK_NAMES:
            self.world.run_hook(name, actor.name)

    def _on_readlink(self, actor: Actor) -> None:
        self.stage.answer(actor, 0, actor.request[-1] + "\n")

    def _on_clpmonctrl(self, actor: Actor) -> None:
        assert actor.request[1:4] == ["-s", "-h", NODES["a"]], actor.request
        self.world.disturb(actor.node, actor.name, actor.epoch, "clpmonctrl -s")
        if not self.stage.kept(actor.node, self.run, "baton").exists():
            raise Violation("rule 11", f"{actor.name} suspends, and nothing on the root disk says that it was us")
        self.world.switch_monitors({actor.request[-1]}, suspend=True)
        self._done(actor, 0)

    def _on_clpstat(self, actor: Actor) -> None:
        if "-m" in actor.request:
            if actor.name in "AS":
                self.saw["monitors-" + actor.name] = (
                    self.world.own_monitors if actor.name == "S" else self.world.monitors
                )
            self._done(actor, 0, self.world.clpstat_monitors(actor.node))
            return
        state = self.world.group if actor.node == "a" else self.world.view
        self.saw[actor.name] = state
        if self.saw.get("break-by") == actor.name:
            self.saw["groups-since-break"] = actor.name
        lock = self.locks.get(actor.name)
        if lock:
            lock.saw_offline = state == "off"
        self._done(actor, 0, self.world.clpstat(actor.node))

    def _on_clpmdstat(self, actor: Actor) -> None:
        if actor.name == "S":
            self.saw["copied-then"] = str(self.world.copied)
        if self.saw.get("break-by") == actor.name:
            self.saw["since-break"] = actor.name
        lock = self.locks.get(actor.name)
        if lock:
            lock.saw_red = self.world.red == set(self.world.disks)
        self._done(actor, 0, self.world.clpmdstat(actor.request[-1]))

    def _on_clpmdctrl(self, actor: Actor) -> None:
        if self.saw.get("monitors-S") != "suspended":
            raise Violation(
                "rule 3", f"{actor.name} broke a mirror with monitors {self.saw.get('monitors-S')} of its own"
            )
        self.saw.setdefault("copied", str(self.world.copied))
        rc = self.world.break_disk(actor.request[-1], actor.name, actor.epoch)
        self.saw["break-by"] = actor.name
        self.saw.pop("since-break", None)
        self.saw.pop("groups-since-break", None)
        self._done(actor, rc)

    def _on_clpgrp(self, actor: Actor) -> None:
        if actor.request[1] == "-n":
            shown = {"on": NODES["a"] + "\n", "moved": NODES["s"] + "\n"}.get(self.world.group, "")
            self.saw[actor.name] = self.world.group
            self.stage.answer(actor, 0, shown)
            return
        kind = {"-t": "stop", "-s": "start"}[actor.request[1]]
        self.world.disturb(actor.node, actor.name, actor.epoch, f"clpgrp {actor.request[1]}")
        if self.world.group not in {"stop": ("on", "failed"), "start": ("off",)}[kind] or self.op:
            stopped = kind == "stop" and self.world.group == "off"
            self._done(actor, 0 if stopped and self.world.lenient else 1)
            return
        before = "baton" not in self.world.records
        if kind == "stop" and before and actor.name == "A" and self.saw.get("monitors-A", "online") != "online":
            raise Violation("P9", f"A stops the group though it saw its monitors {self.saw['monitors-A']}")
        if kind == "stop":
            self.world.ours = self.world.ever_ours = True
        self.world.set_group({"stop": "stopping", "start": "starting"}[kind])
        self.op = Op(actor.name, kind, self.world.now + OP_SECONDS)
        self.ready[actor.name] = self.world.now  # still waiting, now for the group

    def _on_clprestore_sh(self, actor: Actor) -> None:
        assert actor.request == ["clprestore.sh", "--pre"], actor.request
        self.world.shut_down(actor.name)
        # systemd ends every unit except the one that ordered the shutdown, which still prints its output.
        for unit in self.units.values():
            if unit.node == actor.node:
                unit.due, unit.back_at, unit.restart = None, None, False
        for other in list(self.stage.actors.values()):
            if other.alive and other.node == actor.node and other is not actor:
                self._do_kill(other.name)
        self._done(actor, 0)

    def _on_sh(self, actor: Actor) -> None:
        """`timeout … /bin/sh SCRIPT`: goes on as the same actor. The time limit ends no stall of it."""
        self.stage.become(actor, INTERPRETER, ["sh", *actor.request[1:]])

    def _on_systemd_run(self, actor: Actor) -> None:
        if actor.name.startswith("copy"):
            raise Violation("P5", f"{actor.name} started a unit")
        args, unit, late = actor.request[1:], Unit("", actor.node, actor.epoch, []), 60.0
        while args and args[0].startswith("-"):
            arg = args.pop(0)
            value = arg.partition("=")[2]
            if arg == "--collect":
                pass
            elif arg == "-p":
                name, _, value = args.pop(0).partition("=")
                if name == "RuntimeMaxSec":
                    unit.limit = float(value)
                elif name == "RestartSec":
                    unit.again = float(value)
                elif name == "Restart":
                    unit.restart = value == "on-failure"
            elif arg.startswith("--unit="):
                unit.name = value
            elif arg.startswith("--on-active="):
                unit.on_active = float(value.removesuffix("s"))
            elif arg.startswith("--on-boot="):
                unit.on_boot = float(value.removesuffix("s"))
            elif arg == "--timer-property=AccuracySec=100ms":
                late = 0.1
        unit.argv = args[1:] if args[0] == "env" else args
        if unit.name in self.units:
            self._done(actor, 1)
            return
        self.units[unit.name] = unit
        if unit.on_active is not None or unit.on_boot is not None:
            unit.due = self._elapses(unit) + late
        else:
            self._start(unit)
        self._done(actor, 0)

    def _elapses(self, unit: Unit) -> float:
        """The earlier of its moments, as systemd counts them if it starts to count now."""
        moments = [unit.on_boot] if unit.on_boot is not None else []
        return min([*moments, *([self.world.now + unit.on_active] if unit.on_active is not None else [])])

    def reload(self) -> None:
        """`systemctl daemon-reload`, by a package manager for example: --on-active begins anew, --on-boot does not."""
        for unit in self.units.values():
            if unit.due is not None and self._elapses(unit) > unit.due:
                raise Violation("P10", f"a daemon-reload moved {unit.name}'s timer")

    def _on_systemctl(self, actor: Actor) -> None:
        verb, name = [word for word in actor.request[1:] if word != "--no-block"][:2]
        unit = self.units.get(name.removesuffix(".timer"))
        if verb == "is-active":
            state = "inactive"
            if unit and name.endswith(".timer"):
                state = "active" if unit.due is not None else "inactive"
            elif unit:
                state = "active" if self._running(unit) else "activating" if unit.back_at else "inactive"
            self._done(actor, 0 if state == "active" else 3, state + "\n")
            return
        if verb == "start":
            if unit is None or self.world.down:
                self._done(actor, 5)
                return
            if not self._running(unit):
                self._start(unit)
            self._done(actor, 0)
            return
        assert verb == "stop", actor.request
        if unit and name.endswith(".timer"):
            # Somebody else's stop right after that look is his.
            down = self.world.group != "on" and (self.world.ours or not self.world.theirs)
            if unit.due is not None and (down or self.saw.get(actor.name) not in ("on", "moved")):
                raise Violation("P8", f"{actor.name} cancelled the timer with the group {self.world.group}")
            unit.due = None
        elif unit and self._running(unit):
            if unit.actor == actor.name:
                raise Violation("P1", f"{actor.name} stops itself")
            unit.restart = False
            self._do_kill(unit.actor)
        self._done(actor, 0)

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

    def outcome(self) -> Outcome:
        records = self.world.records

        def first(*names: str) -> str:
            return next((n for n in names if n in records), "none")

        return Outcome(first("sealed", "void", "refused"), first("broke", "tainted", "gave_up"), "done" in records)
