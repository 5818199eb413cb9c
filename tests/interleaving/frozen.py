"""A backup that freezes the file systems: the world in which its real scripts are stepped, and P1 to P9 for it.

The groups stay online. A mirror disk's file system is thawed, freezing or frozen, as the kernel freezes it
(tests/lab/nodes/clusterpro/freezing.py says how). "Quiet" is: all of them frozen. What stands for "offline" in
world.py stands for "quiet" here. In addition:

- no file system that we froze stays frozen longer than PAUSE, or 0.5 s longer than the kernel took to freeze it;
- a backup that freezes stops no group, thaws nothing that somebody else froze, and lets no shutdown hang.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field

from .schedule import Op, Run
from .stepper import Actor
from .world import LockView, Outcome, Violation, World

PAUSE = 10  # max_pause_seconds
FROZEN_WAIT = 21  # W, which the hook and the flush make longer
DEVICES = {"md1": "/dev/NMP1", "md2": "/dev/NMP2"}
FREEZE_SECONDS = 0.3
SLOW_SECONDS = 12.0  # of a freeze that outlasts its time limit, and the timer's moment
STOP_SECONDS = 90.0  # TimeoutStopSec of unit `active`
SOMEBODY = "somebody"
KERNEL = "kernel"  # to whom a freeze belongs whose fsfreeze nobody waits for any more
BUSY = "freeze failed: Device or resource busy\n"
INVALID = "unfreeze failed: Invalid argument\n"


@dataclass
class FrozenWorld(World):
    state: dict[str, str] = field(default_factory=dict)  # disk -> thawed, freezing, frozen
    by: dict[str, str] = field(default_factory=dict)  # disk -> ours or SOMEBODY, unless it is thawed
    began: dict[str, float] = field(default_factory=dict)
    completed: dict[str, float] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)
    once_ours: set[str] = field(default_factory=set)  # frozen by us before: then nobody can tell whose it is

    def __post_init__(self) -> None:
        self.state = dict.fromkeys(self.disks, "thawed")

    @property
    def calm(self) -> str:
        return "off" if self.group == "on" and set(self.state.values()) == {"frozen"} else self.group

    @property
    def may_mislead(self) -> set[str]:
        return {"suspend"}  # the groups look as always: the baton alone tells the standby

    @property
    def ours_frozen(self) -> list[str]:
        return [d for d, s in self.state.items() if s != "thawed" and self.by[d] != SOMEBODY]

    def begin(self, disk: str, by: str) -> None:
        self.state[disk], self.by[disk], self.began[disk] = "freezing", by, self.now
        if by != SOMEBODY:
            self.once_ours.add(disk)
        self.version += 1

    def complete(self, disk: str) -> None:
        self.state[disk], self.completed[disk] = "frozen", self.now
        self.version += 1
        if self.calm == "off" and set(self.by.values()) != {SOMEBODY}:
            self.ours = self.ever_ours = True

    def thaw(self, disk: str) -> None:
        by, self.state[disk] = self.by.pop(disk), "thawed"
        self.pauses.append(self.now - self.began[disk])
        self.writes += 1  # those who waited go on
        self.version += 1
        seconds, since = self.now - self.began[disk], self.now - self.completed[disk]
        if by != SOMEBODY and self.fair and seconds > PAUSE and since > 0.5:
            raise Violation("P6", f"{disk} was frozen for {seconds:.1f} s")

    def read_enough(self, locked: LockView) -> bool:
        return locked.saw_offline  # RED is read before, in A3: see section/freeze.sh

    def check(self) -> None:
        if self.ours_frozen and not self.watching and not self.down:
            raise Violation("P1", f"{self.ours_frozen} is frozen, and no timer watches")

    @property
    def disturbed(self) -> str:
        return f"{self.ours_frozen} is frozen" if self.ours_frozen else ""

    @property
    def excused(self) -> bool:
        return self.gone or self.down

    def finish(self, outcome: Outcome) -> None:
        if self.ours_frozen:
            raise Violation("P6", f"at the end {self.ours_frozen} is frozen by us")
        super().finish(outcome)


@dataclass
class FrozenRun(Run):
    blocked: dict[str, str] = field(default_factory=dict)  # actor whose `systemctl stop` waits -> the unit's actor
    terminated: dict[str, float] = field(default_factory=dict)  # actor -> when SIGKILL follows
    slow: set[str] = field(default_factory=set)  # actors whose freeze takes SLOW_SECONDS
    lock_of_op: int | None = None  # the lock that a killed fsfreeze still holds

    world: FrozenWorld  # type: ignore[assignment]

    patience: int = 1  # the pause is short

    # ── what is possible ──────────────────────────────────────────────────────────────────────────────────────────

    def actions(self) -> list[tuple[float, str]]:
        for name, waits_for in list(self.blocked.items()):
            if not self.stage.actors[waits_for].alive:
                del self.blocked[name]
                self.ready[name] = self.world.now
        out = [(at, word) for at, word in super().actions() if word not in self.blocked]
        if self.op and self.lock_of_op is None and self.op.actor in self.slow and self.op.actor in self.ready:
            out.append((self.asked[self.op.actor] + 5, f"bound:{self.op.actor}"))
        out += [(at, f"sigkill:{n}") for n, at in self.terminated.items() if self.stage.actors[n].alive]
        now, first = self.world.now, ("refresh", "refreshm")
        if out and out[0][1] == "other":
            return out[:1]
        return sorted(out, key=lambda a: (a[0] if a[1] in first else max(a[0], now), a[1] != self.current, a[1]))

    def _ready_at(self, actor: Actor) -> float:
        request = actor.request or [""]
        if request[0] == "sleep" and request[1] not in ("0.2", "1", "5"):
            return self.world.now + float(request[1])  # no poll, but the way to a moment
        at = super()._ready_at(actor)
        if actor.name[0] in "TX" and request[0] == "sleep":
            return self.world.now + float(request[1])  # on it depends how long a pause may last
        return at

    def key(self) -> int:
        w = self.world
        frozen = (tuple(w.state.items()), tuple(w.by.items()), w.gone)
        return hash(
            (
                super().key(),
                frozen,
                tuple(self.blocked.items()),
                tuple(self.terminated),
                bool(self.lock_of_op),
                tuple(self.slow),
            )
        )

    # ── the file systems ──────────────────────────────────────────────────────────────────────────────────────────

    def _on_fsfreeze(self, actor: Actor) -> None:
        how, disk = actor.request[1], actor.request[2].removeprefix("/mnt/")
        world = self.world
        if how == "-u":
            if world.state[disk] != "frozen":
                self._done(actor, 1, INVALID)
                return
            if world.by[disk] == SOMEBODY and disk not in world.once_ours:
                raise Violation("others", f"{actor.name} thaws what somebody else has frozen")
            world.thaw(disk)
            self._done(actor, 0)
            return
        lock = self.locks.get(actor.name)
        if world.state[disk] != "thawed":
            if lock:
                self.saw[f"busy-{disk}"] = actor.name
                lock.saw_offline = all(self.saw.get(f"busy-{d}") == actor.name for d in world.disks)
            self._done(actor, 1, BUSY)
            return
        world.disturb(actor.node, actor.name, actor.epoch, "fsfreeze -f")
        if "freezing" not in world.records:
            raise Violation("P1", f"{actor.name} freezes, and nothing says so")
        if world.group != "on":
            raise Violation("root", f"{actor.name} freezes a mount point on which nothing is mounted")
        seconds = SLOW_SECONDS if actor.name in self.slow else FREEZE_SECONDS
        world.begin(disk, actor.name)
        self.op = Op(actor.name, f"freeze {disk}", world.now + seconds)
        self.ready[actor.name] = world.now

    def _do_slow(self, name: str) -> None:
        self.slow.add(name)
        self._do_step(name)

    def _do_op(self, name: str) -> None:
        assert self.op
        op, self.op = self.op, None
        self.world.complete(op.kind.split()[1])
        self.slow.clear()
        if self.lock_of_op is not None:
            os.close(self.lock_of_op)
            self.lock_of_op = None
            return
        actor = self.stage.actors[name]
        if not (actor.alive and actor.request and name in self.ready):
            return
        self.current = name
        self._take(name)
        if name in self.terminated:
            self.stage.term(actor)
            return
        self.stage.answer(actor, 1 if name in self.liars else 0)
        self.liars.discard(name)

    def _do_kill(self, name: str) -> None:
        super()._do_kill(name)
        self._freeze_goes_on(name)

    def _do_bound(self, name: str) -> None:
        super()._do_bound(name)
        self._freeze_goes_on(name)

    def _freeze_goes_on(self, name: str) -> None:
        """fsfreeze itself cannot be killed now, and goes on to hold its lock."""
        path = self.stage.run_dir("a", self.run) / "freezes"
        if self.op and self.op.actor == name and self.lock_of_op is None and path.exists():
            self.lock_of_op = os.open(path, os.O_RDWR)
            fcntl.flock(self.lock_of_op, fcntl.LOCK_EX)  # once what was its process here has ended
            self.op.actor = KERNEL

    def _on_sync(self, actor: Actor) -> None:
        assert actor.request[1] == "-f", actor.request
        self._done(actor, 0)

    # ── what the groups and the records mean here ─────────────────────────────────────────────────────────────────

    def _on_clpgrp(self, actor: Actor) -> None:
        raise Violation("stop", f"{actor.name}: {' '.join(actor.request)} in a backup that freezes")

    def _on_clpstat(self, actor: Actor) -> None:
        lock = self.locks.get(actor.name)
        quiet = lock.saw_offline if lock else False
        super()._on_clpstat(actor)
        if lock:
            lock.saw_offline = quiet  # the table cannot tell it
        if actor.name == "S" and self.saw.get("S") == "on":
            self.saw["S"] = "off"  # as quiet as it can see

    def _recorded(self, actor: Actor, name: str) -> None:
        self.saw[actor.name + "-before"] = self.saw.get(actor.name, "")
        if name == "broke" and self.saw.get("groups-since-break") != actor.name:
            raise Violation("P4", "`broke` without having read the groups after the break")
        if name == "done":
            if self.world.ours_frozen:
                raise Violation("P8", f"{actor.name} wrote `done` with {self.world.ours_frozen} frozen")
            self.saw[actor.name] = "on"
        super()._recorded(actor, name)

    def _on_systemctl(self, actor: Actor) -> None:
        words = actor.request[1:]
        verb, name = [word for word in words if word != "--no-block"][:2]
        unit = self.units.get(name.removesuffix(".timer"))
        if verb == "stop" and name.endswith(".timer") and self.world.ours_frozen:
            raise Violation("P8", f"{actor.name} cancelled the timer with {self.world.ours_frozen} frozen")
        if verb != "stop" or name.endswith(".timer") or not unit or not self._running(unit):
            super()._on_systemctl(actor)
            return
        if unit.actor == actor.name:
            raise Violation("P1", f"{actor.name} stops itself")
        self._terminate(unit.actor)
        unit.restart = False
        if "--no-block" in words:
            self._done(actor, 0)
        else:
            self.blocked[actor.name] = unit.actor
            self.ready[actor.name] = self.world.now

    def _terminate(self, name: str) -> None:
        if name in self.terminated:
            return
        self.terminated[name] = self.world.now + STOP_SECONDS
        if not (self.op and self.op.actor == name):
            self.ready.pop(name, None)
            self.stage.term(self.stage.actors[name])

    def _do_sigkill(self, name: str) -> None:
        del self.terminated[name]
        self._do_kill(name)

    def _do_step(self, name: str) -> None:
        actor = self.stage.actors[name]
        if (
            actor.request
            and actor.request[0] == "systemctl"
            and name not in self.blocked
            and self._stops_the_dead(actor)
        ):
            self._done(self._take(name), 0)
            return
        super()._do_step(name)

    def _stops_the_dead(self, actor: Actor) -> bool:
        """The unit that its `systemctl stop` waited for has ended."""
        verb, name = [word for word in actor.request[1:] if word != "--no-block"][:2]
        unit = self.units.get(name)
        return verb == "stop" and unit is not None and not self._running(unit)

    def _busy(self) -> bool:
        """Whether an fsfreeze has the mount as its directory."""
        pins = (["fsfreeze", "-f"], ["flock", "7"])  # the latter in the shell that becomes the former
        return any(a.request and a.request[:2] in pins for a in self.stage.actors.values())

    def show_mounts(self) -> None:
        """Show the group's mounts in the active's /proc/mounts."""
        disks = self.world.disks if self.world.group == "on" else ()
        rows = ["/dev/xvda2 / xfs rw 0 0\n", *(f"{DEVICES[d]} /mnt/{d} xfs rw,relatime 0 0\n" for d in disks)]
        (self.stage.root / "a/proc/mounts").write_text("".join(rows))
        for disk in self.world.disks:
            (self.stage.root / f"a/mnt/{disk}").mkdir(parents=True, exist_ok=True)

    def shutdown(self) -> None:
        """The node shuts down in order: timers stop first, then every service gets SIGTERM, and umount waits."""
        self.world.down, self.world.fair = True, False
        for unit in self.units.values():
            if unit.node == "a":
                unit.due, unit.back_at, unit.restart = None, None, False
                if self._running(unit):
                    self._terminate(unit.actor)

    def _do_other(self, word: str) -> None:
        what = self.others[0][1]
        if what == "stop" and (set(self.world.state.values()) != {"thawed"} or self._busy()):
            self.others.pop(0)  # its umount waits for the thaw, and here he gives up
            return
        if what not in ("freeze", "thaw"):
            super()._do_other(word)
            self.show_mounts()
            return
        self.others.pop(0)
        world = self.world
        for disk in world.disks:
            if what == "freeze" and world.state[disk] == "thawed":
                world.begin(disk, SOMEBODY)
                world.complete(disk)
                world.theirs.add("freeze")
            elif what == "thaw" and world.state[disk] == "frozen":
                world.thaw(disk)
                world.theirs.add("thaw")
