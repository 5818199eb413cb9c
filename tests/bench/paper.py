"""What a backup and a restore take beyond these machines: for larger volumes and more clusters. Pure arithmetic.

It stands on three things: the figures of a run, AWS's list prices (bill.py, and restore/initialization.rs of the
domain, compared by a test), and the limits that AWS publishes. Where AWS publishes nothing, the page says what is
assumed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from . import bill

GIB_OF = {"20 GiB": 20, "1 TiB": 1024, "16 TiB": 16 * 1024}
CLUSTERS = (1, 50, 1000)

# AWS publishes no rate at which a snapshot completes. This one is assumed, and a night's change.
SNAPSHOT_MIB_PER_SECOND = 200
CHANGED = 0.05
# statemachine/backup.yaml, "Snapshot: progress": (seconds between two looks, how many), then the last one for ever.
LOOKS = ((15, 40), (60, 60), (360, 40), (1800, None))
STATES_OF_A_LOOK = 3  # look, decide, wait
# docs/images.md: blocks that a proof has read, of XFS; one of EBS direct's GetSnapshotBlock costs so much.
PROOF_BLOCKS = {"20 GiB": 17, "1 TiB": 20, "16 TiB": 20}
BLOCK_USD = 0.003 / 1000
# functions/domain/src/restore/initialization.rs has the same and their sources.
RATE_USD, FASTEST, FSR_USD = 0.000_012, 300, 0.75
FSR_MINUTES_PER_TIB = 60
CREDITS_MINUTES_PER_TIB = 60

# AWS's published limits of an account in a Region: (tokens in the bucket, tokens added each second).
# EC2 Developer Guide, "Request throttling": non-mutating and mutating actions. Step Functions Developer Guide, "Service
# quotas", for Regions other than us-east-1, us-west-2 and eu-west-1. Systems Manager publishes none for our calls.
EC2_READS, EC2_WRITES = (100, 20), (50, 5)
STEP_FUNCTIONS = {
    "states:StartExecution": (800, 150),
    "states:DescribeExecution": (250, 10),
    "states:StopExecution": (500, 25),
}
TRANSITIONS_LIMIT = (800, 800)


@dataclass(frozen=True)
class Bound:
    """What holds back many clusters that are due at the same moment."""

    limit: str
    seconds: float


def looks(seconds: float) -> int:
    """How often a backup looks at its snapshots until they are complete."""
    count, passed = 1, 0.0
    for pause, most in LOOKS:
        for _ in range(most if most is not None else 10_000):
            if passed >= seconds:
                return count
            passed += pause
            count += 1
    return count


def limit_of(action: str) -> tuple[int, int] | None:
    """(bucket, refill a second) of a call such as `ec2:DescribeVolumes`; None where AWS publishes none."""
    service, _, call = action.partition(":")
    if service == "ec2":
        return EC2_READS if call.startswith("Describe") else EC2_WRITES
    return STEP_FUNCTIONS.get(action)


def seconds_for(calls: float, limit: tuple[int, int]) -> float:
    """How long an account needs at least for so many calls of one action."""
    bucket, refill = limit
    return max(0.0, calls - bucket) / refill


def bound(clusters: int, calls: dict[str, float], transitions: float) -> Bound:
    """The limit that makes `clusters` backups at once take longest; `calls` and `transitions` are those of one."""
    found = [Bound("state transitions", seconds_for(clusters * transitions, TRANSITIONS_LIMIT))]
    for action, each in calls.items():
        if (limit := limit_of(action)) is not None:
            found.append(Bound(action, seconds_for(clusters * each, limit)))
    return max(found, key=lambda each: each.seconds)


def backups(measured: dict[str, Any]) -> list[list[str]]:
    """A row for each size and kind of snapshot, out of the figures of `mirrorsnap` at one pace."""
    rows = []
    own = measured["transitions"]["median"] + measured["proof_and_copy_transitions"]["median"]
    for size, gib in GIB_OF.items():
        for kind, share in (("the first", 1.0), ("5 % changed", CHANGED)):
            seconds = gib * 1024 * share / SNAPSHOT_MIB_PER_SECOND
            transitions = own + STATES_OF_A_LOOK * looks(seconds)
            price = (
                transitions * bill.TRANSITION + measured["lambda_ms"]["median"] / 1000 * bill.MEMORY_GB * bill.GB_SECOND
            )
            proof = PROOF_BLOCKS[size] * BLOCK_USD
            rows.append([size, kind, minutes(seconds), f"{transitions:.0f}", f"${price:.4f}", f"${proof:.5f}"])
    return rows


def restores() -> list[list[str]]:
    """A row for each size and way; both volumes of a cluster are made from one snapshot, in two zones."""
    rows = []
    for size, gib in GIB_OF.items():
        rate = 2 * gib * FASTEST * RATE_USD
        wait = (gib / 1024) * (FSR_MINUTES_PER_TIB + CREDITS_MINUTES_PER_TIB) * 60
        fsr = 2 * max(1.0, wait / 3600) * FSR_USD
        rows += [
            [size, "none", "none", "read from S3 at first use", "$0"],
            [size, "rate", "none", f"fast after {minutes(gib * 1024 / FASTEST)}", f"${rate:.2f}"],
            [size, "fsr", minutes(max(wait, 360)), "fast at once", f"${fsr:.2f}"],
        ]
    return rows


def fleets(sizes: list[dict[str, Any]], cost: float) -> list[list[str]]:
    """A row for each count of clusters that are due at the same moment; `sizes`: the growth that was measured."""
    last = sizes[-1]
    rows = []
    for count in CLUSTERS:
        held = bound(count, last["calls_by_action"], last["transitions_per_cluster"])
        by = "none" if held.seconds < 1 else f"{held.limit}: at least {minutes(held.seconds)} for all"
        each = last["transitions_per_cluster"]
        rows.append(
            [
                f"{count:,}",
                f"{count * each:,.0f}",
                f"{count * last['calls_per_cluster']:,.0f}",
                f"${count * cost:,.3f}",
                by,
            ]
        )
    return rows


def minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} s"
    if seconds < 5400:
        return f"{math.ceil(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
