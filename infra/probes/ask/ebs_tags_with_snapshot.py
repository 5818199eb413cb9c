"""ebs-tags-with-snapshot: the first describe, by the volumes, that shows a new set."""

from __future__ import annotations

from ..scratch import TAG, Scratch
from ..verdict import Probe, Verdict, holds


def ask(scratch: Scratch) -> dict[str, list[str]]:
    """Snapshot -> the keys of its tags, where it was shown first."""
    made, volumes = scratch.snapshots(told="yes"), list(scratch.data().values())
    first: dict[str, list[str]] = {}

    def all_shown() -> bool:
        wanted = [{"Name": "volume-id", "Values": volumes}]
        for each in scratch.of("ec2").describe_snapshots(OwnerIds=["self"], Filters=wanted)["Snapshots"]:
            if each["SnapshotId"] in made:
                first.setdefault(each["SnapshotId"], [tag["Key"] for tag in each.get("Tags", [])])
        return set(first) == set(made)

    scratch.waiting.until(all_shown, "the new snapshots", 60)
    return first


def judge(seen: dict[str, list[str]]) -> Verdict:
    bare = [each for each, keys in seen.items() if not {TAG, "told"} <= set(keys)]
    return holds(seen, [f"{', '.join(bare)} was shown without its tags."] if bare else [])


PROBE = Probe("ebs-tags-with-snapshot", ask, judge, minutes=0.5, dollars=0.01, needs=("instance",))
