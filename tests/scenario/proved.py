"""The proof of a backup by its own bytes: what it found and took, and how soon after the snapshots were complete.

When it was there is what the lab saw: the call that wrote the verdict. The rest is what the function said of itself.
"""

from __future__ import annotations

import json
from typing import Any

from lab.client import Lab

from .proof import Claim
from .timeline import Entry

MACHINE = "mirrorsnap-prove"
SAID = ("verdict", "blocks", "requests", "seconds", "cost_usd")
WITHIN = 60.0  # lab seconds from the completion of the last snapshot
MOST_BLOCKS = 2048  # of one mirror disk
MOST_SECONDS = 30.0
MOST_USD = 0.01


def said(members: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What the proof among these executions says of itself; None: there was none, or it failed."""
    outputs = [each["output"] for each in members if each["machine"] == MACHINE and each["status"] == "SUCCEEDED"]
    return json.loads(outputs[0]) if outputs else None


def verdicts(entries: list[Entry]) -> dict[str, float]:
    """When each snapshot's first verdict was written."""
    found: dict[str, float] = {}
    for entry in entries:
        params = entry.get("params") or {}
        if entry["kind"] == "api" and entry["call"] == "ec2:CreateTags" and not entry["error"]:
            if "mirrorsnap:proved" not in [value for key, value in params.items() if key.endswith(".Key")]:
                continue
            for key, value in params.items():
                if key.startswith("ResourceId."):
                    found.setdefault(value, entry["t"])
    return found


def completed(entries: list[Entry]) -> dict[str, float]:
    """When each snapshot was complete."""
    return {e["id"]: e["t"] for e in entries if e["kind"] == "ec2" and e["state"] == "completed"}


def after_completion(entries: list[Entry], snapshots: list[str]) -> float | None:
    """Seconds from the completion of the last of these snapshots to its last verdict; None: one has none."""
    proved, complete = verdicts(entries), completed(entries)
    if not snapshots or not set(snapshots) <= proved.keys() & complete.keys():
        return None
    return max(proved[each] for each in snapshots) - max(complete[each] for each in snapshots)


def gib(lab: Lab, snapshots: list[str]) -> int:
    """The size of all volumes that these snapshots are of."""
    sizes = {each["SnapshotId"]: each["VolumeSize"] for each in lab.control("ec2")["snapshots"]}
    return sum(sizes[each] for each in snapshots)


def figures(members: list[dict[str, Any]], entries: list[Entry], lab: Lab | None = None) -> dict[str, Any] | None:
    """The proof's part of a backup's entry in the report. `members`: the backup's execution and all that it caused;
    `lab`: is asked for the volumes' sizes, where they are wanted.
    """
    found = said(members)
    if found is None:
        return None
    snapshots = sorted({disk["snapshot"] for disk in found["disks"]})
    after = after_completion(entries, snapshots)
    return {
        **{key: found[key] for key in SAID},
        "disks": len(found["disks"]),
        **({} if lab is None else {"gib": gib(lab, snapshots)}),
        "after_completion_seconds": None if after is None else round(after, 3),
    }


def claims(found: dict[str, Any] | None, scale: float = 1.0) -> list[Claim]:
    """What is promised of the proof of a backup that was made with nothing wrong. At scale N the work of this machine
    counts N times, and so do the bounds on time."""
    if found is None:
        return [(False, "the backup was not proved by its own bytes")]
    after, blocks = found["after_completion_seconds"], found["blocks"]
    within, most = WITHIN * max(1.0, scale), MOST_SECONDS * max(1.0, scale)
    return [
        (found["verdict"] == "clean", f"by its own bytes the image is {found['verdict']}"),
        (
            after is not None and after <= within,
            "no verdict was written"
            if after is None
            else f"that was known {after:.1f} s after the snapshot was complete: at most {within:g} s",
        ),
        (
            blocks <= MOST_BLOCKS * found["disks"]
            and found["seconds"] <= most
            and found["cost_usd"] < MOST_USD * found["disks"],
            f"the proof read {blocks} blocks in {found['seconds']:.2f} s for {found['cost_usd']:.6f} USD: at most "
            f"{MOST_BLOCKS} for each mirror disk, {most:g} s and a cent",
        ),
    ]


def words(found: dict[str, Any]) -> str:
    """For a line of a table."""
    after = found["after_completion_seconds"]
    of = f" of {found['gib']} GiB" if "gib" in found else ""
    return f"{found['verdict']}, {found['blocks']} blocks{of}" + ("" if after is None else f", after {after:.1f} s")
