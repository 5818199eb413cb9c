"""The configuration of one simulated cluster: the `cluster:` mapping of the scenario format, read and checked.

`parse({})` is the seed's cluster. Beyond the scenario format: `nodes` (two names), `switches`, `licence`, mirror
disks that share a volume (same `device`), partitions named explicitly, `failover_groups` given as mappings `{name,
nodes, disks, auto_start, active}` so that groups can run on both nodes, and `further`: other clusters of the same lab.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...context import Timing
from .recorded import Answers, read
from .switches import Switches

RECORDINGS = Path(__file__).resolve().parents[3] / "recordings"

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,30}$")  # CLUSTERPRO's own limit is 31 characters
DEVICE = re.compile(r"^/dev/(sd[b-z]|xvd[b-z])$")  # attachment names; /dev/sda1 is the root
KEYS = frozenset(
    {
        *("name", "nodes", "active", "platform", "layout", "auto_recovery", "fullcopy", "mirror_disks"),
        *("systemd", "failover_groups", "config", "timing", "switches", "licence"),
        *("hybrid_disks", "other_monitors", "comments", "lvm_devices", "recording"),
    }
)


class SpecError(ValueError):
    """The cluster cannot be built; the text names the place, what was found, and what is allowed."""


@dataclass
class DiskSpec:
    name: str
    monitor: str
    connect_monitor: str
    device: str  # the attachment's name, "/dev/sdb"
    size_gib: int  # of the volume
    asynchronous: bool = False  # mddriver/syncmode 0
    file_system: str = "ext4"  # ext4 | xfs
    index: int = 0  # its place among the mirror disks that share the volume
    cluster_partition: dict[str, str] = field(default_factory=dict)  # by node
    data_partition: dict[str, str] = field(default_factory=dict)


@dataclass
class GroupSpec:
    name: str
    nodes: list[str]  # failover policy: the first one is preferred
    disks: list[str]
    auto_start: bool = True
    active: str = ""  # where it runs when the lab starts
    stop_after: list[str] = field(default_factory=list)  # the groups for whose stop its own waits
    start_after: list[str] = field(default_factory=list)  # the groups for whose start its own waits


@dataclass
class ClusterSpec:
    name: str = "orders"
    nodes: list[str] = field(default_factory=lambda: ["server1", "server2"])
    active: str = "server1"
    platform: str = "xen"
    layout: str = "raw"
    systemd: int = 252  # its version on both nodes
    auto_recovery: bool = True
    fullcopy: bool = False
    licence: bool = True
    hybrid_disks: list[str] = field(default_factory=list)  # named in clp.conf, and no more
    other_monitors: int = 0  # besides those of the mirror disks
    comments: bool = False  # in Japanese, beside servers, groups and monitors
    lvm_devices: str = "all"  # devices that LVM may use: all | listed by their serial | by their name
    recorded: dict[str, Answers] = field(default_factory=dict)  # by node; empty: the lab answers itself
    disks: list[DiskSpec] = field(default_factory=list)
    groups: list[GroupSpec] = field(default_factory=list)
    timing: dict[str, Any] = field(default_factory=dict)
    switches: Switches = field(default_factory=Switches)

    def disk(self, name: str) -> DiskSpec | None:
        return next((d for d in self.disks if d.name == name), None)

    def volumes(self) -> dict[str, list[DiskSpec]]:
        """device -> the mirror disks on that volume, in order."""
        out: dict[str, list[DiskSpec]] = {}
        for disk in self.disks:
            out.setdefault(disk.device, []).append(disk)
        return out


def load(path: Path) -> dict[str, Any]:
    """The mapping in a YAML or JSON file: the `cluster:` mapping itself, or a whole scenario that holds one."""
    import yaml

    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: neither YAML nor JSON: {error}") from None
    if isinstance(value, dict) and "steps" in value:
        value = value.get("cluster")
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise SpecError(f"{path}: a cluster is a mapping, not {value!r}")
    return value


def parse(value: dict[str, Any]) -> ClusterSpec:
    """Check `value` completely and fill in the seed's cluster for what it leaves out; raises SpecError."""
    if not isinstance(value, dict):
        raise SpecError(f"cluster: a mapping, not {value!r}")
    _only(value, KEYS, "cluster")
    spec = ClusterSpec()
    spec.name = _name(value.get("name", "orders"), "cluster.name")
    nodes = value.get("nodes", spec.nodes)
    if not isinstance(nodes, list) or len(nodes) != 2 or nodes[0] == nodes[1]:
        raise SpecError(f"cluster.nodes: two different names, not {nodes!r}")
    spec.nodes = [_name(n, "cluster.nodes") for n in nodes]
    spec.active = _choice(value.get("active", spec.nodes[0]), spec.nodes, "cluster.active")
    spec.platform = _choice(value.get("platform", "xen"), ["xen", "nitro"], "cluster.platform")
    spec.systemd = _choice(value.get("systemd", 252), [219, 234, 239, 252], "cluster.systemd")
    spec.layout = _choice(value.get("layout", "raw"), ["raw", "lvm", "partuuid"], "cluster.layout")
    for key in ("auto_recovery", "fullcopy", "licence"):
        setattr(spec, key, _bool(value.get(key, getattr(spec, key)), f"cluster.{key}"))
    spec.hybrid_disks = [_name(name, "cluster.hybrid_disks") for name in value.get("hybrid_disks", [])]
    spec.other_monitors = _choice(value.get("other_monitors", 0), list(range(100)), "cluster.other_monitors")
    spec.comments = _bool(value.get("comments", False), "cluster.comments")
    spec.lvm_devices = _choice(value.get("lvm_devices", "all"), ["all", "serial", "name"], "cluster.lvm_devices")
    if "recording" in value:
        spec.recorded = _recorded(value["recording"], spec.nodes)
    spec.disks = _disks(value.get("mirror_disks", [{"name": "md1"}]), spec)
    spec.groups = _groups(value.get("failover_groups", ["failover1"]), spec)
    spec.timing = value.get("timing") or {}
    try:
        Timing().update(spec.timing)
    except (ValueError, AttributeError) as error:
        raise SpecError(f"cluster.timing: {error}") from None
    switches = value.get("switches") or {}
    if not isinstance(switches, dict):
        raise SpecError(f"cluster.switches: a mapping, not {switches!r}")
    try:
        spec.switches.update(switches)
    except ValueError as error:
        raise SpecError(f"cluster.switches: {error}") from None
    return spec


