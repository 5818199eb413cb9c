"""What twenty whole frozen backups cost an application, beside stopped ones of the same lab.

The nodes' scripts alone are run much more often (tests/interleaving/pace.py). Here all of the product works: state
machines, functions and Run Command, from the start to the proof of each backup. Time runs at life's pace while a file
system is frozen or the group is down (tests/lab/nodes/clusterpro/pace.py), and faster otherwise. The figures of each
backup are under target/frozen-backups.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from restores import output

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.books import Books
from scenario.deployment import ROOT
from scenario.journal import Journal
from scenario.product import Product, wait_until_up
from scenario.timeline import longest
from scenario.writer import Writer

OUT = ROOT / "target/frozen-backups"
SCALE = 10.0
LONGEST = {0.1: 1.5, 0.7: 7.0}  # s that a command of CLUSTERPRO's takes -> s that a write may wait
COUNT = int(os.environ.get("MIRRORSNAP_FROZEN_BACKUPS", "10"))  # of each pace
APPLICATION = 20.0  # s that it takes to stop and to start, together
TIMES = 3  # a stopped service is away for so many times the longest wait, at least
GAP = 0.01  # lab seconds between two writes
LEAST_RATE = 75  # writes a second: a write that comes late, since this machine is busy, is not made up for
SEEN = 0.4  # lab seconds before a freeze and after its thaw in which the writes are counted
FILES = 40


class Steady(Writer):
    """Writes a hundred times a second at life's pace. Where time runs faster, it writes as often by this machine's
    clock: such writes find out whether one fails, and none of them measures anything.
    """

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._stop.is_set():
                self._order()
                due = max(due + GAP, time.monotonic() - GAP)
                self._stop.wait(max(0.0, due - time.monotonic()))
        except Exception as error:
            self.problem = error

    def _order(self) -> None:
        self._number += 1
        super()._order()
        self.books = Books()  # nobody asks what is on the disk
        self._number %= FILES


@dataclass(frozen=True)
class Figures:
    """What the application saw of one backup. All in lab seconds."""

    pace: float  # of CLUSTERPRO's commands
    consistency: str
    outage: float
    pause: float  # from the freeze's begin to the thaw
    longest_wait: float  # the pause, or what lies between two writes around it, if that is longer
    writes: int
    failed: int
    rate: float  # of the writes shortly before the freeze and shortly after the thaw
    seconds: float  # all of the backup, its proof included
    real_seconds: float  # the same by this machine's clock


class Seen:
    """The product in the lab, and what the lab's log says of each backup."""

    def __init__(self, product: Product) -> None:
        self.product, self.lab = product, product.lab
        spec = product.spec
        self.journal = Journal(product.lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
        self.figures: list[Figures] = []

    def backup(self, pace: float, consistency: str) -> Figures:
        """One, from its start to the end of its proof. It must be valid, proved clean and leave nothing behind."""
        self.lab.control("timing", values={"clp_command": pace})
        begun, real = self.journal.now(), time.monotonic()
        with Steady(self.lab) as writer:
            family = self.product.ended(self.product.start("backup", {"consistency": consistency}), 1800)
        assert writer.problem is None, writer.problem
        done = output(family.main)
        assert (done["valid"], done["consistency"]) == (True, consistency), done
        (proof,) = [output(each) for each in family.members if each["machine"] == "mirrorsnap-prove"]
        assert proof["verdict"] == "clean", proof
        found = self._figures(pace, consistency, writer, begun, time.monotonic() - real)
        self.figures.append(found)
        print(found, flush=True)
        return found

    def _figures(self, pace: float, consistency: str, writer: Writer, begun: float, real: float) -> Figures:
        end = self.journal.now()
        outage, pause = longest(self.journal.outages(begun, end)), longest(self.journal.pauses(begun, end))
        assert not (outage and outage.open) and not (pause and pause.open)
        assert len(self.journal.pauses(begun, end)) == (consistency == "frozen")
        wait = rate = 0.0
        if pause:
            writes = [e["t"] for e in self.journal.entries if e["kind"] == "cluster" and e["what"] == "write"]
            around = [t for t in writes if pause.start - SEEN <= t <= pause.end + SEEN]
            # A write that was under way when the freeze began is carried out: then the pause is the longer of the two.
            wait = max(after - before for before, after in pairwise(around))
            wait = max(wait, pause.seconds)
            rate = (len(around) - 1) / (2 * SEEN)  # the one that waited is no part of either side
        return Figures(
            pace=pace,
            consistency=consistency,
            outage=round(outage.seconds, 3) if outage else 0.0,
            pause=round(pause.seconds, 3) if pause else 0.0,
            longest_wait=round(wait, 3),
            writes=writer.done,
            failed=writer.refused,
            rate=round(rate, 1),
            seconds=round(end - begun, 1),
            real_seconds=round(real, 1),
        )


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Seen]:
    timing = {"group_stop": APPLICATION / 2, "group_start": APPLICATION / 2}
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps({"timing": timing}), encoding="utf-8")
    with Lab(scale=SCALE, options=["--cluster", str(file)]) as lab:
        # More than by default. The inspection counts each of CLUSTERPRO's commands by the node's clock, and refuses
        # what does not fit: at ten times life's pace one of 0.7 s shows as 0.8 s there, and on a busy machine as 1.4 s.
        product = Product(lab, parse({}), {"max_pause_seconds": 20})
        product.deploy()
        wait_until_up(lab)
        product.patrolled()
        lab.control("life_pace")
        yield Seen(product)


def report(found: list[Figures], real: float) -> dict[str, Any]:
    """The figures of each pace in one line, and those of each backup."""
    paces = {}
    for pace in LONGEST:
        frozen = [each for each in found if (each.pace, each.consistency) == (pace, "frozen")]
        stopped = [each for each in found if (each.pace, each.consistency) == (pace, "stopped")]
        paces[str(pace)] = {
            "frozen_backups": len(frozen),
            "writes": sum(each.writes for each in frozen),
            "failed_writes": sum(each.failed for each in frozen),
            "outage_seconds": max((each.outage for each in frozen), default=None),
            "longest_wait_seconds": max((each.longest_wait for each in frozen), default=None),
            "stopped_service_away_seconds": min((each.outage for each in stopped), default=None),
        }
    return {"paces": paces, "real_seconds": round(real), "backups": [asdict(each) for each in found]}


@pytest.mark.timeout(1800)
def test_twenty_whole_backups_fail_no_write_and_let_none_wait_long(seen: Seen) -> None:
    begun = time.monotonic()
    try:
        for pace in LONGEST:
            for consistency in (*["frozen"] * COUNT, "stopped"):
                seen.backup(pace, consistency)
    finally:
        OUT.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report(seen.figures, time.monotonic() - begun), indent=1)
        (OUT / "report.json").write_text(text + "\n", encoding="utf-8")
        print(text)
    assert seen.lab.control("oracles")["violations"] == []
    for pace, bound in LONGEST.items():
        frozen = [each for each in seen.figures if (each.pace, each.consistency) == (pace, "frozen")]
        (stopped,) = [each for each in seen.figures if (each.pace, each.consistency) == (pace, "stopped")]
        assert len(frozen) == COUNT and {(each.failed, each.outage) for each in frozen} == {(0, 0.0)}
        assert all(each.rate >= LEAST_RATE and each.pause > 0 for each in frozen), "nothing was measured"
        waited = max(each.longest_wait for each in frozen)
        assert waited <= bound and waited * TIMES <= stopped.outage, (pace, waited, stopped.outage)
        assert stopped.failed, "the application does not notice its own absence"
