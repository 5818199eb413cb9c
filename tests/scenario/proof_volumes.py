"""Where the volumes are after a restore or a rollback, and whether its report says so.

`ec2` is what the lab's control operation of that name returns: everything in its EC2, deleted resources too. A *place*
is (node, device); `Places` says which volume is there. Pure functions.
"""

from __future__ import annotations

from typing import Any

from .proof import Claim

Places = dict[tuple[str, str], str]
FAST = ("enabling", "optimizing", "enabled")


def places(ec2: dict[str, Any], nodes: list[str], devices: list[str]) -> Places:
    return {
        (instance["Name"], mapping["DeviceName"]): mapping["Ebs"]["VolumeId"]
        for instance in ec2["instances"]
        if instance["Name"] in nodes
        for mapping in instance["BlockDeviceMappings"]
        if mapping["DeviceName"] in devices
    }


def exchanged(ec2: dict[str, Any], before: Places, now: Places, snapshot: str) -> Claim:
    """Every place has another volume than before, made from the snapshot."""
    source = {volume["VolumeId"]: volume["SnapshotId"] for volume in ec2["volumes"]}
    wrong = [
        f"{node} {device} has {now.get((node, device))}"
        for (node, device), old in before.items()
        if now.get((node, device)) in (None, old) or source.get(now[node, device]) != snapshot
    ]
    good = bool(before) and set(now) == set(before) and not wrong
    text = f"the {len(before)} mirror volumes were exchanged for new ones, all made from {snapshot}"
    return good, text if good else f"{text}; not so: {', '.join(wrong) or 'a place is empty'}"


def put_back(now: Places, original: Places) -> Claim:
    good = bool(original) and now == original
    text = f"the {len(original)} volumes from before the restore are in their places again"
    return good, text if good else f"{text}; there are {now}, not {original}"


def none_deleted(ec2: dict[str, Any], known: set[str]) -> Claim:
    """`known`: volumes seen attached at any look so far, all of which must still be there."""
    state = {volume["VolumeId"]: volume["State"] for volume in ec2["volumes"] if volume["EverAttached"]}
    gone = sorted(v for v in {*state, *known} if state.get(v) not in ("available", "in-use"))
    good = bool(known) and not gone
    text = f"no volume that was ever attached to a node was deleted: all {len(state)} are there"
    return good, text if good else f"{text}; gone: {', '.join(gone)}"


def fast_restores(ec2: dict[str, Any]) -> set[tuple[str, str]]:
    """(snapshot, AZ) of what is switched on."""
    return {(f["SnapshotId"], f["AvailabilityZone"]) for f in ec2["fsr"] if f["State"] in FAST}


def as_found(found: set[tuple[str, str]], now: set[tuple[str, str]]) -> Claim:
    def words(pairs: set[tuple[str, str]]) -> str:
        return ", ".join(f"{s} in {az}" for s, az in sorted(pairs)) or "off everywhere"

    good = found == now
    text = f"fast snapshot restore is as it was found: {words(found)}"
    return good, text if good else f"{text}; it is {words(now)}"


def named(report: dict[str, Any], before: Places, now: Places, back: bool) -> Claim:
    """The operation's report says which volume went and which came in every place. `back`: of a rollback, which names
    the restore's own exchange, the other way round."""
    went, came = ("new", "old") if back else ("old", "new")
    said = {(r["node"], r["device"], r[went], r[came]) for r in report.get("replaced") or []}
    wanted = {(*place, before[place], now.get(place, "")) for place in before}
    good = bool(wanted) and said == wanted
    text = f"its report names the {len(before)} volumes that went and those that came"
    return good, text if good else f"{text}; it says {sorted(said)}, the lab shows {sorted(wanted)}"


def accounted(ec2: dict[str, Any], reports: list[dict[str, Any]]) -> Claim:
    """No volume lies about that no report names."""
    told = {r[key] for report in reports for r in report.get("replaced") or [] for key in ("old", "new")}
    loose = {v["VolumeId"] for v in ec2["volumes"] if v["State"] not in ("in-use", "deleted", "deleting")}
    text = f"each of the {len(loose)} volumes that are attached to nothing now is named in a report"
    return loose <= told, text if loose <= told else f"{text}; not named: {', '.join(sorted(loose - told))}"