def parse_further(value: Any) -> list[ClusterSpec]:
    """The other clusters of a lab, each a mapping like the first one's; raises SpecError."""
    if not isinstance(value, list):
        raise SpecError(f"cluster.further: a list of clusters, not {value!r}")
    return [parse(each) for each in value]


def distinct(specs: list[ClusterSpec]) -> None:
    """Raises SpecError if two clusters share a name or a node, or a further one sets timings, which are the lab's."""
    _unique([spec.name for spec in specs], "cluster")
    _unique([node for spec in specs for node in spec.nodes], "node")
    if named := [spec.name for spec in specs[1:] if spec.timing]:
        raise SpecError(f"cluster.further: {', '.join(named)} has a timing, and those are the first cluster's")


def _recorded(value: Any, nodes: list[str]) -> dict[str, Answers]:
    """What the cluster's nodes answer, from a file of tests/recordings or of another path."""
    if not isinstance(value, str):
        raise SpecError(f"cluster.recording: the path of a file, not {value!r}")
    try:
        found = read(RECORDINGS / value)
    except ValueError as error:
        raise SpecError(f"cluster.recording: {error}") from None
    if set(found) != set(nodes):
        raise SpecError(f"cluster.recording: its nodes are {', '.join(found)}; cluster.nodes has {', '.join(nodes)}")
    return found


