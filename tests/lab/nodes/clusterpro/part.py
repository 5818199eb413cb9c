"""The cluster as a part of the lab: builds it into the first world, and its control operations."""

from __future__ import annotations

import base64 as b64
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ... import context
from ...control import op
from .cluster import Cluster
from .filesystem import FileSystemError
from .formatting import find_files
from .freezing import frozen
from .guest import plug
from .mirror import Mirror
from .oracles import Oracles
from .spec import ClusterSpec, distinct, parse, parse_further

cluster: Cluster = None  # type: ignore[assignment]  # set when the world has been built
oracles: Oracles = None  # type: ignore[assignment]
further: list[tuple[Cluster, Oracles]] = []  # the other clusters of the mapping's `further`, which no operation names


def mirror_of(disk: str | None, group: str | None) -> Mirror:
    """The mirror disk named, or the first one of the group named, or the first one."""
    if disk is None and group is not None:
        if group not in cluster.groups:
            raise ValueError(f"no group {group!r}; there are {', '.join(cluster.groups)}")
        if not cluster.groups[group].spec.disks:
            raise ValueError(f"group {group} has no mirror disk")
        disk = cluster.groups[group].spec.disks[0]
    name = disk or next(iter(cluster.mirrors))
    if name not in cluster.mirrors:
        raise ValueError(f"no mirror disk {name!r}; there are {', '.join(cluster.mirrors)}")
    return cluster.mirrors[name]


def active_of(mirror: Mirror) -> Any:
    """The node on which the disk's group is online; what runs on it may write."""
    group = cluster.group_of(mirror.spec.name)
    nodes = [n for n, s in group.status.items() if s in ("online", "stopping") and n in mirror.mounted]
    if not nodes:
        raise ValueError(f"group {group.spec.name} is not online: nobody can reach {mirror.spec.name}")
    return cluster.nodes[nodes[0]]


@contextlib.contextmanager
def _writer(disk: str | None, group: str | None) -> Iterator[tuple[Mirror, Any]]:
    """The mirror disk and its active node, with the lab's lock, once the file system there is not frozen."""
    while True:
        with context.lab.lock:
            mirror = mirror_of(disk, group)
            node = active_of(mirror)
            if not frozen(mirror, node):
                yield mirror, node
                return
        context.lab.clock.sleep(0.05)


@op("cluster_write")
def cluster_write(
    file: str, text: str | None = None, base64: str | None = None, disk: str | None = None, group: str | None = None
) -> dict[str, Any]:
    """Write a file through the group on its active node. {node, disk, lineage, blocks: numbers touched}."""
    if (text is None) == (base64 is None) or not file:
        raise ValueError("cluster_write needs file and one of text and base64")
    data = text.encode() if text is not None else b64.b64decode(base64 or "", validate=True)
    with _writer(disk, group) as (mirror, node):
        side = mirror.side(node)
        assert side is not None
        touched = mirror.change(node, f"write {file}", lambda tip: side.fs.write(file, data, tip))
        return _written(mirror, node, side, touched)


@op("cluster_delete")
def cluster_delete(file: str, disk: str | None = None, group: str | None = None) -> dict[str, Any]:
    with _writer(disk, group) as (mirror, node):
        side = mirror.side(node)
        assert side is not None
        touched = mirror.change(node, f"delete {file}", lambda tip: side.fs.delete(file, tip))
        return _written(mirror, node, side, touched)


def _written(mirror: Mirror, node: Any, side: Any, touched: list[int]) -> dict[str, Any]:
    tip = side.fs.header()["lineage"]
    return {"node": node.name, "disk": mirror.spec.name, "lineage": tip, "blocks": touched}


@op("cluster_read")
def cluster_read(
    file: str, node: str | None = None, disk: str | None = None, group: str | None = None
) -> dict[str, Any] | None:
    """{base64, text?} of a file through the group, or of `node`'s raw partition; None: there is no such file."""
    with context.lab.lock:
        mirror = mirror_of(disk, group)
        if node is None:
            side = mirror.side(active_of(mirror))
            files = side.fs if side else None
        else:
            if node not in cluster.nodes:
                raise ValueError(f"no node {node!r}; there are {', '.join(cluster.nodes)}")
            volume = cluster.nodes[node].host.attached(mirror.spec.device)
            files = find_files(volume.blocks, mirror.spec) if volume is not None else None
        if files is None:
            raise FileSystemError(f"no file system of {mirror.spec.name} on {node}")
        if file not in files.files():
            return None
        data = files.read(file)
    out = {"base64": b64.b64encode(data).decode()}
    with contextlib.suppress(UnicodeDecodeError):  # bytes that are no text have only the other form
        out["text"] = data.decode()
    return out


@op("cluster")
def cluster_dump() -> dict[str, Any]:
    with context.lab.lock:
        return cluster.dump()


