"""The acts of the demonstration, one after another: a backup without an outage, a backup with one, a restore from that,
the way back, and a restore again.

An application writes all the time. After each act it is paused while the disks are read, so that it is known for every
file whether it must be on them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lab.client import Lab
from lab.context import Timing
from lab.nodes.clusterpro.spec import parse as parse_cluster

from . import operation, proof, proof_disks, proof_restore, proved, report
from .books import Files
from .consistency import Consistency
from .deployment import ProductError, by_cli
from .format import Expect, Step
from .journal import Journal
from .live import Live
from .operation import Operation
from .page import Section
from .product import Product, wait_until_up
from .proof import Claim
from .proof_restore import Image, Look, Turn
from .sections import Scene, section
from .writer import Writer

HEALTHY_WITHIN = 60.0
BETWEEN = 2.0  # seconds of writing between two acts
VICTIM = {"customers": "the file that will be missed"}
# How much of a restore's recovery time may be our own, at the lab's default timing and at scale 1. At scale N the work
# of this machine itself counts N times.
OWN_SECONDS = 10.0
MAX_PAUSE_SECONDS = 10.0  # the default of the cluster's JSON: no file system stays frozen for longer


class CutShort(Exception):
    """An act did not succeed, so the acts after it would prove nothing."""


@dataclass
class Act:
    kind: str  # backup | restore | rollback
    title: str
    begun: Operation
    refused: int  # how often the application was refused meanwhile
    output: dict[str, Any]  # what the product says of itself; it counts only where it is compared
    claims: list[Claim]


class Acts:
    def __init__(self, lab: Lab, cluster: dict[str, Any]) -> None:
        spec = parse_cluster(cluster)
        self.lab = lab
        self.peer_wait = float(spec.timing.get("peer_wait", Timing.peer_wait))
        self.disk = spec.disks[0].name
        self.product = Product(lab, spec)
        self.journal = Journal(lab, [g.name for g in spec.groups], [d.name for d in spec.disks])
        self.live = Live(self.journal)
        self.scene = Scene(self.journal, spec.nodes, list(spec.volumes()))
        self.writer = Writer(lab)
        self.claims: list[list[Claim]] = []  # by operation
        self.operations: list[dict[str, Any]] = []
        self.sections: list[Section] = []
        self.reports: list[dict[str, Any]] = []  # outputs of the restores and rollbacks
        self.seen = 0  # how many violations of the oracles have been written down
        self.attached: set[str] = set()  # volumes seen attached at any look

    def say(self, text: str) -> None:
        self.live.line(text)

    def run(self) -> bool:
        """Whether everything was done and proved."""
        self.say("deploying into the lab what a user deploys into AWS")
        self.product.deploy(lambda text: self.say(f"  {text}"), by_cli)
        wait_until_up(self.lab)
        whole = True
        with self.writer:
            try:
                self._all()
            except CutShort as error:
                self.say(f"\n{error}")
                whole = False
        if self.writer.problem:
            raise ProductError(f"the application of the demonstration failed: {self.writer.problem}")
        return whole and all(held for claims in self.claims for held, _ in claims)

    def _all(self) -> None:
        for name, text in VICTIM.items():
            self.writer.write(name, text)
        self.lab.sleep(BETWEEN)
        self.backup(Consistency.FROZEN)
        self.lab.sleep(BETWEEN)
        image = self.backup(Consistency.STOPPED)
        self.lab.sleep(BETWEEN)
        for name in VICTIM:
            self.writer.delete(name)
            self.say(f"\n`{name}` is deleted through the group, and the application goes on writing")
        self.lab.sleep(BETWEEN)
        first, turn = self.restore("Restore", image)
        self.lab.sleep(BETWEEN)
        self.rollback(image, first, turn)
        self.lab.sleep(BETWEEN)
        self.restore("Restore again", image)

    # --- the acts ---

    def backup(self, consistency: Consistency) -> Image:
        """A backup for which the groups are stopped, or their file systems frozen."""
        title, how = ("Backup", "") if consistency is Consistency.STOPPED else ("Frozen backup", ", without an outage")
        before = [s["SnapshotId"] for s in self.product.snapshots()]
        words = f"backup of cluster orders{how}: server1 is active"
        act = self._operate("backup", title, words, {"consistency": consistency})
        with self.writer.paused() as books:
            files, contents = books.files, self.lab.control("contents")
        made = [s["SnapshotId"] for s in self.product.snapshots() if s["SnapshotId"] not in before]
        down = report.outage(self.journal, act.begun)
        if consistency is Consistency.FROZEN:
            act.claims += self._paused(act)
        for snapshot in made:
            act.claims += proof.image(self.lab, self.journal, snapshot, down.start if down else 0.0, files)
        valid = len(self.product.valid_backups())
        act.claims.append((valid == len(before) + 1, f"{valid} of {len(before) + 1} backups carry the tag `valid`"))
        assert act.begun.family is not None
        act.claims += proved.claims(proved.figures(act.begun.family.members, self.journal.entries), self.lab.scale)
        act.claims += proof_disks.exactly(contents, self.disk, files, "all that the application has written")
        act.claims.append(proof_disks.same_bytes(contents, self.disk))
        self._enter(act, made, f"At its end, {len(files)} files had been written.")
        if len(made) != 1:
            raise CutShort(f"the backup has left {len(made)} snapshots, not one: there is nothing to restore")
        return proof_restore.image(self.lab, made[0], self.disk)

    def _paused(self, act: Act) -> list[Claim]:
        """What is promised of a frozen backup."""
        down, held = report.outage(self.journal, act.begun), report.pause(self.journal, act.begun)
        longest = held.seconds if held else 0.0
        return [
            (down is None, f"no group left online: the outage was {down.seconds if down else 0.0:.2f} s"),
            (act.refused == 0, f"{act.refused} of the application's writes failed"),
            (
                held is not None and not held.open and longest <= MAX_PAUSE_SECONDS,
                f"its writes waited for {longest:.2f} s, once: at most {MAX_PAUSE_SECONDS:g} s",
            ),
        ]

    def restore(self, title: str, image: Image) -> tuple[Act, Turn]:
        before, run = self._look()
        value = {"backup": "latest", "confirm": self.product.cluster}
        act = self._operate("restore", title, f"{title.lower()}: both nodes, from {image.snapshot}", value)
        turn = self._turned(act, before, run, image.files)
        act.claims += proof_restore.restored(self.lab, self.disk, image, VICTIM, turn)
        act.claims += proof_restore.volumes(turn, self.attached, self.reports, back=False)
        newer = len(set(turn.left) - set(image.files))
        words = f"From {image.snapshot}. Of the {len(turn.left)} files before it, {newer} were newer than the backup."
        self._enter(act, [image.snapshot], words, own=OWN_SECONDS if self.lab.scale <= 1 else None)
        return act, turn

    def rollback(self, image: Image, undone: Act, then: Turn) -> None:
        """The rollback of the restore `undone`, which had found the lab as in `then`."""
        before, run = self._look()
        value = {"rollback": undone.output.get("id", ""), "confirm": self.product.cluster}
        act = self._operate("rollback", "Rollback", "rollback of that restore: the old volumes go back", value)
        turn = self._turned(act, before, run, then.left)
        stopped = self._quiesced(undone.begun)
        act.claims += proof_restore.put_back(self.lab, self.disk, image, VICTIM, turn, then.left, stopped, then.before)
        act.claims += proof_restore.volumes(turn, self.attached, self.reports, back=True)
        words = (
            "The old volumes go back, and the mirror is copied from one to the other. The first node comes up alone, "
            f"which CLUSTERPRO lets it do once it has waited for its peer: {self.peer_wait:g} s in this cluster. The "
            f"default of {Timing.peer_wait:g} s would make this outage {Timing.peer_wait - self.peer_wait:g} s longer."
        )
        self._enter(act, [image.snapshot], words)

    # --- what they share ---

    def _operate(self, kind: str, title: str, words: str, value: dict[str, Any]) -> Act:
        """Run one operation to its end, live, and judge it."""
        self.say(f"\n{words}\n")
        machine, refused = ("backup" if kind == "backup" else "restore"), self.writer.refused
        step = Step(0, machine, {}, expect=Expect(status="SUCCEEDED", healthy_within=HEALTHY_WITHIN))
        begun = operation.begin(self.product, step, machine, value, [])
        self.live.begin(begun.started)
        operation.finish(self.product, self.journal, begun, self.live.look)
        self.live.end(begun)
        operation.judge(self.product, self.journal, begun, set())
        assert begun.family is not None
        output = json.loads(begun.family.main["output"] or "{}")
        ended = (not begun.failures, "; ".join(begun.failures) or f"the {kind} SUCCEEDED")
        act = Act(kind, title, begun, self.writer.refused - refused, output, [ended])
        if begun.family.main["status"] != "SUCCEEDED":
            self._enter(act, [], "")
            raise CutShort(f"the {kind} did not succeed: what was to follow is left out")
        return act

    def _look(self) -> tuple[Look, int]:
        """The lab now, and the number of the application's run."""
        with self.writer.paused() as books:
            return self._see(), books.run

    def _see(self) -> Look:
        look = proof_restore.see(self.lab, self.scene.nodes, self.scene.devices)
        self.attached |= set(look.places.values())
        return look

    def _turned(self, act: Act, before: Look, run: int, base: Files) -> Turn:
        """After a restore to `base`, which fell between the application's run `run` and the next."""
        self.reports.append(act.output)
        with self.writer.paused() as books:
            left = books.turned_back(base, run)
            return Turn(before, self._see(), left, books.since(run), books.files)

    def _quiesced(self, begun: Operation) -> str | None:
        """The lineage at the moment at which the operation had the groups stopped."""
        over = begun.over or begun.started
        quiesced = (
            e["lineage"]
            for e in self.journal.entries
            if e["kind"] == "cluster" and e["what"] == "mirror" and e["action"] == "quiesce"
            and e["disk"] == self.disk and begun.started <= e["t"] <= over
        )  # fmt: skip
        return next(quiesced, None)

    def _enter(self, act: Act, snapshots: list[str], words: str, own: float | None = None) -> None:
        """Write an act down: figures, claims, section. `own`: the bound of our own part of the recovery time."""
        violations = self._violations(act.begun)
        figures = report.figures(self.product, self.journal, act.begun, act.kind, snapshots, violations)
        texts = "; ".join(v["text"] for v in violations)
        act.claims.append((not violations, texts or "the cluster is normal, and no oracle was violated at any moment"))
        if own is not None:
            act.claims.append(report.own_time(figures, own))
        for held, text in act.claims:
            self.live.claim(held, text)
        refused = f"The application was refused {act.refused} times{', the group being down' if act.refused else ''}."
        words = f"{figures['status']}. {words} {refused}"
        self.operations.append(figures)
        self.claims.append(act.claims)
        self.sections.append(section(self.scene, act.title, words, act.begun, figures, act.claims))

    def _violations(self, begun: Operation) -> list[dict[str, Any]]:
        """Those that no act before has had: what the lab has seen since, and what the operation has left behind."""
        seen = self.lab.control("oracles")["violations"]
        new, self.seen = seen[self.seen :], len(seen)
        left = [{"oracle": 2, "text": text} for text in begun.residue]
        left += [{"oracle": oracle, "text": text} for oracle, text in begun.violations]
        return [{"oracle": v["oracle"], "text": v["text"]} for v in new] + left
