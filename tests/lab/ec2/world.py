"""The world that a lab starts with: the two nodes of the cluster with their volumes, as if long launched.

`build(spec)` makes it. Other parts hook in before: `machine_factory` makes the guest of each instance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import context
from ..wire import AwsError
from . import instances, surroundings, volumes
from .instance_attributes import BEHAVIORS
from .instance_types import TYPES
from .machines import Guest, NullMachine
from .volume_rules import SIZES, shape
from .zones import ZONES

ROOT = {"device": "/dev/sda1", "size_gib": 10, "type": "gp2", "delete_on_termination": True}
DATA = {"device": "/dev/sdb", "size_gib": 20, "type": "gp3"}
DEFAULT_TYPE = {"xen": "t2.medium", "nitro": "t3.medium"}
# nodes that always exist, with their defaults; a part that knows more of them replaces this before build() is called
NODES: dict[str, dict[str, Any]] = {"server1": {"az": f"{context.REGION}a"}, "server2": {"az": f"{context.REGION}c"}}


def _null_machine(instance: instances.Instance) -> Guest:
    return NullMachine()


# instance -> its guest; whoever has better machines replaces it before build() is called
machine_factory: Callable[[instances.Instance], Guest] = _null_machine

_TEXT, _FLAG, _NUMBER = (str,), (bool,), (int,)
# key -> (types, allowed values or None)
_NODE: dict[str, tuple[tuple[type, ...], Any]] = {
    "az": (_TEXT, ZONES),
    "platform": (_TEXT, DEFAULT_TYPE),
    "instance_type": (_TEXT, TYPES),
    "root": ((dict,), None),
    "volumes": ((list,), None),
    "lifecycle": (_TEXT, ("normal", "spot")),
    "auto_scaling_group": (_TEXT, None),
    "capacity_reservation": (_FLAG, None),
    "shutdown_behavior": (_TEXT, BEHAVIORS),
    "state": (_TEXT, ("running", "stopped")),
    "ssm": (_FLAG, None),
    "iam_profile": (_TEXT, None),
    "license_configuration": (_TEXT, None),
    "tags": ((dict,), None),
}
_VOLUME: dict[str, tuple[tuple[type, ...], Any]] = {
    "device": (_TEXT, None),
    "size_gib": (_NUMBER, None),
    "type": (_TEXT, SIZES),
    "iops": (_NUMBER, None),
    "throughput": (_NUMBER, None),
    "kms_key_id": (_TEXT, None),
    "delete_on_termination": (_FLAG, None),
    "tags": ((dict,), None),
}


class WorldError(ValueError):
    """A spec that cannot be built; the text names the place, what was found and what is allowed."""


def _check(place: str, value: Any, known: dict[str, tuple[tuple[type, ...], Any]]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WorldError(f"{place} must be a mapping, not {value!r}")
    for key, each in value.items():
        if key not in known:
            raise WorldError(f"{place}: unknown key {key!r}; known: {', '.join(sorted(known))}")
        types, allowed = known[key]
        if not isinstance(each, types) or (isinstance(each, bool) and bool not in types):
            raise WorldError(f"{place}.{key} must be of type {types[0].__name__}, not {each!r}")
        if allowed is not None and each not in allowed:
            raise WorldError(f"{place}.{key} must be one of {', '.join(allowed)}, not {each!r}")
    for key, tag in value.get("tags", {}).items():
        if not isinstance(key, str) or not isinstance(tag, str):
            raise WorldError(f"{place}.tags must map text to text, not {key!r} to {tag!r}")
    return value


def _node(name: str, spec: dict[str, Any], place: str) -> dict[str, Any]:
    node = {"platform": "xen", "state": "running", "lifecycle": "normal", "ssm": True, "tags": {}, **spec}
    if "az" not in node:
        raise WorldError(f"{place} needs an az, one of {', '.join(ZONES)}")
    if "instance_type" in spec:
        kind = TYPES[spec["instance_type"]][0]
        if spec.get("platform", kind) != kind:
            raise WorldError(f"{place}: {spec['instance_type']} is {kind}, not {spec['platform']}")
    else:
        node["instance_type"] = DEFAULT_TYPE[node["platform"]]
    root = {**ROOT, **_check(f"{place}.root", spec.get("root", {}), _VOLUME)}
    data = [_check(f"{place}.volumes[{n}]", v, _VOLUME) for n, v in enumerate(spec.get("volumes", [DATA]))]
    for n, volume in enumerate(data):
        if "device" not in volume:
            raise WorldError(f"{place}.volumes[{n}] needs a device")
    devices = [v["device"] for v in (root, *data)]
    twice = sorted({d for d in devices if devices.count(d) > 1})
    if twice:
        raise WorldError(f"{place}: device {twice[0]} is used twice")
    complete = [root, *({**DATA, **v} for v in data)]
    for volume in complete:
        try:
            shape(volume["type"], volume["size_gib"], volume.get("iops"), volume.get("throughput"))
        except AwsError as error:
            raise WorldError(f"{place}, {volume['device']}: {error.message}") from error
    return {**node, "name": name, "root": root, "volumes": complete}


def plan(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes that `spec` means, complete and checked; raises WorldError. Changes nothing."""
    _check("world", spec, {"platform": _NODE["platform"], "nodes": ((dict,), None), "node": ((dict,), None)})
    common = {**_check("world.node", spec.get("node", {}), _NODE)}
    if "platform" in spec:
        common.setdefault("platform", spec["platform"])
    named = spec.get("nodes", {})
    out = []
    for name in dict.fromkeys((*NODES, *named)):
        place = f"world.nodes.{name}"
        own = _check(place, named.get(name, {}), _NODE)
        out.append(_node(name, {**NODES.get(name, {}), **common, **own}, place))
    return out