def _disks(items: Any, spec: ClusterSpec) -> list[DiskSpec]:
    if not isinstance(items, list) or not items:
        raise SpecError("cluster.mirror_disks: at least one mirror disk")
    disks: list[DiskSpec] = []
    for i, item in enumerate(items):
        where = f"cluster.mirror_disks[{i}]"
        if not isinstance(item, dict) or "name" not in item:
            raise SpecError(f"{where}: a mapping with a name, not {item!r}")
        keys = {"name", "monitor", "device", "size_gib", "cluster_partition", "data_partition", "asynchronous"}
        keys.add("file_system")
        _only(item, frozenset(keys), where)
        name = _name(item["name"], f"{where}.name")
        suffix = name.removeprefix("md")
        device = _device(item.get("device", "/dev/sdb"), f"{where}.device", spec.nodes)
        size = item.get("size_gib", 20)
        if not isinstance(size, int) or isinstance(size, bool) or not 2 <= size <= 16_384:
            raise SpecError(f"{where}.size_gib: a whole number from 2 to 16384, not {size!r}")
        disk = DiskSpec(
            name,
            _name(item.get("monitor", f"mdw{suffix}"), f"{where}.monitor"),
            f"mdnw{suffix}",
            device,
            size,
            _bool(item.get("asynchronous", False), f"{where}.asynchronous"),
            _choice(item.get("file_system", "ext4"), ["ext4", "xfs"], f"{where}.file_system"),
            index=sum(d.device == device for d in disks),
        )
        for key in ("cluster_partition", "data_partition"):
            setattr(disk, key, _by_node(item.get(key), f"{where}.{key}", spec.nodes))
        disks.append(disk)
    _unique([d.name for d in disks], "mirror disk")
    _unique([d.monitor for d in disks], "monitor")
    by_volume: dict[str, list[DiskSpec]] = {}
    for disk in disks:
        by_volume.setdefault(disk.device, []).append(disk)
    for position, (device, shared) in enumerate(by_volume.items()):
        if len({d.size_gib for d in shared}) > 1:
            raise SpecError(f"cluster.mirror_disks: {device} is one volume, yet it has several sizes")
        if shared[0].size_gib < 2 * len(shared):
            raise SpecError(f"cluster.mirror_disks: {device} needs 2 GiB or more for each mirror disk on it")
        for disk in shared:
            paths = default_paths(spec.platform, spec.layout, device, position, disk, shared[0].name)
            if spec.layout == "partuuid":
                # Not at the top: the lab reads its cluster before EC2 may be imported.
                from . import layout

                guids = [layout.guid(f"{spec.name}/{device}", 2 * disk.index + n) for n in (1, 2)]
                paths = (f"/dev/disk/by-partuuid/{guids[0]}", f"/dev/disk/by-partuuid/{guids[1]}")
            for node in spec.nodes:
                disk.cluster_partition.setdefault(node, paths[0])
                disk.data_partition.setdefault(node, paths[1])
    return disks


def default_paths(
    platform: str, layout: str, device: str, position: int, disk: DiskSpec, first: str
) -> tuple[str, str]:
    """Where the OS shows cluster and data partition of `disk`, the `position`-th mirror volume, at a first boot."""
    if layout == "lvm":
        return f"/dev/vg_{first}/{disk.name}_cp", f"/dev/vg_{first}/{disk.name}_dp"
    number = 1 + 2 * disk.index
    if platform == "xen":
        base = "/dev/xvd" + device[-1]
        return f"{base}{number}", f"{base}{number + 1}"
    base = f"/dev/nvme{position + 1}n1p"  # nvme0n1 is the root volume
    return f"{base}{number}", f"{base}{number + 1}"


