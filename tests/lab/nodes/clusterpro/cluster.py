"""The state of one simulated two-node cluster, and the parts that change it.

Everything here is guarded by `context.lab.lock`. Each change is noted: it becomes a `cluster` entry of the log, and the
watchers (the oracles) look at the new state at once.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ... import context
from .host import Host
from .spec import ClusterSpec


class Refused(Exception):
    """A request that the cluster turns down; nothing has changed. `rc` is the command's exit code."""

    def __init__(self, text: str, rc: int = 1) -> None:
        super().__init__(text)
        self.text, self.rc = text, rc


@dataclass
class Node:
    name: str
    host: Host
    daemon: str = "stopped"  # stopped | waiting | online | stopping
    ready: bool = False  # a waiting daemon that has got as far as looking for its peer
    agent: str = "down"  # mirror agent: down | up
    sides: dict[str, Any] = field(default_factory=dict)  # mirror disk -> mirror.Side, while the agent is up
    troubles: dict[str, str] = field(default_factory=dict)  # mirror disk -> why its side is not usable
    monitors: dict[str, str] = field(default_factory=dict)  # online | suspended | offline
    peer_seen: bool = False  # this daemon's own opinion: the peer's daemon is online
    clean: bool = True  # on the root disk: the cluster service was stopped in good order
    root_flags: dict[str, str] = field(default_factory=dict)  # backup flags, with the switch flag_on_partition off
    events: list[dict[str, Any]] = field(default_factory=list)  # the event log, on the root disk
    orders: int = 0  # of groups, that run on it
    life: int = 0  # counts boots and power losses: what was begun in an earlier life does not end in this one
    last_stop: str = ""  # how the OS went down last: graceful | hard

    def dump(self) -> dict[str, Any]:
        return {
            "power": self.host.state,
            "boot_id": self.host.boot_id,
            "services": "auto" if services_auto(self.host) else "manual",
            "daemon": self.daemon,
            "agent": self.agent,
            "monitors": dict(self.monitors),
            "peer_seen": self.peer_seen,
            "troubles": dict(self.troubles),
            "clean": self.clean,
            "events": list(self.events),
        }


def services_auto(host: Host) -> bool:
    return host.service_enabled("clusterpro") and host.service_enabled("clusterpro_md")


class Cluster:
    """`nodes` by name in the configuration's order; `mirrors` and `groups` by name; the parts that act on them."""

    def __init__(self, spec: ClusterSpec, hosts: dict[str, Host]) -> None:
        from .daemon import Daemons
        from .groups import Group, Groups
        from .lagging import Lagging
        from .mirror import Mirror

        self.spec = spec
        self.switches = spec.switches
        self.fullcopy = spec.fullcopy
        self.auto_recovery = spec.auto_recovery
        self.licence = spec.licence
        self.link = True  # heartbeat and mirror connect
        self.nodes = {name: Node(name, hosts[name]) for name in spec.nodes}
        self.watchers: list[Callable[[str, dict[str, Any]], None]] = []
        self.parents: dict[str, str] = {}  # lineage tip -> the tip before it
        self._numbers = itertools.count(1)
        self.mirrors = {d.name: Mirror(self, d) for d in spec.disks}
        self.groups = {g.name: Group(g, dict.fromkeys(spec.nodes, "offline")) for g in spec.groups}
        self.group_control = Groups(self)
        self.daemons = Daemons(self)
        self.lagging = Lagging(self)
        self.failed_once: set[tuple[str, ...]] = set()  # node, command and first argument
        for node in self.nodes.values():
            node.monitors = {m: "offline" for d in spec.disks for m in (d.monitor, d.connect_monitor)}
            node.monitors |= {f"genw-of-the-application-{n:02}": "offline" for n in range(spec.other_monitors)}

    # --- small helpers that every part uses ---

    def peer(self, node: Node) -> Node:
        return next(n for n in self.nodes.values() if n is not node)

    def group_of(self, disk: str) -> Any:
        return next(g for g in self.groups.values() if disk in g.spec.disks)

    def number(self) -> int:
        return next(self._numbers)

    def tip(self, parent: str, operation: str) -> str:
        """The lineage's next tip after `operation`; unique in this lab, so that a split shows as a fork."""
        tip = hashlib.sha256(f"{parent} {self.number()} {operation}".encode()).hexdigest()[:16]
        self.parents[tip] = parent
        return tip

    def descends(self, tip: str, ancestor: str) -> bool:
        """Whether `tip` is `ancestor` or came out of it by later changes."""
        at: str | None = tip
        while at is not None:
            if at == ancestor:
                return True
            at = self.parents.get(at)
        return False

    def note(self, what: str, **fields: Any) -> None:
        """Log a change and let the watchers look."""
        context.lab.record.add("cluster", cluster=self.spec.name, what=what, **fields)
        for watcher in self.watchers:
            watcher(what, fields)

    def event(self, node: Node, module: str, number: int, text: str) -> None:
        """An entry of a node's event log, as the Cluster WebUI shows it."""
        entry = {"t": round(context.lab.clock.monotonic(), 3), "module": module, "id": number, "text": text}
        node.events.append(entry)
        self.note("event", node=node.name, module=module, id=number, text=text)

    def agents_connected(self) -> bool:
        return self.link and all(n.agent == "up" for n in self.nodes.values())

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON: what the control operation `cluster` returns."""
        return {
            "name": self.spec.name,
            "link": self.link,
            "auto_recovery": self.auto_recovery,
            "fullcopy": self.fullcopy,
            "licence": self.licence,
            "switches": vars(self.switches).copy(),
            "nodes": {n.name: n.dump() for n in self.nodes.values()},
            "mirrors": {m.spec.name: m.dump() for m in self.mirrors.values()},
            "groups": {g.spec.name: g.dump() for g in self.groups.values()},
        }
