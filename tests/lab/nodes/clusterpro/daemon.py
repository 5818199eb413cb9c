"""The cluster's life on its nodes: boot, waiting for the peer, heartbeat, failover, leaving in good order or not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ... import context
from .cluster import Node, Refused
from .opening import open_sides

if TYPE_CHECKING:
    from .cluster import Cluster

POLL = 0.02  # real seconds between looks at what another thread does


class Daemons:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._stopped = False

    # --- power ---

    def boot(self, node: Node) -> None:
        """The OS has come up: start what is set to start."""
        with context.lab.lock:
            node.life += 1
            node.last_stop = ""
            for group in self.cluster.groups.values():
                # its power went while there was nobody to notice: nothing runs on a node that has just booted
                if group.status[node.name] != "offline":
                    self.cluster.group_control.force_off(group, node)
            self.cluster.note("boot", node=node.name, boot_id=node.host.boot_id)
            if not node.host.service_enabled("clusterpro_md"):
                return
            self.agent_up(node)
            if not node.host.service_enabled("clusterpro"):
                return
            if not node.clean and not self.cluster.switches.start_after_hard_stop:
                self.cluster.event(node, "cl", 18, "The cluster service does not start after a system down.")
                return
            self.start(node)

    def shutdown(self, node: Node) -> None:
        """The OS goes down in good order: blocks for as long as the groups take to stop."""
        self.leave(node)
        with context.lab.lock:
            node.last_stop = "graceful"
            node.life += 1
            self.agent_down(node)

    def power_off(self, node: Node) -> None:
        """The power is gone. What ran here stays `online` in the peer's eyes until its heartbeat times out."""
        with context.lab.lock:
            peer = self.cluster.peer(node)
            node.last_stop = node.last_stop or "hard"  # `graceful` if the shutdown had come to its end before
            node.life += 1
            known = node.daemon == "online" and peer.daemon == "online" and peer.peer_seen
            self._daemon(node, "stopped")
            self.agent_down(node)
            if known:
                life, seconds = peer.life, context.lab.timing.heartbeat_timeout
                context.lab.timers.after(seconds, lambda: self._timeout(peer, life, node.life))
            else:
                for group in self.cluster.groups.values():
                    if group.status[node.name] != "offline":
                        self.cluster.group_control.force_off(group, node)
            self._forget_if_all_down()

    # --- mirror agent ---

    def agent_up(self, node: Node) -> None:
        if node.agent == "up":
            return
        node.agent = "up"
        node.host.service_active("clusterpro_md", True)
        open_sides(self.cluster, node)
        self.cluster.note("agent", node=node.name, state="up")
        self._meet()

    def agent_down(self, node: Node) -> None:
        if node.agent == "down":
            return
        for mirror in self.cluster.mirrors.values():
            mirror.mounted.discard(node.name)
        node.agent = "down"
        node.host.service_active("clusterpro_md", False)
        for mirror in self.cluster.mirrors.values():
            mirror.parted()
        node.sides, node.troubles = {}, {}
        self.cluster.note("agent", node=node.name, state="down")

    def _meet(self) -> None:
        if self.cluster.agents_connected():
            for mirror in self.cluster.mirrors.values():
                mirror.join()

    # --- daemon ---

    def _daemon(self, node: Node, state: str) -> None:
        node.daemon = state
        node.ready = False
        if state in ("stopped", "waiting"):
            node.peer_seen = False
            node.monitors = dict.fromkeys(node.monitors, "offline")
        node.host.service_active("clusterpro", state != "stopped")
        self.cluster.note("daemon", node=node.name, state=state)

    def start(self, node: Node) -> None:
        """Start the cluster service; Refused if it runs already."""
        if node.daemon != "stopped":
            raise Refused(f"{node.name}: the cluster service is already running.", 9)
        self.agent_up(node)
        node.clean = False
        self._daemon(node, "waiting")
        life = node.life
        timing = context.lab.timing
        context.lab.timers.after(timing.cluster_start, lambda: self._ready(node, life))
        context.lab.timers.after(timing.cluster_start + timing.peer_wait, lambda: self._waited(node, life))

    def _ready(self, node: Node, life: int) -> None:
        with context.lab.lock:
            if node.life == life and node.daemon == "waiting":
                node.ready = True
                self.form()

    def _waited(self, node: Node, life: int) -> None:
        with context.lab.lock:
            if node.life != life or node.daemon != "waiting":
                return
            self.cluster.event(node, "cl", 4, "Gave up waiting for the other server.")
            for mirror in self.cluster.mirrors.values():
                if not mirror.sides():
                    mirror.alone(node)
            self._online(node)
            self.cluster.group_control.auto_start()

    def form(self) -> None:
        """Whoever waits and finds its peer comes online with it."""
        if not self.cluster.link:
            return
        nodes = list(self.cluster.nodes.values())
        waiting = [n for n in nodes if n.daemon == "waiting" and n.ready]
        if not waiting or any(n not in waiting and n.daemon != "online" for n in nodes):
            return
        for node in waiting:
            peer = self.cluster.peer(node)
            if peer.daemon == "online" and peer.peer_seen:
                self._lost(peer)  # it was away for so short a time that the heartbeat had not timed out
        for node in waiting:
            self._online(node)
        for node in nodes:
            node.peer_seen = True
        self.cluster.note("formed", nodes=[n.name for n in nodes])
        self.cluster.group_control.auto_start()

    def _online(self, node: Node) -> None:
        self._daemon(node, "online")
        # A suspension does not survive: monitors start with the daemon [seed].
        node.monitors = dict.fromkeys(node.monitors, "online")
        self.cluster.note("monitors", node=node.name, monitors=dict(node.monitors))

    def leave(self, node: Node) -> None:
        """Stop the cluster service in good order: groups stop, and move to the peer where its mirror allows. Blocks."""
        control = self.cluster.group_control
        with context.lab.lock:
            if node.daemon == "stopped":
                return
            life, was_online = node.life, node.daemon == "online"
            self._daemon(node, "stopping")
            mine = [g for g in self.cluster.groups.values() if g.status[node.name] != "offline"]
        for group in control.in_stop_order(mine):
            self._stop_group(node, group, life)
        with context.lab.lock:
            if node.life != life:
                return
            peer = self.cluster.peer(node)
            for group in mine:
                if group.status[node.name] != "offline":
                    control.force_off(group, node)
            self._daemon(node, "stopped")
            node.clean = True
            known, peer.peer_seen = peer.peer_seen, False
            moved = [g.spec.name for g in mine if not g.stopped_by_operator]
            if was_online and known and peer.daemon == "online" and moved:
                control.take_over(peer, moved)
            self._forget_if_all_down()

    def _stop_group(self, node: Node, group: object, life: int) -> None:
        """Stop one group as the service goes down; a failing umount is tried again, then given up."""
        control = self.cluster.group_control
        for _ in range(3):
            while True:  # a start or stop that is under way ends first
                with context.lab.lock:
                    if node.life != life or group.status[node.name] == "offline":
                        return
                    busy = group.status[node.name] in ("starting", "stopping")
                    transition = None if busy else control.stop(group, node, by_operator=False)
                if transition:
                    break
                threading.Event().wait(POLL)
            while not transition.done.wait(POLL):
                if node.life != life:
                    return

    # --- heartbeat ---

    def heartbeat(self, up: bool) -> None:
        """Cut or mend what the nodes see of one another: heartbeat and mirror connect, both of them."""
        with context.lab.lock:
            if up == self.cluster.link:
                return
            self.cluster.link = up
            self.cluster.note("link", up=up)
            nodes = list(self.cluster.nodes.values())
            if not up:
                for mirror in self.cluster.mirrors.values():
                    mirror.parted()
                for node in nodes:
                    if node.daemon == "online" and node.peer_seen:
                        peer, life = self.cluster.peer(node), node.life
                        context.lab.timers.after(
                            context.lab.timing.heartbeat_timeout,
                            lambda n=node, life=life, p=peer.life: self._timeout(n, life, p),
                        )
                return
            self._meet()
            if all(n.daemon == "online" for n in nodes):
                for node in nodes:
                    node.peer_seen = True
                self.cluster.note("formed", nodes=[n.name for n in nodes])
            self.form()

    def _timeout(self, node: Node, life: int, peer_life: int) -> None:
        with context.lab.lock:
            peer = self.cluster.peer(node)
            if node.life != life or not node.peer_seen:
                return
            if peer.life == peer_life and not (self.cluster.link and peer.daemon == "online"):
                self._lost(node)

    def _lost(self, node: Node) -> None:
        """`node` knows now that its peer is gone: it takes over what was online there."""
        peer = self.cluster.peer(node)
        node.peer_seen = False
        control, cut = self.cluster.group_control, not self.cluster.link
        self.cluster.event(node, "cl", 3, f"Server {peer.name} has stopped.")
        names = [
            g.spec.name for g in self.cluster.groups.values() if g.status[peer.name] in ("online", "starting", "error")
        ]
        if peer.daemon != "online":
            for group in self.cluster.groups.values():
                if group.status[peer.name] != "offline":
                    group.stopped_by_operator = group.status[peer.name] == "stopping"
                    control.force_off(group, peer)
        if not cut or peer.daemon != "online" or self.cluster.switches.partition_failover:
            control.take_over(node, names)

    def _forget_if_all_down(self) -> None:
        """That a group was stopped by command is remembered only while some daemon lives."""
        if all(n.daemon == "stopped" for n in self.cluster.nodes.values()):
            for group in self.cluster.groups.values():
                group.stopped_by_operator = False

    # --- monitors ---

    def begin_monitoring(self) -> None:
        self._tick()

    def stop_monitoring(self) -> None:
        self._stopped = True

    def _tick(self) -> None:
        if self._stopped:
            return
        with context.lab.lock:
            for mirror in self.cluster.mirrors.values():
                mirror.tick()
        context.lab.timers.after(context.lab.timing.monitor_interval, self._tick)