def _groups(items: Any, spec: ClusterSpec) -> list[GroupSpec]:
    if not isinstance(items, list) or not items:
        raise SpecError("cluster.failover_groups: at least one group")
    groups: list[GroupSpec] = []
    for i, item in enumerate(items):
        where = f"cluster.failover_groups[{i}]"
        if isinstance(item, str):
            item = {"name": item}
        if not isinstance(item, dict) or "name" not in item:
            raise SpecError(f"{where}: a name, or a mapping with one, not {item!r}")
        _only(item, frozenset({"name", "nodes", "disks", "auto_start", "active", "stop_after", "start_after"}), where)
        nodes = item.get("nodes")
        if nodes is None:
            first = item.get("active", spec.active)
            nodes = sorted(spec.nodes, key=lambda n: n != first)
        if not isinstance(nodes, list) or not nodes or set(nodes) - set(spec.nodes) or len(set(nodes)) != len(nodes):
            raise SpecError(f"{where}.nodes: one or both of {', '.join(spec.nodes)}, not {nodes!r}")
        active = item.get("active", spec.active if spec.active in nodes else nodes[0])
        active = _choice(active, nodes, f"{where}.active")
        disks = item.get("disks")
        if disks is None and all(isinstance(g, str) or "disks" not in g for g in items):
            # the i-th disk belongs to the i-th group, what is left over to the last one
            disks = [d.name for n, d in enumerate(spec.disks) if min(n, len(items) - 1) == i]
        unknown = [d for d in disks or [] if not spec.disk(d)]
        if unknown:
            raise SpecError(f"{where}.disks: no mirror disk {', '.join(map(str, unknown))}")
        auto = _bool(item.get("auto_start", True), f"{where}.auto_start")
        stops, starts = (
            [_name(each, f"{where}.{key}") for each in item.get(key, [])] for key in ("stop_after", "start_after")
        )
        name = _name(item["name"], f"{where}.name")
        groups.append(GroupSpec(name, list(nodes), list(disks or []), auto, active, stops, starts))
    _unique([g.name for g in groups], "failover group")
    _unique([d for g in groups for d in g.disks], "mirror disk of a failover group")
    others = {each for g in groups for each in (*g.stop_after, *g.start_after)} - {g.name for g in groups}
    if others:
        raise SpecError(f"cluster.failover_groups: no group {', '.join(sorted(others))} to wait for")
    missing = {d.name for d in spec.disks} - {d for g in groups for d in g.disks}
    if missing:
        raise SpecError(f"cluster.failover_groups: no group has the mirror disk {', '.join(sorted(missing))}")
    return groups


def _device(value: Any, where: str, nodes: list[str]) -> str:
    """One attachment name for both nodes; a map by node is accepted if it says the same."""
    names = set(_by_node(value, where, nodes).values()) if isinstance(value, dict) else {value}
    if len(names) != 1:
        raise SpecError(f"{where}: the lab attaches a mirror volume under one name on both nodes, not {value!r}")
    device = names.pop()
    if not isinstance(device, str) or not DEVICE.match(device):
        raise SpecError(f"{where}: /dev/sdb to /dev/sdz or /dev/xvdb to /dev/xvdz, not {device!r}")
    return device


def _by_node(value: Any, where: str, nodes: list[str]) -> dict[str, str]:
    if value is None:
        return {}
    mapping = dict.fromkeys(nodes, value) if isinstance(value, str) else value
    if not isinstance(mapping, dict) or set(mapping) - set(nodes):
        raise SpecError(f"{where}: a path, or a map from {' and '.join(nodes)} to paths, not {value!r}")
    for path in mapping.values():
        if not isinstance(path, str) or not path.startswith("/dev/"):
            raise SpecError(f"{where}: a path under /dev, not {path!r}")
    return dict(mapping)


def _only(value: dict[str, Any], known: frozenset[str], where: str) -> None:
    unknown = set(map(str, value)) - known
    if unknown:
        raise SpecError(f"{where}: unknown {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not NAME.match(value):
        raise SpecError(
            f"{where}: a name of 1 to 31 letters, digits, _ and - that begins with a letter or digit, not {value!r}"
        )
    return value


def _choice(value: Any, allowed: list[str], where: str) -> str:
    if value not in allowed:
        raise SpecError(f"{where}: one of {', '.join(allowed)}, not {value!r}")
    return value


def _bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise SpecError(f"{where}: true or false, not {value!r}")
    return value


def _unique(names: list[str], what: str) -> None:
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise SpecError(f"cluster: the {what} {', '.join(sorted(twice))} is there twice")