def build(spec: dict[str, Any]) -> list[instances.Instance]:
    """Build the world that `spec` describes, with no API calls and no events. Returns its instances in order.

    Keys of `spec`, all optional:
    `platform`  xen (default) | nitro, of every node that says nothing else;
    `node`      settings of every node;
    `nodes`     name -> settings. server1 (ap-northeast-1a) and server2 (ap-northeast-1c) always exist; others need `az`
    Settings of a node: `az`, `platform`, `instance_type`, `shutdown_behavior` stop | terminate, `state` running |
    stopped, `lifecycle` normal | spot, `auto_scaling_group` (name), `capacity_reservation` (bool: has an active one),
    `ssm` (bool: managed, default true), `iam_profile` (ARN), `license_configuration` (ARN), `tags`,
    `root` (a volume; default 10 GiB gp2 at /dev/sda1, deleted on termination), `volumes`
    (default: one of 20 GiB gp3 at /dev/sdb).
    A volume: `device`, `size_gib`, `type`, `iops`, `throughput`, `kms_key_id` (ARN), `delete_on_termination`, `tags`.
    Raises WorldError for anything else.
    """
    nodes = plan(spec)
    with context.lab.lock:
        return [_make(node) for node in nodes]


def _make(node: dict[str, Any]) -> instances.Instance:
    instance = instances.create(
        node["name"],
        node["az"],
        node["platform"],
        instance_type=node["instance_type"],
        tags=node["tags"],
        shutdown_behavior=node.get("shutdown_behavior", "stop"),
        lifecycle="spot" if node["lifecycle"] == "spot" else None,
        root_device=node["root"]["device"],
    )
    instance.iam_profile_arn = node.get("iam_profile")
    instance.license_configuration = node.get("license_configuration")
    instance.ssm_managed = node["ssm"]
    for each in node["volumes"]:
        options = {key: each[key] for key in ("iops", "throughput", "kms_key_id", "tags") if key in each}
        volume = volumes.create_now(node["az"], each["size_gib"], each["type"], **options)
        delete = each.get("delete_on_termination", False)
        volumes.attach_now(volume, instance, each["device"], delete_on_termination=delete)
    if "auto_scaling_group" in node:
        surroundings.join_group(instance, node["auto_scaling_group"])
    if node.get("capacity_reservation"):
        instance.capacity_reservation_id = surroundings.reserve(instance.az, instance.instance_type, 1)
    instance.use(machine_factory(instance))
    if node["state"] == "running":
        context.lab.timers.after(0, instance.machine.power_on)
    else:
        instance.state, instance.state_reason = "stopped", instances.USER_SHUTDOWN
        instance.touch()
    return instance


def install() -> None:
    """Build the world that the lab was started with."""
    build(context.lab.world)