@op("cluster_set")
def cluster_set(
    auto_recovery: bool | None = None,
    fullcopy: bool | None = None,
    licence: bool | None = None,
    switches: dict[str, Any] | None = None,
    partitions: dict[str, dict[str, dict[str, str]]] | None = None,
) -> dict[str, Any]:
    """Change the configuration as the Cluster WebUI does, and the switches.

    `partitions`: {disk: {node: {cluster_partition, data_partition}}}, which bites at the mirror agent's next start.
    """
    values = {"auto_recovery": auto_recovery, "fullcopy": fullcopy, "licence": licence}
    for key, value in values.items():
        if value is not None and not isinstance(value, bool):
            raise ValueError(f"{key} is true or false, not {value!r}")
    with context.lab.lock:
        for disk, nodes in (partitions or {}).items():
            spec = mirror_of(disk, None).spec
            for node, paths in nodes.items():
                if node not in cluster.nodes or set(paths) - {"cluster_partition", "data_partition"}:
                    raise ValueError(f"partitions.{disk}: node -> cluster_partition, data_partition, not {nodes!r}")
                for key, path in paths.items():
                    getattr(spec, key)[node] = path
        cluster.switches.update(switches or {})
        for key, value in values.items():
            if value is not None:
                setattr(cluster, key, value)
        cluster.note("configured", **{k: v for k, v in values.items() if v is not None}, switches=switches or {})
        return cluster.dump()


@op("undrained")
def undrained(on: bool, disk: str | None = None) -> None:
    """An asynchronous mirror's queue: from now on changes wait in it, and both sides stay GREEN; or no longer."""
    with context.lab.lock:
        mirror_of(disk, None).undrained = on


@op("heartbeat")
def heartbeat(up: bool) -> None:
    """Cut (false) or mend (true) heartbeat and mirror connect between the nodes."""
    cluster.daemons.heartbeat(up)


@op("oracles")
def oracle_report() -> dict[str, Any]:
    """{violations: [{oracle, t, text}], residue: [the same, as of now], snapshots: {id: verdict}}."""
    with context.lab.lock:
        found = oracles.report()
        for other, watching in further:
            said = watching.report()
            for kind in ("violations", "residue"):
                found[kind] += [{**each, "text": f"{other.spec.name}: {each['text']}"} for each in said[kind]]
            found["snapshots"] |= said["snapshots"]
        return found


def use(built: Cluster) -> None:
    """Make `built` the lab's cluster and watch it."""
    global cluster, oracles
    cluster = built
    oracles = Oracles(built)


def build(spec: ClusterSpec, others: Sequence[ClusterSpec] = ()) -> None:
    """Have the first world hold the clusters' nodes, on real machines."""
    from ...ec2 import world
    from .. import life
    from ..machine import Machine

    zones = [f"{context.REGION}a", f"{context.REGION}c"]
    # defaults, which the world that the lab was started with overrides and plan() checks together with it
    world.NODES = {}
    of_node: dict[str, ClusterSpec] = {}
    for each in (spec, *others):
        volumes = [{"device": d, "size_gib": disks[0].size_gib} for d, disks in each.volumes().items()]
        for name, az in zip(each.nodes, zones, strict=True):
            world.NODES[name] = {"az": az, "platform": each.platform, "volumes": volumes}
            of_node[name] = each
    machines: dict[str, Machine] = {}

    def factory(instance: Any) -> Machine:
        machine = life.make(instance)
        mine = of_node.get(instance.name)
        if mine is None:
            return machine
        machine.systemd.version, machine.lvm_devices = mine.systemd, mine.lvm_devices
        machines[instance.name] = machine
        if set(mine.nodes) <= set(machines):
            built = plug(mine, {name: machines[name] for name in mine.nodes})
            if mine is spec:
                use(built)
            else:
                further.append((built, Oracles(built)))
        return machine

    world.machine_factory = factory
    life.machine_by_role = lambda role: _machine_by_role(role, machines)


def _machine_by_role(role: str, machines: dict[str, Any]) -> Any | None:
    """active: the node of the first group that runs somewhere; standby: the other one."""
    with context.lab.lock:
        on = [n for g in cluster.groups.values() for n in g.on()]
    if not on:
        return None
    return machines[on[0]] if role == "active" else machines[next(n for n in cluster.nodes if n != on[0])]


def install() -> Callable[[], None]:
    from ...ec2 import world
    from . import images, interference, pace  # noqa: F401 - they register their operations

    world.plan(context.lab.world)  # so that a wrong world is refused in its own words
    given = dict(context.lab.cluster)
    if "platform" in context.lab.world:  # the world's word counts where the cluster's mapping has none
        given.setdefault("platform", context.lab.world["platform"])
    others = parse_further(given.pop("further", []))
    spec = parse(given)
    distinct([spec, *others])
    context.lab.timing.update(spec.timing)
    build(spec, others)

    def stop() -> None:
        for each in (cluster, *(other for other, _ in further)):
            if each is not None:
                each.daemons.stop_monitoring()

    return stop
