"""The nine oracles of clusterpro.md, computed from the lab's own state and log, never from what the product says.

1 valid snapshots equal the quiesce point; 2 no residue; 3 no GREEN/GREEN with other bytes; 4 no unproved --skip-copy;
5 nothing destroyed or deleted; 6 never started stale, never online twice; 7 every path reaches 2; 8 a replayed --pre
causes no second shutdown; 9 no freeze of the product's outlasts LONGEST_PAUSE. 1, 3, 4, 5, 6, 8 and 9 are watched at
each change; 2 and 7 are asked for (`residue`).
"""

from __future__ import annotations

from typing import Any

from ... import context
from ...ec2.model import store
from .cluster import Cluster, Node, services_auto
from .formatting import find_files
from .freezing import still_frozen
from .mirror import Mirror, flag_of
from .verdicts import judge_snapshot

LONGEST_PAUSE = 10.0  # max_pause_seconds, where no configuration says otherwise
AFTER_COMPLETION = 0.5  # s that a thaw may take after the kernel has completed a freeze
VALID_TAG = "mirrorsnap:valid"


class Oracles:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.violations: list[dict[str, Any]] = []
        self.verdicts: dict[str, dict[str, Any]] = {}  # snapshot id -> verdict
        self.replays: dict[tuple[str, str], str] = {}  # (node, Run Command id) -> boot in which it ordered a shutdown
        self.fsr_as_found = self._fsr()
        cluster.watchers.append(self.on_change)
        context.lab.record.watch(self.on_record)

    def violate(self, oracle: int, text: str) -> None:
        if any(v["oracle"] == oracle and v["text"] == text for v in self.violations):
            return
        violation = {"oracle": oracle, "t": round(context.lab.clock.monotonic(), 4), "text": text}
        self.violations.append(violation)
        context.lab.record.add("oracle", **violation)

    # --- what is watched ---

    def on_change(self, what: str, fields: dict[str, Any]) -> None:
        """Each change of the cluster's model, with the lab's lock held."""
        if what == "destroyed":
            where = f"{', '.join(fields['paths'])} ({', '.join(fields['volumes'])})"
            self.violate(5, f"mirror {fields['disk']} on {fields['node']} destroyed {where}")
        elif what == "restore_post" and fields["skip_copy"]:
            self._skip_copy(fields)
        elif what == "ordered":
            self._ordered(fields)
        elif what == "group" and fields["status"] == "online":
            self._online(fields["group"])
        elif what == "freeze" and fields["action"] == "thawed":
            self._thawed(fields)
        elif what == "write" and fields["operation"].startswith("mount "):
            self._mounted(self.cluster.mirrors[fields["disk"]], self.cluster.nodes[fields["node"]])
        if what in ("mirror", "group"):
            self.same_bytes()

    def on_record(self, entry: dict[str, Any]) -> None:
        """Each entry of the log: snapshots as they are made, volumes as they are deleted, tags as they are written."""
        if entry["kind"] == "ec2" and entry["id"].startswith("snap-") and entry["previous"] is None:
            with context.lab.lock:
                self._snapshot(entry["id"])
        elif entry["kind"] == "ec2" and entry["id"].startswith("vol-") and entry["state"] in ("deleting", "deleted"):
            with context.lab.lock:
                volume = store.volumes.get(entry["id"])
                if volume is not None and volume.ever_attached:
                    self.violate(5, f"volume {entry['id']} was deleted though it had been attached to a node")
        elif entry["kind"] == "api" and entry["call"] == "ec2:CreateTags":
            with context.lab.lock:
                self.valid_snapshots()

    def same_bytes(self) -> None:
        """Oracle 3: a mirror that calls itself normal has the same bytes and the same history on both sides."""
        for mirror in self.cluster.mirrors.values():
            sides = mirror.sides()
            if mirror.recovery or [s.mirror for _, s in sides] != ["GREEN", "GREEN"]:
                continue
            if sides[0][1].fs.digest() != sides[1][1].fs.digest():
                tips = [s.fs.header()["lineage"] if s.fs.readable() else "unreadable" for _, s in sides]
                self.violate(3, f"{mirror.spec.name} is GREEN GREEN with different bytes ({' and '.join(tips)})")

    def _skip_copy(self, fields: dict[str, Any]) -> None:
        if fields["fullcopy"]:
            self.violate(4, f"--skip-copy on {fields['node']} with initial mirror construction on")
        for spec in self.cluster.spec.disks:
            volumes = [n.host.attached(spec.device) for n in self.cluster.nodes.values()]
            sources = {v.snapshot_id for v in volumes if v is not None}
            if None in volumes or len(sources) != 1 or not sources <= set(store.snapshots):
                self.violate(4, f"--skip-copy on {fields['node']}: {spec.name}'s volumes are not of one snapshot")
                continue
            files = [find_files(v.blocks, spec) for v in volumes]
            if None in files or len({f.digest() for f in files}) != 1:
                self.violate(4, f"--skip-copy on {fields['node']}: {spec.name}'s two images are no longer the same")

    def _ordered(self, fields: dict[str, Any]) -> None:
        """Oracle 8: one Run Command orders one shutdown, however often the agent runs it."""
        if not fields["why"].endswith("--pre") or not fields["command_id"]:
            return
        key = (fields["node"], fields["command_id"])
        first = self.replays.setdefault(key, fields["boot_id"])
        if first != fields["boot_id"]:
            self.violate(8, f"{fields['why']} ran again on {fields['node']} after its boot and shut it down again")

    def _thawed(self, fields: dict[str, Any]) -> None:
        """Oracle 9. What the kernel itself takes to complete a freeze cannot be shortened."""
        ours = fields["by"].startswith("mirrorsnap-")
        if ours and fields["seconds"] > LONGEST_PAUSE and fields["since_completed"] > AFTER_COMPLETION:
            self.violate(9, f"{fields['disk']} of {fields['node']} was frozen for {fields['seconds']} s")

    def _online(self, name: str) -> None:
        nodes = [n for n, s in self.cluster.groups[name].status.items()
                 if s == "online" and self.cluster.nodes[n].host.state in ("up", "shutting_down")]  # fmt: skip
        if len(nodes) > 1:
            self.violate(6, f"group {name} is online on both nodes")

    def _mounted(self, mirror: Mirror, node: Node) -> None:
        """A start on a side whose peer has changes that this side lacks is a start on stale data."""
        own = mirror.side(node)
        volume = self.cluster.peer(node).host.attached(mirror.spec.device)
        theirs = find_files(volume.blocks, mirror.spec) if volume is not None else None
        if own is None or theirs is None:
            return
        mine = self.cluster.parents.get(own.fs.header()["lineage"])  # the tip before this very mount
        other = theirs.header()["lineage"]
        tip = own.fs.header()["lineage"]
        if other not in (tip, mine) and not self.cluster.descends(tip, other):
            group = self.cluster.group_of(mirror.spec.name).spec.name
            self.violate(6, f"group {group} started on {node.name}: {mirror.spec.name} has newer data on the peer")

    def _snapshot(self, snapshot_id: str) -> None:
        snapshot = store.snapshots.get(snapshot_id)
        if snapshot is None:
            return
        verdict = judge_snapshot(self.cluster, snapshot)
        if verdict:
            self.verdicts[snapshot_id] = verdict
            context.lab.record.add("verdict", **verdict)

    def valid_snapshots(self) -> None:
        """Oracle 1: what is tagged valid was frozen and equals the quiesce point."""
        for snapshot_id, verdict in self.verdicts.items():
            snapshot = store.snapshots.get(snapshot_id)
            if snapshot is not None and snapshot.tags.get(VALID_TAG) == "true" and not verdict["frozen"]:
                self.violate(1, f"{snapshot_id} is tagged valid, yet {'; '.join(verdict['reasons'])}")

    # --- what is asked for ---

    def find_fsr(self) -> None:
        """Whatever is on now was on before any operation."""
        self.fsr_as_found = self._fsr()

    @staticmethod
    def _fsr() -> set[tuple[str, str]]:
        on = ("enabling", "optimizing", "enabled")
        return {key for key, restore in store.fsr.items() if getattr(restore, "state", "") in on}

    def residue(self) -> list[dict[str, Any]]:
        """Oracles 2 and 7: what is not as a normal cluster has it, now."""
        out: list[str] = []
        for node in self.cluster.nodes.values():
            if node.host.state != "up":
                out.append(f"{node.name} is {node.host.state}")
            if not services_auto(node.host):
                out.append(f"the cluster services of {node.name} do not start by themselves")
            if node.daemon != "online":
                out.append(f"the cluster service of {node.name} is {node.daemon}")
            out += [f"monitor {m} is suspended on {node.name}" for m, s in node.monitors.items() if s == "suspended"]
            for spec in self.cluster.spec.disks:
                if flag_of(self.cluster, node, spec) == "ON":
                    out.append(f"the backup flag of {spec.name} is ON on {node.name}")
        for mirror in self.cluster.mirrors.values():
            if not mirror.recovery and [s.mirror for _, s in mirror.sides()] != ["GREEN", "GREEN"]:
                out.append(f"{mirror.spec.name} is not GREEN GREEN")
        for group in self.cluster.groups.values():
            if list(group.status.values()).count("online") != 1:
                out.append(f"group {group.spec.name} is not online on one node: {group.status}")
        out += still_frozen(self.cluster)
        now = self._fsr()
        out += [f"fast snapshot restore of {s} in {az} was left on" for s, az in sorted(now - self.fsr_as_found)]
        out += [f"fast snapshot restore of {s} in {az} was switched off" for s, az in sorted(self.fsr_as_found - now)]
        t = round(context.lab.clock.monotonic(), 4)
        return [{"oracle": 2, "t": t, "text": text} for text in out]

    def report(self) -> dict[str, Any]:
        self.same_bytes()
        self.valid_snapshots()
        return {"violations": list(self.violations), "residue": self.residue(), "snapshots": dict(self.verdicts)}
