"""The proof's part of a report, out of a log and executions written by hand."""

from __future__ import annotations

import json
from typing import Any

from scenario.proved import claims, figures, words

SAID: dict[str, Any] = {
    "verdict": "clean",
    "blocks": 23,
    "requests": 12,
    "seconds": 1.5,
    "cost_usd": 0.00003,
    "disks": [{"disk": "md1", "snapshot": "snap-1"}, {"disk": "md2", "snapshot": "snap-2"}],
}


def members(**said: Any) -> list[dict[str, Any]]:
    proof = {"machine": "mirrorsnap-prove", "status": "SUCCEEDED", "output": json.dumps(SAID | said)}
    return [{"machine": "mirrorsnap-backup", "status": "SUCCEEDED", "output": "{}"}, proof]


def tagged(t: float, snapshot: str, key: str = "mirrorsnap:proved", error: str | None = None) -> dict[str, Any]:
    params = {"ResourceId.1": snapshot, "Tag.1.Key": "mirrorsnap:proof-took", "Tag.2.Key": key}
    return {"t": t, "kind": "api", "call": "ec2:CreateTags", "params": params, "error": error}


def complete(t: float, snapshot: str) -> dict[str, Any]:
    return {"t": t, "kind": "ec2", "id": snapshot, "state": "completed"}


LOG = [
    complete(10, "snap-1"),
    complete(12, "snap-2"),
    tagged(13, "snap-1", key="mirrorsnap:valid"),
    tagged(20, "snap-1", error="RequestLimitExceeded"),
    tagged(21, "snap-1"),
    tagged(30.5, "snap-2"),
    # A proof of the day after.
    tagged(900, "snap-1"),
]


def test_it_counts_from_the_last_completion_to_the_last_first_verdict() -> None:
    found = figures(members(), LOG)
    assert found is not None and found["after_completion_seconds"] == 18.5 and found["disks"] == 2
    assert all(held for held, _ in claims(found))
    assert words(found) == "clean, 23 blocks, after 18.5 s"


def test_how_large_the_proved_volumes_are() -> None:
    class Volumes:
        def control(self, op: str) -> dict[str, Any]:
            assert op == "ec2"
            sizes = {"snap-1": 20, "snap-2": 1024, "snap-3": 7}
            return {"snapshots": [{"SnapshotId": name, "VolumeSize": size} for name, size in sizes.items()]}

    lab: Any = Volumes()
    found = figures(members(), LOG, lab)
    assert found is not None and found["gib"] == 1044
    assert words(found) == "clean, 23 blocks of 1044 GiB, after 18.5 s"


def test_what_is_not_as_promised_is_told() -> None:
    def broken(log: list[dict[str, Any]], **said: Any) -> list[int]:
        return [number for number, (held, _) in enumerate(claims(figures(members(**said), log))) if not held]

    assert broken(LOG, verdict="torn") == [0]
    assert broken(LOG[:-2]) == [1], "one snapshot has no verdict"
    assert broken([*LOG[:5], tagged(72.5, "snap-2")]) == [1]
    assert broken(LOG, blocks=4097) == broken(LOG, seconds=30.5) == broken(LOG, cost_usd=0.02) == [2]
    failed = [{**each, "status": "FAILED"} for each in members()]
    assert figures(failed, LOG) is None and [held for held, _ in claims(None)] == [False]
