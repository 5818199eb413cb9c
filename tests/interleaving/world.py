"""The simulated cluster in which the real scripts are stepped, and the properties P1 to P9 (docs/safety.md).

Of the hooks: `before` runs once the timer watches, and `after` wherever `before` did; neither while the service is
disturbed.

The shutdown of a restore has two more. R1: the shutdown is ordered only while the group is down and nobody starts it
any more. R2: of `leaving` and the timer's `void` one is written first, and no `void` follows while the shutdown is
being ordered.

Node `a` is the active, node `s` the standby. Nothing here waits: the time is a number that the scheduler moves. Each
method that changes something checks what can be checked at once. `finish()` checks the rest when a run has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GROUP = "failover1"
NODES = {"a": "server1", "s": "server2"}
# `moved`: online on the standby, where somebody has moved it.
SHOWN = {
    "on": "Online", "moved": "Online", "off": "Offline", "stopping": "Offline Pending", "starting": "Online Pending",
    "failed": "Online Failure",
}  # fmt: skip
# What a node's clpstat prints of a group; the rest of the table is in clpstat().
STOP, BATON, BREAK, START, TMAX = 5, 3, 5, 5, 20  # the deadlines Ts, Tb, D, expected start and Tmax, in seconds
WAIT, SPAN, WITHIN = 18, 3, 5  # W, B and the time within which the active may start
PARTITIONS = {"md1": "xvdb2", "md2": "xvdc2"}  # mirror disk -> the kernel's name of its data partition, on both nodes
MONITORS = {"md1": "mdw1", "md2": "mdw2"}
PREPARE = 300  # after which a `clprestore.sh --pre` that hangs is killed: an end like any other that fails
OP_SECONDS = 0.5  # what a group's stop or start takes


class Violation(Exception):
    """A property does not hold. args: its name (P1 … P10, R1, R2) and what was seen."""


@dataclass
class Break:
    disk: str
    by: str  # the actor
    group: str  # the group's true state at that moment
    after_void: bool
    writes: int  # on the active's partitions, until then


@dataclass
class World:
    disks: tuple[str, ...] = ("md1",)
    now: float = 10.0
    group: str = "on"
    view: str = "on"  # what the standby's daemon knows of the group
    red: set[str] = field(default_factory=set)
    breaks: list[Break] = field(default_factory=list)
    monitor_view: str = "online"  # what the standby's daemon knows of them
    own_monitors: str = "suspended"  # the standby's
    writes: int = 0  # of the active's data partitions
    copied: int = 0  # writes on the standby's data partitions that are not the active's
    writes_at_baton: int | None = None
    lenient: bool = False  # [likely] `clpgrp -t` of a stopped group answers 0
    ours: bool = False  # the group was stopped by one of our scripts, and by nobody else since
    ever_ours: bool = False  # one of our scripts has stopped the group in this run
    theirs: set[str] = field(default_factory=set)  # what somebody else did: stop, start, move, suspend, resume
    suspended: set[str] = field(default_factory=set)  # monitors of the active that are suspended
    version: int = 0  # grows with every change that a reader could see
    records: dict[str, int] = field(default_factory=dict)  # name -> how often written
    watching: bool = False  # a timer is armed, or its unit lives or is about to be restarted
    held: bool = False
    down: bool = False  # a restore has ordered the active's shutdown: its boot and all units end
    armed_at: float | None = None
    down_since: float | None = None
    longest: float = 0.0  # the longest time for which the group was not online
    fences: dict[str, int] = field(default_factory=dict)  # node -> highest epoch of a fence that has answered ok
    stored: dict[str, int] = field(default_factory=lambda: {"a": 1, "s": 1})
    hooks: list[str] = field(default_factory=list)
    gone: bool = False  # somebody has deleted the run's directories
    fair: bool = True  # nobody but a crashed actor was kept waiting: then the outage has its bound

    # ── what the cluster does ─────────────────────────────────────────────────────────────────────────────────────

    def set_group(self, state: str) -> None:
        if "on" in (state, self.group) or "moved" in (state, self.group):
            self.writes += 1  # a mount, an umount, and what the application writes between them
        self.group = state
        self.version += 1
        if state in ("on", "moved"):
            if self.down_since is not None:
                self.longest = max(self.longest, self.now - self.down_since)
            self.down_since = None
        elif self.down_since is None:
            self.down_since = self.now

    def see(self) -> None:
        if self.view != self.group:
            self.view = self.group
            self.version += 1

    def see_monitors(self) -> None:
        if self.monitor_view != self.monitors:
            self.monitor_view = self.monitors
            self.version += 1

    @property
    def monitors(self) -> str:
        """The active's mirror monitors as a whole."""
        if not self.suspended:
            return "online"
        return "suspended" if self.suspended == {MONITORS[d] for d in self.disks} else "mixed"

    def switch_monitors(self, names: set[str], *, suspend: bool) -> None:
        self.suspended = self.suspended | names if suspend else self.suspended - names
        self.version += 1

    @property
    def calm(self) -> str:
        """The group's state, by which a break is judged."""
        return self.group

    @property
    def bound(self) -> float:
        """The longest time for which the group may be down."""
        return TMAX + OP_SECONDS + 0.2  # the timer's accuracy is 0.1 s

    def break_disk(self, disk: str, actor: str, epoch: int) -> int:
        self.disturb("s", actor, epoch, "clpmdctrl --break")
        if disk in self.red:
            return 1
        self.red.add(disk)
        self.version += 1
        self.breaks.append(Break(disk, actor, self.calm, "void" in self.records, self.writes))
        if not self.ever_ours and not self.may_mislead <= self.theirs:
            raise Violation("P9", f"{actor} broke {disk} without a stop of ours; somebody did {self.theirs}")
        return 0

    @property
    def may_mislead(self) -> set[str]:
        """What somebody else has to do before the standby breaks without us."""
        return {"stop", "suspend"}

    def clpstat(self, node: str) -> str:
        group = self.group if node == "a" else self.view
        servers = "".join(f"   {'*' if n == node else ' '}{name} ...: Online\n" for n, name in NODES.items())
        current = NODES["a"] if group in ("on", "stopping", "starting", "failed") else "None"
        current = NODES["s"] if group == "moved" else current
        return f"  <server>\n{servers}  <group>\n    {GROUP} ...: {SHOWN[group]}\n      current : {current}\n"

    def clpstat_monitors(self, node: str) -> str:
        active = self.monitors if node == "a" else self.monitor_view
        shown = [f"   {'*' if n == node else ' '}server{i} : {name}" for i, (n, name) in enumerate(NODES.items())]
        for number, disk in enumerate(self.disks):
            states = {"a": active if active != "mixed" else ("suspended" if number == 0 else "online")}
            states["s"] = self.own_monitors
            shown += [f"   Monitor{number} : [{MONITORS[disk]} : Caution]", "   -----"]
            words = {"online": "Online", "suspended": "Suspend"}
            shown += [f"   server{i} [o]: {words[states[n]]}" for i, n in enumerate(NODES)]
        return "\n".join(shown) + "\n"

    def diskstats(self, node: str) -> str:
        rows = ""
        for number, (disk, name) in enumerate(PARTITIONS.items()):
            writes = self.writes
            if node == "s":  # which has what the mirror brought until its break
                writes = next((b.writes for b in self.breaks if b.disk == disk), writes) + self.copied
            rows += f" 202 {number} {name} 9 0 72 1 {writes} 0 80 1 0 1 2\n"
        return rows

    def clpmdstat(self, disk: str) -> str:
        colour = "RED" if disk in self.red else "GREEN"
        return f"Mirror Status: Normal\n{disk} {NODES['a']} {NODES['s']}\n---\nMirror Color GREEN {colour}\n"

    def shut_down(self, actor: str) -> None:
        """A restore's `clprestore.sh --pre` on the active: the group is down, and nobody starts it any more (R1)."""
        if actor.startswith("copy"):
            raise Violation("P5", f"{actor} orders a shutdown")
        if self.group != "off" or "void" in self.records:
            raise Violation("R1", f"{actor} orders the shutdown with the group {self.group}, records {self.records}")
        self.down = True
        self.version += 1

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────

    def disturb(self, node: str, actor: str, epoch: int, what: str) -> None:
        """Called before each disturbing command takes effect."""
        if actor.startswith("copy"):
            raise Violation("P5", f"{actor} issued {what}")
        if epoch < self.fences.get(node, 0) and "-s" not in what.split():
            raise Violation("P7", f"{actor} of epoch {epoch} issued {what} after fence {self.fences[node]}")

    def check(self) -> None:
        if self.group not in ("on", "moved") and self.ours and not self.watching and not self.held and not self.down:
            raise Violation("P1", f"the group is {self.group}, and no timer watches")

    def written(self, name: str, node: str, epoch: int, locked: LockView | None) -> None:
        self.records[name] = self.records.get(name, 0) + 1
        if self.records.get("sealed", 0) + self.records.get("void", 0) > 1:
            raise Violation("P3", f"records {self.records}")
        if name == "leaving" and "void" in self.records:
            raise Violation("R2", "`leaving` after `void`")
        if name == "leaving" and epoch < self.fences.get(node, 0):
            raise Violation("P7", f"`leaving` in epoch {epoch} after fence {self.fences[node]}")
        if name == "baton":
            self.writes_at_baton = self.writes
        if name == "armed":
            self.armed_at = self.now
        if name == "sealed":
            if epoch < self.fences.get(node, 0):
                raise Violation("P7", f"sealed in epoch {epoch} after fence {self.fences[node]}")
            if locked and not self.read_enough(locked):
                raise Violation("P2", f"sealed, and under the lock {locked} was read")
            if locked and locked.stored > epoch:
                raise Violation("P7", f"sealed in epoch {epoch} though {locked.stored} was stored before the lock")

    def read_enough(self, locked: LockView) -> bool:
        """Whether the active may seal upon what it has read under the lock."""
        return locked.saw_offline and locked.saw_red

    @property
    def disturbed(self) -> str:
        """What the applications miss now by our doing, in words."""
        return "" if self.group in ("on", "moved") or not self.ours else f"the group is {self.group}"

    @property
    def excused(self) -> bool:
        """Whether nobody is left who could run `after`, or an operator's hold forbids it for now."""
        return self.gone or self.down or self.held

    def run_hook(self, name: str, actor: str) -> None:
        """The operator's own commands: `before` behind the timer, neither while the service is disturbed."""
        if self.disturbed:
            raise Violation("hooks", f"{actor} runs `{name}` while {self.disturbed}")
        if name == "before" and not self.watching:
            raise Violation("hooks", f"{actor} runs `before`, and no timer watches")
        if name == "before" and self.ever_ours:
            raise Violation("hooks", f"{actor} runs `before` after a stop of ours")
        self.hooks.append(name)

    def finish(self, outcome: Outcome) -> None:
        """Checks at the end of a run, when no actor can move any more."""
        if "before" in self.hooks and "after" not in self.hooks and not self.excused:
            raise Violation("hooks", "`before` ran, and `after` never")
        bad = [b for b in self.breaks if b.group != "off"]
        if "sealed" in self.records and (bad or self.red != set(self.disks) or len(self.breaks) != len(self.disks)):
            raise Violation("P2", f"sealed, and breaks {self.breaks}, red {self.red}")
        if outcome.valid and (bad or "void" in self.records or any(b.after_void for b in self.breaks)):
            raise Violation("P4", f"valid with {self.records}, {self.breaks}")
        if outcome.valid and any(b.writes != self.writes_at_baton for b in self.breaks):
            raise Violation("P2", f"valid, and written between the baton ({self.writes_at_baton}) and {self.breaks}")
        # What somebody else has stopped last is his.
        if (
            self.group not in ("on", "moved")
            and not self.held
            and not self.down
            and (self.ours or "stop" not in self.theirs)
        ):
            raise Violation("P6", f"at the end the group is {self.group}")
        if self.fair and self.longest > self.bound:
            raise Violation("P6", f"the group was down for {self.longest:.1f} s, the bound is {self.bound}")


@dataclass
class LockView:
    """What an actor has read since it took the lock L."""

    stored: int  # the node's stored epoch at that moment
    saw_offline: bool = False
    saw_red: bool = False


@dataclass(frozen=True)
class Outcome:
    """What the records say at the end of a run."""

    active: str  # sealed | void | refused | none
    standby: str  # broke | tainted | gave_up | none
    done: bool

    @property
    def valid(self) -> bool:
        return self.active == "sealed" and self.standby == "broke"
