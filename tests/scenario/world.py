"""What a scenario itself does to the cluster: it writes, deletes and checks files, and carries out the `set` step.

All of it goes through the lab's control plane, as an operator's act or an accident, never as the product's.
"""

from __future__ import annotations

from typing import Any

from lab.client import Lab

from . import ec2_changes
from .product import Product

CLUSTER_SETTINGS = frozenset({"auto_recovery", "fullcopy", "licence", "switches", "partitions"})
EC2_CHANGES = {
    "exchange": ec2_changes.exchange,
    "fsr": ec2_changes.fsr,
    "snapshots": ec2_changes.snapshots,
}
INSTANCE_SETTINGS = frozenset({"shutdown_behavior", "tags", "untag", "power"})


class StepFailed(Exception):
    """A step could not be carried out, or its check failed."""


def role(lab: Lab, name: str) -> str:
    """`active` and `standby` as a node's name, by the first group that is online now. Other names as they are."""
    if name not in ("active", "standby"):
        return name
    dump = lab.control("cluster")
    nodes = list(dump["nodes"])
    for group in dump["groups"].values():
        on = [node for node, status in group["status"].items() if status == "online"]
        if on:
            return on[0] if name == "active" else next(node for node in nodes if node != on[0])
    raise StepFailed(f"no node is {name}: no group is online")


def resolve(lab: Lab, fault: dict[str, Any]) -> dict[str, Any]:
    """A fault with its roles as names."""
    return {**fault, "node": role(lab, fault["node"])} if "node" in fault else dict(fault)


def check(lab: Lab, value: dict[str, Any]) -> None:
    """Read a file through the group and, where both sides are GREEN, from the bytes of each node's own disk."""
    disk = {"disk": value["disk"]} if "disk" in value else {}
    dump = lab.control("cluster")
    mirror = dump["mirrors"][value.get("disk", next(iter(dump["mirrors"])))]
    both = set(mirror["colours"].values()) == {"GREEN"} and not mirror["recovery"]
    places: list[str | None] = [None, *(dump["nodes"] if both else [])]
    for node in places:
        found = lab.control("cluster_read", file=value["file"], **disk, **({"node": node} if node else {}))
        where = f"{value['file']} on {node or 'the group'}"
        if value.get("absent"):
            if found is not None:
                raise StepFailed(f"{where} is there, and should not be")
        elif found is None:
            raise StepFailed(f"{where} is not there")
        elif found.get("text") != value["text"]:
            raise StepFailed(f"{where} is {found.get('text', found['base64'])!r}, not {value['text']!r}")


def change(lab: Lab, product: Product, value: dict[str, Any]) -> None:
    """A `set` step."""
    settings = {key: value[key] for key in CLUSTER_SETTINGS & set(value)}
    if settings:
        lab.control("cluster_set", **settings)
    for op in ("timing", "ssm"):
        if op in value:
            lab.control(op, values=value[op])
    if "config" in value:
        product.configure(value["config"])
    if "heartbeat" in value:
        lab.control("heartbeat", up=value["heartbeat"])
    for node, effect in value.get("node", {}).items():
        lab.control("node", name=role(lab, node), effect=effect)
    for node, script in value.get("run", {}).items():
        name = role(lab, node)
        done = lab.control("node_run", name=name, script=script)
        if done["rc"]:
            raise StepFailed(f"{script!r} on {name} ended with {done['rc']}: {done['stderr'] or done['stdout']}")
    for node, wanted in value.get("instance", {}).items():
        _instance(product, role(lab, node), wanted)
    if "tamper" in value:
        lab.control("tamper", **value["tamper"])
    if "freeze" in value:
        lab.control("freeze", frozen=value["freeze"])
    if "monitor_failure" in value:
        lab.control("monitor_failure", group=value["monitor_failure"])
    if "fsr_unsuccessful" in value:
        lab.control("fsr_unsuccessful", **value["fsr_unsuccessful"])
    for key, do in EC2_CHANGES.items():
        if key in value:
            do(product, value[key])


def _instance(product: Product, node: str, wanted: dict[str, Any]) -> None:
    if unknown := set(wanted) - INSTANCE_SETTINGS:
        raise StepFailed(f"set.instance: unknown {sorted(unknown)}; known: {sorted(INSTANCE_SETTINGS)}")
    ec2, instance = product.ec2, product.instances[node]
    if "shutdown_behavior" in wanted:
        ec2.modify_instance_attribute(
            InstanceId=instance, InstanceInitiatedShutdownBehavior={"Value": wanted["shutdown_behavior"]}
        )
    if "tags" in wanted:
        ec2.create_tags(Resources=[instance], Tags=[{"Key": k, "Value": v} for k, v in wanted["tags"].items()])
    if "untag" in wanted:
        ec2.delete_tags(Resources=[instance], Tags=[{"Key": key} for key in wanted["untag"]])
    if wanted.get("power") == "stop":
        _stop(product, instance)
    elif wanted.get("power") == "start":
        ec2.start_instances(InstanceIds=[instance])


def _stop(product: Product, instance: str) -> None:
    """Stop it and wait; the product may start it again at once."""

    def look() -> tuple[str, str]:
        found = product.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return found["State"]["Name"], str(found["LaunchTime"])

    _, launched = look()
    product.ec2.stop_instances(InstanceIds=[instance])

    def stopped() -> bool:
        state, launch = look()
        return state == "stopped" or launch != launched

    try:
        product.lab.wait_for(stopped, 900, f"{instance} stopped")
    except AssertionError as error:
        raise StepFailed(str(error)) from None
