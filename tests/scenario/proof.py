"""What a backup is worth, from the lab's own bytes and log; nothing is believed that the product says of itself."""

from __future__ import annotations

from typing import Any

from lab.client import Lab

from .journal import Journal

Claim = tuple[bool, str]


def image(lab: Lab, journal: Journal, snapshot: str, stopped: float, written: dict[str, str]) -> list[Claim]:
    """That a snapshot holds exactly the quiesce point's bytes. `stopped`: when the outage began; `written`: every file
    that the application knows to be written."""
    found = lab.control("image", snapshot=snapshot)
    claims: list[Claim] = []
    for disk, held in found["disks"].items():
        quiesce = held["quiesce"]
        same = quiesce is not None and held["digest"] == quiesce["digest"] and held["lineage"] == quiesce["lineage"]
        claims.append((same, f"{snapshot}: every block of {disk} is as it was at the quiesce point "
                             f"(SHA-256 {held['digest'][:16]}…)"))  # fmt: skip
        claims += _files(journal, snapshot, disk, held["files"], quiesce, stopped, written)
    if not claims:
        claims.append((False, f"{snapshot} holds no mirror disk"))
    return claims


def _files(
    journal: Journal,
    snapshot: str,
    disk: str,
    held: dict[str, str],
    quiesce: dict[str, Any] | None,
    stopped: float,
    written: dict[str, str],
) -> list[Claim]:
    moment = quiesce["t"] if quiesce else stopped
    writes = [
        (entry["t"], entry["operation"].removeprefix("write "))
        for entry in journal.entries
        if entry["kind"] == "cluster" and entry["what"] == "write" and entry["disk"] == disk
        and entry["operation"].startswith("write ")
    ]  # fmt: skip
    before = {name for t, name in writes if t <= moment}
    after = [name for t, name in writes if t > moment]
    texts = all(held[name] == written[name] for name in before & set(held) & set(written))
    return [
        (
            set(held) == before and texts,
            f"{snapshot}: its {len(held)} files are exactly the {len(before)} written before the quiesce point",
        ),
        (
            bool(after) and not set(after) & set(held),
            f"writing went on: {len(after)} files came later, none of them is in the image",
        ),
    ]


def mirror(lab: Lab, written: dict[str, str]) -> list[Claim]:
    """That both nodes hold all that was written, now that the mirror is whole again."""
    dump = lab.control("cluster")
    claims = []
    for node in dump["nodes"]:
        wrong = [
            name
            for name, text in written.items()
            if (lab.control("cluster_read", file=name, node=node) or {}).get("text") != text
        ]
        claims.append((not wrong, f"{node}'s own disk holds all {len(written)} files that the application has written"))
    return claims
