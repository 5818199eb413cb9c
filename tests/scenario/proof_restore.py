"""What a restore and the way back from it have to prove: claims over two looks at the lab, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.client import Lab

from . import proof_disks, proof_volumes
from .books import Files
from .proof import Claim


@dataclass(frozen=True)
class Look:
    """The lab at one moment: the bytes in place, EC2, and which volumes are in the mirror's places."""

    contents: proof_disks.Contents
    ec2: dict[str, Any]
    places: proof_volumes.Places


@dataclass(frozen=True)
class Image:
    """A snapshot of a backup: its files and the tip of its lineage, both out of its own bytes."""

    snapshot: str
    files: Files
    lineage: str | None


@dataclass(frozen=True)
class Turn:
    """The disks were taken to another time line: looks before and after, and the files by the application's books."""

    before: Look
    now: Look
    left: Files  # what was there until the groups stopped
    since: Files  # what has been written since they are back
    expected: Files  # what must be there now


def see(lab: Lab, nodes: list[str], devices: list[str]) -> Look:
    ec2 = lab.control("ec2")
    return Look(lab.control("contents"), ec2, proof_volumes.places(ec2, nodes, devices))


def image(lab: Lab, snapshot: str, disk: str) -> Image:
    held = lab.control("image", snapshot=snapshot)["disks"].get(disk, {"files": {}, "lineage": None})
    return Image(snapshot, held["files"], held["lineage"])


def restored(lab: Lab, disk: str, source: Image, victim: Files, turn: Turn) -> list[Claim]:
    """`victim`: what had been deleted since the backup."""
    contents, came = turn.now.contents, set(turn.left) - set(source.files)
    name = ", ".join(f"`{each}`" for each in victim)
    return [
        proof_disks.has(contents, disk, victim, f"the deleted {name} is back on both nodes' own disks"),
        proof_disks.lacks(contents, disk, came, f"the {len(came)} files that came after the backup are gone from both"),
        *proof_disks.exactly(
            contents,
            disk,
            turn.expected,
            f"the {len(source.files)} of the image, the {len(turn.since)} written since",
        ),
        proof_disks.same_bytes(contents, disk),
        proof_disks.descends(
            lab, contents, disk, source.lineage, "both came out of the image by writing through the group alone"
        ),
        proof_volumes.exchanged(turn.now.ec2, turn.before.places, turn.now.places, source.snapshot),
    ]


def put_back(
    lab: Lab, disk: str, source: Image, victim: Files, turn: Turn, found: Files, stopped: str | None, old: Look
) -> list[Claim]:
    """Of a restore's rollback. What the restore had found: the files `found`, the lineage `stopped`, the lab `old`."""
    contents = turn.now.contents
    later = {name: text for name, text in found.items() if name not in source.files}
    came = set(turn.left) - set(source.files)
    name = ", ".join(f"`{each}`" for each in victim)
    return [
        proof_disks.lacks(contents, disk, victim, f"the deletion is in force again: neither node's disk has {name}"),
        proof_disks.has(
            contents, disk, later, f"the {len(later)} files from between backup and restore are back on both disks"
        ),
        proof_disks.lacks(
            contents, disk, came, f"the {len(came)} files that came after the restore are gone from both"
        ),
        *proof_disks.exactly(
            contents, disk, turn.expected, f"the {len(found)} from before the restore, the {len(turn.since)} since"
        ),
        proof_disks.same_bytes(contents, disk),
        proof_disks.descends(
            lab, contents, disk, stopped, "both came out of what the restore had found, by writing through the group"
        ),
        proof_volumes.put_back(turn.now.places, old.places),
    ]


def volumes(turn: Turn, known: set[str], reports: list[dict[str, Any]], back: bool) -> list[Claim]:
    """What is true of a restore and of a rollback (`back`). `known`: volumes seen attached at any look; `reports`: what
    the operations have said so far, this one last."""
    before, now = turn.before, turn.now
    return [
        proof_volumes.none_deleted(now.ec2, known),
        proof_volumes.as_found(proof_volumes.fast_restores(before.ec2), proof_volumes.fast_restores(now.ec2)),
        proof_volumes.named(reports[-1], before.places, now.places, back),
        proof_volumes.accounted(now.ec2, reports),
    ]
