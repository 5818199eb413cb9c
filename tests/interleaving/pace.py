"""Runs of both nodes' real scripts in which each command takes its time, with an application that writes.

Nothing is searched here: what is due happens in its order, and each command takes the pace, or up to a fifth less,
drawn by the run's seed. The application writes a hundred times a second. A write waits while the file system is
frozen, and fails while the group is not online.
Each run is kept as it ends, so that a
stopped test goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from . import scenario
from .frozen import FrozenRun, FrozenWorld
from .schedule import Op, Run
from .stepper import Actor, Stage
from .world import World

KEPT = Path(__file__).resolve().parents[2] / "target/pace"
WRITES_PER_SECOND = 100
LONGEST = {0.1: 1.5, 0.7: 7.0}  # s that a command of CLUSTERPRO's takes -> s that a write may wait
RUNS = 200  # of each pace and kind
APPLICATION = 20.0  # s that it takes to stop and to start, together
SMALL = 0.01  # s that any other command takes
ORDERS = ("clpstat", "clpmdstat", "clpmdctrl", "clpmonctrl", "clpgrp")
FROZEN = scenario.Scenario("paced", frozen=True)
STOPPED = scenario.Scenario("paced-stopped")
ROOMY = {"STOP": 30, "BATON": 10, "BREAK": 15, "START": 30, "TMAX": 100, "WAIT": 75}  # of the slow application


@dataclass(frozen=True)
class Figures:
    """What an application saw of one run."""

    pace: float
    frozen: bool
    seed: int
    valid: bool
    outage: float
    pause: float  # the longest that a write waited
    writes: int
    failed: int


@dataclass
class Application:
    """Its writes until now, and when the next one is due."""

    due: float
    waits_since: float | None = None
    done: int = 0
    failed: int = 0
    longest: float = 0.0

    def lives(self, since: float, until: float, *, held: bool, online: bool) -> None:
        """A time in which nothing changes."""
        if held:
            if self.waits_since is None and self.due < until:
                self.waits_since = max(self.due, since)
            return
        if self.waits_since is not None:
            self.longest = max(self.longest, since - self.waits_since)
            self.due, self.waits_since = since, None
        count = max(0, int((until - self.due) * WRITES_PER_SECOND + 1e-6))
        self.due += count / WRITES_PER_SECOND
        self.done += count if online else 0
        self.failed += 0 if online else count


class Paced(Run):
    """What both kinds of run have in another way here."""

    pace = 0.1
    seed = 0

    def begin(self) -> None:
        self.patience = 0  # a poll sleeps as long as it says
        self.dice = random.Random(self.seed)
        self.application = Application(self.world.now)
        super().begin()

    def _ready_at(self, actor: Actor) -> float:
        request = actor.request or [""]
        at = super()._ready_at(actor)
        if request[0] == "sleep" or actor.beside:  # the reads beside it have taken this time
            return at
        return at + (self.pace * self.dice.uniform(0.8, 1.0) if request[0] in ORDERS else SMALL)

    def _advance(self, at: float) -> None:
        world = self.world
        held = isinstance(world, FrozenWorld) and set(world.state.values()) != {"thawed"}
        self.application.lives(world.now, max(world.now, at), held=held, online=world.group in ("on", "moved"))
        super()._advance(at)


class PacedFrozen(Paced, FrozenRun):
    """Frozen, at a pace."""


class PacedStopped(Paced):
    """Stopped, at a pace, with an application that is slow."""

    def _on_clpgrp(self, actor: Actor) -> None:
        before = self.op
        super()._on_clpgrp(actor)
        if self.op and self.op is not before:  # half of it to stop, half to start
            self.op = Op(self.op.actor, self.op.kind, self.world.now + APPLICATION / 2)


def roomy(text: str) -> str:
    """The deadlines that a slow application has: the harness's own are short."""
    for name, seconds in ROOMY.items():
        text = re.sub(rf"^{name}='?\d+'?$", f"{name}='{seconds}'", text, flags=re.M)
    return text


def one(binary: Path, pace: float, seed: int, *, frozen: bool) -> Figures:
    """One run, to its end. Raises what the world finds wrong."""

    def make(stage: Stage, world: World) -> Run:
        run = PacedFrozen(stage, world) if frozen else PacedStopped(stage, world)  # type: ignore[arg-type]
        run.pace, run.seed = pace, seed
        world.fair = frozen  # the slow application's absence is longer than the harness's bound
        return run

    run = scenario.prepare(binary, FROZEN if frozen else STOPPED, None if frozen else roomy, make)
    try:
        assert isinstance(run, Paced)
        while actions := run.actions():
            run.perform(actions[0][1])
        outcome = run.outcome()
        run.world.finish(outcome)
        app = run.application
        return Figures(
            pace, frozen, seed, outcome.valid, round(run.world.longest, 3), round(app.longest, 3), app.done, app.failed
        )
    finally:
        run.stage.close()


def kept(pace: float) -> Path:
    """The file of the runs of just these scripts and this harness."""
    texts = [scenario.script(step, ("md1",)) for step in ("quiesce", "break-unit")]
    texts += [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))]
    return KEPT / f"{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:16]}-{pace}.jsonl"


def runs(binary: Path, pace: float, count: int) -> Iterator[Figures]:
    """So many of each kind: those that are kept, then the others, each kept as it ends."""
    file = kept(pace)
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    old = [Figures(**json.loads(line)) for line in lines if line.endswith("}")]  # the last one may be half a line
    yield from (each for each in old if each.seed < count)
    there = {(each.frozen, each.seed) for each in old}
    with file.open("a", encoding="utf-8") as out:
        for frozen, seed in ((frozen, seed) for seed in range(count) for frozen in (True, False)):
            if (frozen, seed) not in there:
                figures = one(binary, pace, seed, frozen=frozen)
                out.write(json.dumps(asdict(figures)) + "\n")
                out.flush()
                yield figures
