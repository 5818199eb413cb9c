"""One mirror disk: its two sides, what is copied when, and what each side believes.

A side's state lies on its cluster partition and is read when the mirror agent starts. While both agents see one another
and both sides are GREEN, each write reaches both disks. Otherwise the writer's bitmap remembers the blocks, and a
recovery copies exactly those (FAST), or all (NORMAL, when the bitmap cannot know).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ... import context
from .cluster import Node, Refused
from .filesystem import FileSystem
from .freezing import Freeze, frozen
from .partition import ClusterPartition
from .recovery import Recovery
from .spec import DiskSpec

if TYPE_CHECKING:
    from .cluster import Cluster


class Side:
    """A node's side of a mirror disk while its agent is up: the record in memory is the one on the disk."""

    def __init__(self, cp: ClusterPartition, fs: FileSystem, volume: Any) -> None:
        self.cp, self.fs, self.volume = cp, fs, volume
        record = cp.record()
        assert record is not None
        self.record: dict[str, Any] = record

    def set(self, **values: Any) -> None:
        self.cp.update(**values)
        self.record.update(values)

    @property
    def mirror(self) -> str:
        return self.record["mirror"]


class Mirror:
    def __init__(self, cluster: Cluster, spec: DiskSpec) -> None:
        self.cluster, self.spec = cluster, spec
        self.recovery: Recovery | None = None
        self.undrained = False  # changes wait in a queue that nobody sees (control operation `undrained`)
        self.mounted: set[str] = set()  # names of the nodes on which the group has the file system mounted
        self.breaks: dict[str, dict[str, Any]] = {}  # node -> facts of its last break, until a copy overwrites it
        self.quiesce: dict[str, Any] | None = None  # the last quiesce point: t, node, lineage, digest, how
        self.freezes: dict[str, Freeze] = {}  # node -> its file system's last freeze, see freezing.py
        self.dirty_seconds = 0.0  # what a flush of the file system takes now
        self.dirty_again = 0.0  # … and will take again after each flush that was asked for

    # --- what is seen ---

    def side(self, node: Node) -> Side | None:
        return node.sides.get(self.spec.name) if node.agent == "up" else None

    def sides(self) -> list[tuple[Node, Side]]:
        """Both sides if they see one another, else []."""
        pairs = [(n, s) for n in self.cluster.nodes.values() if (s := self.side(n))]
        return pairs if len(pairs) == 2 and self.cluster.agents_connected() else []

    def peer_side(self, node: Node) -> Side | None:
        return next((s for n, s in self.sides() if n is not node), None)

    def colour(self, node: Node, observer: Node) -> str:
        """GREEN, YELLOW, RED, GRAY or BLUE, as `observer`'s agent knows it."""
        side = self.side(node)
        if side is None or (node is not observer and not self.cluster.agents_connected()):
            return "GRAY"
        if self.recovery:
            return "YELLOW"
        if len(self.mounted) == 2 and self.sides():
            return "BLUE"
        return {"NEW": "GRAY"}.get(side.mirror, side.mirror)

    def status(self, observer: Node) -> str:
        """The text behind `Mirror Status:`."""
        colours = [self.colour(n, observer) for n in self.cluster.nodes.values()]
        if "YELLOW" in colours:
            return "Recovering"
        if colours == ["GREEN", "GREEN"]:
            return "Normal"
        own, others = self.side(observer), [s for _, s in self.sides()]
        if own and own.mirror == "NEW" and all(s.mirror == "NEW" for s in others):
            return "No Construction"
        return self.cluster.switches.peer_gray_status if "GRAY" in colours else "Abnormal"

    def usable(self, node: Node) -> bool:
        """Whether the group may start here: local GREEN, or just initialised, or the source of a running copy."""
        side = self.side(node)
        if side is None:
            return False
        return side.mirror == "GREEN" or (side.mirror == "NEW" and all(s.mirror == "NEW" for _, s in self.sides()))

    def difference(self, node: Node) -> int | str:
        """How many blocks this side knows its peer to lack: a number, or FULL."""
        side = self.side(node)
        if side is None:
            return 0
        return "FULL" if side.record["full"] else len(side.cp.marked())

    # --- the two sides meet and part ---

    def join(self) -> None:
        """Both agents see one another (again): compare what the two sides believe, and settle it."""
        pairs = self.sides()
        if not pairs or self.recovery:
            return
        a, b = (side for _, side in pairs)
        states = {a.mirror, b.mirror}
        if states == {"NEW"}:
            pass
        elif "NEW" in states:
            old, new = (a, b) if b.mirror == "NEW" else (b, a)
            old.set(outdated=True, full=True)
            new.set(mirror="RED")
        elif states == {"GREEN"}:
            self._both_green(a, b)
        elif states == {"GREEN", "RED"}:
            good, bad = (a, b) if a.mirror == "GREEN" else (b, a)
            # A bitmap counts from the moment at which both were equal; against another image it says nothing.
            good.set(outdated=True, full=good.record["full"] or good.record["pair"] != bad.record["pair"])
        self._noted("join")

    def _both_green(self, a: Side, b: Side) -> None:
        if a.record["pair"] != b.record["pair"] or (a.record["outdated"] and b.record["outdated"]):
            # Images of different histories, or both went on without the other: only the operator can choose.
            for side in (a, b):
                side.set(mirror="RED", outdated=True, full=True)
        elif a.record["outdated"]:
            b.set(mirror="RED")
        elif b.record["outdated"]:
            a.set(mirror="RED")

    def parted(self) -> None:
        """The sides no longer see one another. Where the group runs on, the mirror is split from now on."""
        if self.recovery:
            self.recovery.abort("the other side is gone")
        for node in self.cluster.nodes.values():
            side = self.side(node)
            if side and node.name in self.mounted and side.mirror == "GREEN":
                side.set(outdated=True)
        self._noted("parted")

    def alone(self, node: Node) -> None:
        """`node` gave up waiting for its peer: may it take its own side for the newest?"""
        side = self.side(node)
        if not side or node.name in self.mounted or side.mirror != "GREEN" or not side.record["peer_active"]:
            return
        if self.cluster.switches.stale_guard:
            side.set(mirror="RED")
            self.cluster.event(node, "mdagent", 7, f"{self.spec.name}: the peer was active when last seen.")
            self._noted("guarded")

    # --- changes of the data ---

    def mount(self, node: Node) -> None:
        """The group starts on `node`: raises Refused if the side or its file system is not usable."""
        side = self.side(node)
        if side is None or not self.usable(node):
            raise Refused(f"{self.spec.name}: the local side is not GREEN.")
        if not side.fs.readable():
            raise Refused(f"{self.spec.name}: mount failed, the data partition holds no file system.")
        if side.mirror == "NEW":
            peer = self.peer_side(node)
            side.set(mirror="GREEN", outdated=True, full=True)
            if peer:
                peer.set(mirror="RED")
        side.set(peer_active=False)
        self.mounted.add(node.name)
        if peer := self.peer_side(node):
            peer.set(peer_active=True)
        self.change(node, f"mount {node.name}", lambda tip: side.fs.mutate(tip, mounted=node.name))

    def umount(self, node: Node, quiesce: bool) -> None:
        """A clean umount; with `quiesce` this is the moment that a backup's image has to equal."""
        side = self.side(node)
        self.mounted.discard(node.name)
        if side is None:
            return
        self.change(node, f"umount {node.name}", lambda tip: side.fs.mutate(tip, mounted=None))
        if peer := self.peer_side(node):
            peer.set(peer_active=False)
        if quiesce:
            self._quiet(node, side, "stopped")

    def frozen_at(self, node: Node) -> None:
        """The file system on `node` has just been frozen: this, too, is a moment that an image may have to equal."""
        if side := self.side(node):
            self.change(node, f"freeze {node.name}", lambda tip: side.fs.mutate(tip, mounted=node.name, frozen=True))
            self._quiet(node, side, "frozen")

    def thawed_at(self, node: Node) -> None:
        if side := self.side(node):
            self.change(node, f"thaw {node.name}", lambda tip: side.fs.mutate(tip, mounted=node.name))

    def _quiet(self, node: Node, side: Side, how: str) -> None:
        self.quiesce = {
            "t": round(context.lab.clock.monotonic(), 4),
            "node": node.name,
            "lineage": side.fs.header()["lineage"],
            "digest": side.fs.digest(),
            "how": how,
        }
        self._noted("quiesce", **self.quiesce)

    def change(self, node: Node, operation: str, do: Callable[[str], list[int]]) -> list[int]:
        """Carry out one change of the file system on `node`'s disk and mirror the blocks that it touched."""
        side = self.side(node)
        if side is None:
            raise Refused(f"{self.spec.name}: no disk on {node.name}.")
        tip = self.cluster.tip(side.fs.header()["lineage"], operation)
        touched = do(tip)
        peer = self.peer_side(node)
        if peer and self.recovery and self.recovery.source is node:
            self.copy(side, peer, touched)  # what is pending among them is copied once more, which does no harm
        elif peer and side.mirror == peer.mirror == "GREEN" and self.undrained:
            side.cp.mark(touched)  # it waits in the queue, and nobody sees that
        elif peer and side.mirror == peer.mirror == "GREEN":
            self.copy(side, peer, touched)
        else:
            side.set(outdated=True)
            side.cp.mark(touched)
        self.cluster.note(
            "write", disk=self.spec.name, node=node.name, operation=operation, lineage=tip, blocks=len(touched)
        )
        return touched

    @staticmethod
    def copy(source: Side, dest: Side, numbers: list[int]) -> None:
        """Copy blocks of the data partition, by their numbers in it."""
        size = dest.fs.end - dest.fs.first
        for number in numbers:
            if number < size:
                dest.fs.blocks.put(dest.fs.first + number, source.fs.blocks.block(source.fs.first + number))

    # --- commands ---

    def break_(self, node: Node) -> None:
        """`clpmdctrl --break` on `node`: its side is RED and frozen from now on; Refused changes nothing."""
        side, peer, peer_node = self.side(node), self.peer_side(node), self.cluster.peer(node)
        if not self.cluster.licence:
            raise Refused("The license of replicator is not registered or has expired.")
        if side is None or peer is None:
            raise Refused(f"{self.spec.name}: the other server is not in a state to isolate from.")
        if self.recovery or side.mirror != "GREEN" or peer.mirror != "GREEN" or node.name in self.mounted:
            raise Refused(f"{self.spec.name}: the status of the mirror disk is invalid.")
        if peer_node.name in self.mounted and self.cluster.switches.break_while_online == "refused":
            raise Refused(f"{self.spec.name}: the mirror disk is active on the other server.")
        side.set(mirror="RED")
        peer.set(outdated=True)  # its bitmap is empty, as always while both are GREEN
        group = self.cluster.group_of(self.spec.name)
        self.breaks[node.name] = {
            "t": round(context.lab.clock.monotonic(), 4),
            "boot_id": node.host.boot_id,
            "quiet": all(s == "offline" for s in group.status.values()) or self._is_frozen(peer_node),
            "quiesce": self.quiesce,
        }
        self._noted("break", node=node.name)

    def _is_frozen(self, node: Node) -> bool:
        found = frozen(self, node)
        return found is not None and found.completed is not None

    def recover(self, reason: str, source: Node | None = None) -> Recovery:
        """Start the copy from the GREEN side to the RED one; with `source`, from that node whatever the colours."""
        pairs = self.sides()
        if not pairs:
            raise Refused(f"{self.spec.name}: the other server is not available.")
        if self.recovery:
            raise Refused(f"{self.spec.name}: mirror recovery is already running.")
        good = [p for p in pairs if p[1].mirror == "GREEN"]
        if source is not None:
            good = [p for p in pairs if p[0] is source]
        elif len(good) != 1 or {s.mirror for _, s in pairs} != {"GREEN", "RED"}:
            raise Refused(f"{self.spec.name}: the status of the mirror disk is invalid.")
        dest = next(p for p in pairs if p[0] is not good[0][0])
        if dest[0].name in self.mounted:
            raise Refused(f"{self.spec.name}: the destination of the copy is active.")
        if source is not None:
            full = good[0][1].record["pair"] != dest[1].record["pair"] or dest[1].record["outdated"]
            good[0][1].set(mirror="GREEN", outdated=True, full=full or good[0][1].record["full"])
            dest[1].set(mirror="RED", outdated=False)
        self.recovery = Recovery(self, *good[0], *dest, reason)
        self._noted("recovery", source=good[0][0].name, mode=self.recovery.mode, reason=reason)
        self.recovery.begin()
        return self.recovery

    def tick(self) -> None:
        """The mirror monitor looks: with automatic recovery it starts the copy that is due."""
        watching = any(
            n.daemon == "online" and n.monitors[self.spec.monitor] == "online" for n in self.cluster.nodes.values()
        )
        pairs = self.sides()
        if self.cluster.auto_recovery and watching and pairs and not self.recovery:
            green = [n for n, s in pairs if s.mirror == "GREEN"]
            red = [n for n, s in pairs if s.mirror == "RED" and n.name not in self.mounted]
            if len(green) == len(red) == 1:
                self.recover("monitor")

    def _noted(self, action: str, **fields: Any) -> None:
        nodes = self.cluster.nodes.values()
        colours = {n.name: self.colour(n, n) for n in nodes}
        fields = {"by" if k == "node" and action == "quiesce" else k: v for k, v in fields.items()}
        self.cluster.note("mirror", disk=self.spec.name, action=action, colours=colours, **fields)

    def dump(self) -> dict[str, Any]:
        nodes = list(self.cluster.nodes.values())
        up = next((n for n in nodes if n.agent == "up"), nodes[0])
        return {
            "status": self.status(up) if up.agent == "up" else None,
            "colours": {n.name: self.colour(n, up) for n in nodes},
            "bitmap": {n.name: self.difference(n) for n in nodes},
            "flags": {n.name: flag_of(self.cluster, n, self.spec) for n in nodes},
            "records": {n.name: (s.record.copy() if (s := self.side(n)) else None) for n in nodes},
            "lineage": {n.name: (s.fs.header()["lineage"] if (s := self.side(n)) and s.fs.readable() else None)
                        for n in nodes},
            "mounted": sorted(self.mounted),
            "recovery": self.recovery.dump() if self.recovery else None,
            "quiesce": self.quiesce,
            "breaks": self.breaks,
        }  # fmt: skip


def flag_of(cluster: Cluster, node: Node, spec: DiskSpec) -> str | None:
    """The backup flag of a node's disk, read from the attached volume itself: ON | OFF, None if there is none."""
    from .formatting import find_record

    if not cluster.switches.flag_on_partition:
        return node.root_flags.get(spec.name, "OFF")
    volume = node.host.attached(spec.device)
    record = find_record(volume.blocks, spec.name) if volume else None
    return record["flag"] if record else None
