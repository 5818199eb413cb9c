"""What both nodes' disks hold after a restore or a rollback, read from the bytes of the volumes attached to them.

`contents` is what the lab's control operation of that name returns, all of one moment: {node: {disk: {volume, files,
digest, lineage}}}. Pure functions, but for the history of the bytes, which the lab is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lab.client import Lab

from .books import Files
from .proof import Claim

Contents = dict[str, dict[str, dict[str, Any]]]


def _held(contents: Contents, disk: str) -> dict[str, dict[str, Any]]:
    """node -> what its side of the mirror disk holds; empty for one that cannot be read."""
    return {node: disks.get(disk, {"files": {}, "digest": None, "lineage": None}) for node, disks in contents.items()}


def same_bytes(contents: Contents, disk: str) -> Claim:
    digests = [held["digest"] for held in _held(contents, disk).values()]
    same = len(digests) == 2 and None not in digests and len(set(digests)) == 1
    what = f"SHA-256 {digests[0][:16]}…" if same else f"digests {', '.join(str(d)[:16] for d in digests)}"
    return same, f"both nodes' data partitions of {disk} hold the same bytes ({what})"


def exactly(contents: Contents, disk: str, expected: Files, words: str) -> list[Claim]:
    """Each node's own disk has the expected files with their texts, and no others."""
    claims = []
    for node, held in _held(contents, disk).items():
        wrong = sorted(name for name in {*held["files"], *expected} if held["files"].get(name) != expected.get(name))
        text = f"{node}'s own disk holds exactly {len(expected)} files: {words}"
        claims.append(
            (not wrong, text if not wrong else f"{text}; wrong: {', '.join(wrong[:5])} ({len(wrong)} in all)")
        )
    return claims


def has(contents: Contents, disk: str, files: Files, words: str) -> Claim:
    """Both nodes' own disks have these files, with their texts; there is at least one."""
    missing = [
        f"{name} on {node}"
        for node, held in _held(contents, disk).items()
        for name, text in files.items()
        if held["files"].get(name) != text
    ]
    good = bool(files) and len(contents) == 2 and not missing
    return good, words if good else f"{words}; not there: {', '.join(missing[:5]) or 'there is no such file at all'}"


def lacks(contents: Contents, disk: str, names: Iterable[str], words: str) -> Claim:
    """None of these files, of which there is at least one, is on either node's disk."""
    wanted = set(names)
    there = [
        f"{name} on {node}"
        for node, held in _held(contents, disk).items()
        for name in sorted(wanted & set(held["files"]))
    ]
    good = bool(wanted) and len(contents) == 2 and not there
    return good, words if good else f"{words}; still there: {', '.join(there[:5]) or 'there was no such file at all'}"


def descends(lab: Lab, contents: Contents, disk: str, ancestor: str | None, words: str) -> Claim:
    """Both sides' bytes came out of those of `ancestor` by changes through the group alone."""
    tips = [held["lineage"] for held in _held(contents, disk).values()]
    known = ancestor is not None and len(tips) == 2 and None not in tips
    return known and all(lab.control("descends", tip=tip, ancestor=ancestor) for tip in tips), words
