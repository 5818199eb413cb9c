"""What a scenario's operator does to volumes, snapshots and fast snapshot restore, by EC2 calls."""

from __future__ import annotations

from typing import Any

from .product import Product
from .volumes import places, tags

EXCHANGE = frozenset({"node", "disk", "backup", "volume"})
FSR = frozenset({"backup", "az", "on"})
SNAPSHOTS = frozenset({"backup", "disk", "tags", "untag", "delete"})


class ChangeFailed(Exception):
    """EC2 or the cluster is not as the step needs it; the text says what is missing."""


def _known(value: dict[str, Any], keys: frozenset[str], where: str) -> None:
    if unknown := set(value) - keys:
        raise ChangeFailed(f"set.{where}: unknown {sorted(unknown)}; known: {sorted(keys)}")


def _snapshots(product: Product, backup: str, disk: str | None) -> list[str]:
    """The backup's snapshots, of one mirror disk if one is named."""
    found = [
        s["SnapshotId"]
        for s in product.snapshots()
        if s["tags"].get("mirrorsnap:backup-id") == backup
        and (disk is None or disk in s["tags"].get("mirrorsnap:mirror-disks", "").split())
    ]
    if not found:
        raise ChangeFailed(f"there is no snapshot of backup {backup}{f' with {disk}' if disk else ''}")
    return found


def exchange(product: Product, value: dict[str, Any]) -> None:
    """Put another volume into a mirror disk's place on a stopped node: one made from a backup, or what was replaced."""
    _known(value, EXCHANGE, "exchange")
    ec2, instance = product.ec2, product.instances[value["node"]]
    disk = product.spec.disk(value["disk"])
    if disk is None:
        raise ChangeFailed(f"set.exchange: there is no mirror disk {value['disk']}")
    every = product.volumes()
    there = places(every, [disk.device]).get((instance, disk.device))
    if there is None:
        raise ChangeFailed(f"set.exchange: {value['node']} has nothing at {disk.device}")
    zone = there["AvailabilityZone"]
    if "backup" in value:
        (snapshot,) = _snapshots(product, value["backup"], disk.name)
        new = ec2.create_volume(AvailabilityZone=zone, SnapshotId=snapshot, VolumeType="gp3")["VolumeId"]
        product.foreign.add(new)
    elif value.get("volume") == "replaced":
        free = [v for v in every if v["State"] == "available" and v["AvailabilityZone"] == zone]
        (new,) = [v["VolumeId"] for v in free if "mirrorsnap:replaced" in tags(v)]
    else:
        raise ChangeFailed("set.exchange: needs backup, or volume: replaced")
    ec2.detach_volume(VolumeId=there["VolumeId"])
    _until(product, there["VolumeId"], "available")
    _until(product, new, "available")
    ec2.attach_volume(VolumeId=new, InstanceId=instance, Device=disk.device)
    _until(product, new, "in-use")


def _until(product: Product, volume: str, state: str) -> None:
    def there() -> bool:
        return product.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == state

    try:
        product.lab.wait_for(there, 60, f"{volume} {state}")
    except AssertionError as error:
        raise ChangeFailed(str(error)) from None


def fsr(product: Product, value: dict[str, Any]) -> None:
    """Switch a backup's fast snapshot restore on or off in a zone. Operations must leave it in that state."""
    _known(value, FSR, "fsr")
    on = value.get("on", True)
    call = product.ec2.enable_fast_snapshot_restores if on else product.ec2.disable_fast_snapshot_restores
    for snapshot in _snapshots(product, value["backup"], None):
        answer = call(AvailabilityZones=[value["az"]], SourceSnapshotIds=[snapshot])
        if answer["Unsuccessful"]:
            raise ChangeFailed(f"set.fsr: {answer['Unsuccessful']}")
    product.lab.control("fsr_found")


def snapshots(product: Product, value: dict[str, Any]) -> None:
    """Change the tags of a backup's snapshots, or delete them."""
    _known(value, SNAPSHOTS, "snapshots")
    ec2, found = product.ec2, _snapshots(product, value["backup"], value.get("disk"))
    if "tags" in value:
        ec2.create_tags(Resources=found, Tags=[{"Key": k, "Value": v} for k, v in value["tags"].items()])
    if "untag" in value:
        ec2.delete_tags(Resources=found, Tags=[{"Key": key} for key in value["untag"]])
    if value.get("delete"):
        for each in found:
            ec2.delete_snapshot(SnapshotId=each)
