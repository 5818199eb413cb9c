"""Failover groups: start, stop, failover.

Transitions are the daemon's: they go on when the command that asked is killed, and end for ever when the power goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ... import context
from .cluster import Node, Refused
from .filesystem import FileSystemError
from .freezing import frozen
from .spec import GroupSpec

if TYPE_CHECKING:
    from .cluster import Cluster


FROZEN = 0.1  # lab seconds between two looks at whether a frozen file system can be unmounted
OTHERS = 0.1  # the same, at whether the groups that it waits for are there


@dataclass
class Group:
    """`status` by node: offline | starting | online | stopping | error."""

    spec: GroupSpec
    status: dict[str, str]
    stopped_by_operator: bool = False  # remembered as long as one daemon is online

    def on(self) -> list[str]:
        """The nodes on which it is not offline."""
        return [n for n, s in self.status.items() if s != "offline"]

    def dump(self) -> dict[str, Any]:
        return {"status": dict(self.status), "disks": self.spec.disks, "stopped_by_operator": self.stopped_by_operator}


@dataclass
class Transition:
    """A start or stop on its way; `done` is set at its end, `problem` says what went wrong ("" = nothing)."""

    node: Node
    life: int
    problem: str = ""
    done: threading.Event = field(default_factory=threading.Event)

    def end(self, problem: str = "") -> None:
        self.problem = problem
        self.done.set()


@dataclass
class Waiting:
    """A start or stop that waits for other groups."""

    group: Group
    transition: Transition
    ready: Callable[[], bool]
    looks: int = 0


class Groups:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def _set(self, group: Group, node: Node, status: str) -> None:
        previous, group.status[node.name] = group.status[node.name], status
        if previous != status:
            self.cluster.note("group", group=group.spec.name, node=node.name, status=status, previous=previous)

    def view(self, observer: Node, node: Node, group: Group) -> str:
        """The group's status on `node` as `observer`'s daemon knows it."""
        if node is not observer and not observer.peer_seen:
            return "unknown"
        return group.status[node.name]

    # --- start ---

    def start(self, group: Group, node: Node, by_operator: bool = True) -> Transition:
        """Begin to start `group` on `node`; Refused changes nothing. It may wait for other groups first."""
        if node.daemon != "online":
            raise Refused(f"{group.spec.name}: the cluster is not active on {node.name}.", 10)
        if node.name not in group.spec.nodes:
            raise Refused(f"{group.spec.name}: {node.name} is not in its failover policy.")
        own, elsewhere = group.status[node.name], self.view(node, self.cluster.peer(node), group)
        if own in ("starting", "stopping") or elsewhere in ("starting", "stopping"):
            raise Refused(f"{group.spec.name}: the group is busy.", 9)
        if own == "online":
            raise Refused(f"{group.spec.name}: the group has already been started.", 9)
        if elsewhere in ("online", "error"):
            raise Refused(f"{group.spec.name}: the group has already been started on the other server.", 9)
        if own == "error":
            raise Refused(f"{group.spec.name}: the group has failed; stop it first.", 9)
        for disk in group.spec.disks:
            if not self.cluster.mirrors[disk].usable(node):
                raise Refused(f"{group.spec.name}: mirror disk {disk} is not in a state to be activated.", 11)
        transition = Transition(node, node.life)
        group.stopped_by_operator = False
        self._set(group, node, "starting")
        waits = group.spec.start_after if not by_operator or self.cluster.switches.group_start_waits else []
        others = [self.cluster.groups[name] for name in waits]
        waiting = Waiting(group, transition, lambda: all("online" in each.status.values() for each in others))
        self._await_others(
            waiting, context.lab.timing.group_start, lambda: self._started(group, transition), ("offline", 17)
        )
        return transition

    def _await_others(
        self, waiting: Waiting, seconds: float, then: Callable[[], None], cancelled: tuple[str, int]
    ) -> None:
        """Go on after `seconds` once the other groups are there. After `group_wait` the start or stop is cancelled.

        `cancelled`: the status from then on, and the number of the event.
        """
        with context.lab.lock:
            group, node = waiting.group, waiting.transition.node
            status, event = cancelled
            if node.life != waiting.transition.life:
                waiting.transition.end("the server went down")
            elif waiting.ready():
                context.lab.timers.after(seconds, then)
            elif waiting.looks * OTHERS >= context.lab.timing.group_wait:
                self.cluster.event(node, "rc", event, f"Waiting for other groups: {group.spec.name} is cancelled.")
                self._set(group, node, status)
                waiting.transition.end("the groups that it waits for are not there")
            else:
                waiting.looks += 1
                context.lab.timers.after(OTHERS, lambda: self._await_others(waiting, seconds, then, cancelled))

    def _started(self, group: Group, transition: Transition) -> None:
        node = transition.node
        with context.lab.lock:
            if node.life != transition.life or group.status[node.name] != "starting":
                transition.end("the server went down")
                return
            mounted = []
            try:
                for disk in group.spec.disks:
                    self.cluster.mirrors[disk].mount(node)
                    mounted.append(disk)
            except (Refused, FileSystemError) as error:
                for disk in mounted:
                    self.cluster.mirrors[disk].umount(node, quiesce=False)
                self.cluster.event(node, "rc", 12, f"Failed to start group {group.spec.name}: {error}")
                self._set(group, node, "error")
                transition.end(str(error))
                return
            self._set(group, node, "online")
            transition.end()

    # --- stop ---

    def stop(self, group: Group, node: Node, by_operator: bool = True) -> Transition:
        """Begin to stop `group` on `node`. The file systems are unmounted at its end: that is the quiesce point."""
        if node.daemon not in ("online", "stopping"):
            raise Refused(f"{group.spec.name}: the cluster is not active on {node.name}.", 10)
        status = group.status[node.name]
        if status == "offline":
            raise Refused(f"{group.spec.name}: the group has already been stopped.", 9)
        if status in ("starting", "stopping"):
            raise Refused(f"{group.spec.name}: the group is busy.", 9)
        transition = Transition(node, node.life)
        self._set(group, node, "stopping")
        # When the cluster's service leaves, the daemon stops them in their order (in_stop_order).
        waits = group.spec.stop_after if by_operator and self.cluster.switches.group_stop_waits else []
        others = [self.cluster.groups[name] for name in waits]
        waiting = Waiting(group, transition, lambda: not any(each.on() for each in others))
        seconds = context.lab.timing.group_stop
        self._await_others(waiting, seconds, lambda: self._stopped(group, transition, by_operator), (status, 27))
        return transition

    def in_stop_order(self, groups: list[Group]) -> list[Group]:
        """As a stop of the cluster takes them: each after those for whose stop it waits."""
        left, ordered = list(groups), []
        while left:
            names = {each.spec.name for each in left}
            free = [each for each in left if not names & set(each.spec.stop_after)] or left  # a circle: as they come
            ordered += free
            left = [each for each in left if each not in free]
        return ordered

    def _stopped(self, group: Group, transition: Transition, by_operator: bool) -> None:
        node, switches = transition.node, self.cluster.switches
        with context.lab.lock:
            if node.life != transition.life or group.status[node.name] != "stopping":
                transition.end("the server went down")
                return
            mounts = [self.cluster.mirrors[d] for d in group.spec.disks]
            if any(frozen(mirror, node) for mirror in mounts):
                # What is blocked in a write keeps the file system busy: the stop goes on once it is thawed.
                context.lab.timers.after(FROZEN, lambda: self._stopped(group, transition, by_operator))
                return
            busy = [d for d in group.spec.disks if node.name in self.cluster.mirrors[d].mounted]
            if busy and switches.umount_failures:
                switches.umount_failures -= 1
                self.cluster.event(node, "rc", 22, f"Failed to stop group {group.spec.name}: umount: target is busy")
                self._set(group, node, "error")
                transition.end("umount failed")
                if switches.group_stop_failure == "shutdown" and by_operator:
                    node.host.os_shutdown(False)
                return
            for disk in busy:
                self.cluster.mirrors[disk].umount(node, quiesce=True)
            group.stopped_by_operator = by_operator
            self._set(group, node, "offline")
            transition.end()

    def force_off(self, group: Group, node: Node) -> None:
        """The OS goes down under a group that would not stop: its file systems are not unmounted."""
        for disk in group.spec.disks:
            self.cluster.mirrors[disk].mounted.discard(node.name)
        self._set(group, node, "offline")

    # --- by itself ---

    def auto_start(self) -> None:
        """After a daemon has come online: start what is offline everywhere and set to start."""
        online = [n for n in self.cluster.nodes.values() if n.daemon == "online"]
        for group in self.cluster.groups.values():
            if not group.spec.auto_start or group.on():
                continue
            if group.stopped_by_operator and not self.cluster.switches.stopped_group_starts_on_rejoin:
                continue
            self._start_somewhere(group, online)

    def take_over(self, node: Node, names: list[str]) -> None:
        """`node` takes the groups of its lost or leaving peer, if its mirror allows."""
        for name in names:
            self._start_somewhere(self.cluster.groups[name], [node])

    def fail_over(self, group: Group, node: Node) -> None:
        """A monitor finds the application dead: the group stops, and starts on the other node, or else here."""
        transition = self.stop(group, node, by_operator=False)
        context.lab.timers.after(context.lab.timing.group_stop + 0.1, lambda: self._goes_on(group, transition))

    def _goes_on(self, group: Group, transition: Transition) -> None:
        with context.lab.lock:
            if not transition.done.is_set() or transition.problem:
                return
            for node in (self.cluster.peer(transition.node), transition.node):
                if not group.on():
                    self._start_somewhere(group, [node])

    def _start_somewhere(self, group: Group, candidates: list[Node]) -> None:
        refusals = []
        for node in sorted((n for n in candidates if n.name in group.spec.nodes),
                           key=lambda n: group.spec.nodes.index(n.name)):  # fmt: skip
            try:
                self.start(group, node, by_operator=False)
                return
            except Refused as error:
                refusals.append((node, error.text))
        for node, text in refusals:
            self.cluster.event(node, "rc", 13, f"Group {group.spec.name} cannot start here: {text}")
