"""clpgrp, clpmonctrl and clpcl: groups, monitors, the cluster service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..shell_commands import host_tool
from ..socket import Exec, Result
from .cluster import Node, Refused
from .commands import SUCCEEDED, Cli, command, lock, options
from .groups import Group, Transition


def _local_daemon(c: Cli) -> None:
    if c.node.daemon != "online":
        text = "waiting for cluster synchronization" if c.node.daemon == "waiting" else "check if the cluster is active"
        raise Refused(f"Could not connect to the server: {text}.", 12 if c.node.daemon == "waiting" else 10)


def _server(c: Cli, name: str | None) -> Node:
    if name is None:
        return c.node
    node = c.cluster.nodes.get(name)
    if node is None:
        raise Refused(f"Invalid server name ({name}).", 202)
    return node


def _group(c: Cli, name: str) -> Group:
    if name not in c.cluster.groups:
        raise Refused(f"Invalid group name ({name}).", 6)
    return c.cluster.groups[name]


@command("clpgrp")
def clpgrp(c: Cli) -> Result:
    """`-s|-t [GROUP] [-h NODE] [-f]`, `-m GROUP -a NODE`, `-n GROUP`."""
    given, rest = options(c.args, {"-s": "start", "-t": "stop", "-n": "where", "-m": "move", "-f": "force"},
                          {"-h": "host", "-a": "to"})  # fmt: skip
    verbs = [v for v in ("start", "stop", "where", "move") if v in given]
    if len(verbs) != 1 or len(rest) > 1 or (verbs[0] in ("where", "move") and not rest):
        raise Refused("usage: clpgrp {-s | -t} [group] [-h server] [-f] | -m group [-a server] | -n group", 2)
    verb = verbs[0]
    with lock():
        _local_daemon(c)
        node = _server(c, given.get("host"))
        if node is not c.node and not c.node.peer_seen:
            raise Refused(f"Could not connect to the server {node.name}.", 200)
        groups = [_group(c, rest[0])] if rest else list(c.cluster.groups.values())
        if verb == "where":
            return Result(0, "".join(f"{name}\n" for name in _where(c, groups[0])))
    if verb == "move":
        _finish(c, [_begin(c, "stop", groups[0], c.node, given)])
        with lock():
            target = _server(c, given.get("to")) if "to" in given else c.cluster.peer(c.node)
        _finish(c, [_begin(c, "start", groups[0], target, given)])
        return Result(0, SUCCEEDED)
    with _alone(c):
        _finish(c, _begin_all(c, verb, groups, node, given, named=bool(rest)))
    return Result(0, SUCCEEDED)


@contextmanager
def _alone(c: Cli) -> Iterator[None]:
    """Where orders do not go side by side, one is refused on a node on which another one runs."""
    with lock():
        if c.node.orders and not c.cluster.switches.orders_beside:
            raise Refused("The other command is running.", 9)
        c.node.orders += 1
    try:
        yield
    finally:
        with lock():
            c.node.orders -= 1


def _where(c: Cli, group: Group) -> list[str]:
    """The nodes on which the group runs, as this node's daemon knows it."""
    view = c.cluster.group_control.view
    return [n.name for n in c.cluster.nodes.values() if view(c.node, n, group) == "online"]


def _begin_all(c: Cli, verb: str, groups: list[Group], node: Node, given: dict, named: bool) -> list[Transition]:
    """Without a name the command acts on all groups: those that it can act on, at least one."""
    begun, refusals = [], []
    for group in groups:
        try:
            begun.append(_begin(c, verb, group, node, given))
        except Refused as error:
            refusals.append(error)
    if refusals and (named or not begun):
        raise refusals[0]
    return begun


def _begin(c: Cli, verb: str, group: Group, node: Node, given: dict) -> Transition:
    with lock():
        control = c.cluster.group_control
        if verb == "start":
            return control.start(group, node)
        peer = c.cluster.peer(node)
        if group.status[node.name] == "offline" and control.view(c.node, peer, group) not in ("offline", "unknown"):
            if c.cluster.switches.remote_group_needs_force and not given.get("force"):
                raise Refused(f"{group.spec.name}: the group is active on the other server.", 9)
            if "host" not in given:
                node = peer
        return control.stop(group, node)


def _finish(c: Cli, transitions: list[Transition]) -> None:
    for transition in transitions:
        c.wait(transition.done)
    failed = [t.problem for t in transitions if t.problem]
    if failed:
        raise Refused(f"The request has failed: {failed[0]}.", 8)


@command("clpmonctrl")
def clpmonctrl(c: Cli) -> Result:
    """`-s|-r [-h NODE] [-m MONITOR]`: suspend or resume. Exit codes: see clusterpro.md."""
    given, rest = options(c.args, {"-s": "suspend", "-r": "resume"}, {"-h": "host", "-m": "monitor"})
    if rest or ("suspend" in given) == ("resume" in given):
        raise Refused("usage: clpmonctrl {-s | -r} [-h server] [-m monitor]", 2)
    with lock():
        node = _server(c, given.get("host"))
        if node is not c.node:
            host_up = node.host.state == "up" and c.cluster.link
            if not host_up:
                raise Refused(f"Could not connect to the server {node.name}.", 200)
        if node.daemon == "waiting":
            raise Refused("Waiting for synchronization of the cluster.", 12)
        if node.daemon != "online":
            raise Refused("The cluster has not been activated.", 10)
        if "monitor" in given and given["monitor"] not in node.monitors:
            raise Refused(f"Monitor resource {given['monitor']} is not registered.", 5)
        names = [given["monitor"]] if "monitor" in given else list(node.monitors)
        for name in names:
            node.monitors[name] = "suspended" if "suspend" in given else "online"
        c.cluster.note("monitors", node=node.name, monitors=dict(node.monitors), by=c.node.name)
    return Result(0, SUCCEEDED)


@command("clpcl")
def clpcl(c: Cli) -> Result | Exec:
    """`-s|-t [-h NODE | -a]`: start or stop the cluster service."""
    given, rest = options(c.args, {"-s": "start", "-t": "stop", "-a": "all"}, {"-h": "host"})
    if rest or ("start" in given) == ("stop" in given) or ("all" in given and "host" in given):
        raise Refused("usage: clpcl {-s | -t} [-a | -h server]", 2)
    verb = "Start" if "start" in given else "Stop"
    with lock():
        nodes = list(c.cluster.nodes.values()) if "all" in given else [_server(c, given.get("host"))]
        for node in nodes:
            if node is not c.node and not (node.host.state == "up" and c.cluster.link):
                raise Refused(f"Could not connect to the server {node.name}.", 200)
            if verb == "Stop" and node.daemon == "stopped":
                raise Refused(f"{verb} {node.name} : The cluster service is not running.", 9)
            if verb == "Start" and node.daemon != "stopped":
                raise Refused(f"{verb} {node.name} : The cluster service is already running.", 9)
        if verb == "Start":
            for node in nodes:
                c.cluster.daemons.start(node)
    if verb == "Stop":
        for node in nodes:
            c.cluster.daemons.leave(node)
            with lock():
                c.cluster.daemons.agent_down(node)
    said = "".join(f"{verb} {n.name} : {SUCCEEDED}" for n in nodes)
    shell = host_tool("sh")
    if verb == "Start" and c.cluster.switches.clpcl_leaves_child and shell:
        return Exec(shell, ["sh", "-c", 'sleep 3600 & printf %s "$1"', "clpcl", said])
    return Result(0, said)
