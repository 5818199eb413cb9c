"""clpstat: the cluster as the local daemon knows it. Names are cut to 16 characters unless `--long` is given."""

from __future__ import annotations

from ..socket import Result
from .cluster import Node, Refused
from .commands import Cli, command, lock, options

WIDTH = 16
RULE = " " + "=" * 70
GROUP = {
    "online": "Online",
    "offline": "Offline",
    "starting": "Online Pending",
    "stopping": "Offline Pending",
    "error": "Online Failure",
}
MONITOR = {"online": "Normal", "suspended": "Suspend", "offline": "Offline"}


@command("clpstat")
def clpstat(c: Cli) -> Result:
    """`[-s] [-n | -g | -m | -i] [--long]`."""
    views = {"-s": "summary", "-n": "heartbeat", "-g": "groups", "-m": "monitors", "-i": "info", "--long": "long"}
    given, rest = options(c.args, views, {})
    kinds = [v for v in given if v not in ("long", "summary")]
    if rest or len(kinds) > 1:
        raise Refused("usage: clpstat [-s] [-n | -g | -m | -i] [--long]", 2)
    long = "long" in given or c.cluster.switches.long_names
    with lock():
        if c.node.daemon == "stopped" and c.cluster.switches.clpstat_when_stopped == "error":
            raise Refused("Could not connect to the server. Check if the cluster daemon is active.", 3)
        kind = kinds[0] if kinds else "summary"
        lines = {"summary": _summary, "heartbeat": _heartbeat, "groups": _groups, "monitors": _monitors, "info": _info}
        text = lines[kind](c, (lambda name: name) if long else (lambda name: name[:WIDTH]))
    return Result(0, "\n".join(text) + "\n")


def _server(c: Cli, node: Node) -> str:
    """Online | Pending | Offline, in the local daemon's opinion."""
    if c.node.daemon == "stopped":
        return "Offline"
    if node is c.node:
        return {"online": "Online", "waiting": "Pending", "stopping": "Pending"}[node.daemon]
    if c.node.peer_seen:
        return "Pending" if node.daemon == "stopping" else "Online"
    return "Pending" if node.daemon == "waiting" and c.cluster.link and node.host.state == "up" else "Offline"


def _group(c: Cli, group) -> tuple[str, str]:
    """Status and current server of a group, the local one first when it is on both."""
    view = c.cluster.group_control.view
    nowhere = c.cluster.switches.current_when_offline.replace("empty", "")
    for node in () if c.node.daemon == "stopped" else (c.node, c.cluster.peer(c.node)):
        status = view(c.node, node, group)
        if status not in ("offline", "unknown"):
            return GROUP[status], node.name
    return "Offline", nowhere


def _monitor(c: Cli, node: Node, name: str) -> str:
    if c.node.daemon == "stopped":
        return "Offline"
    if node is not c.node and not c.node.peer_seen:
        return "Unknown"
    return MONITOR[node.monitors[name]]


def _title(c: Cli, title: str, cut) -> list[str]:
    return [f" {f' {title} ':=^70}", f"  Cluster : {cut(c.cluster.spec.name)}"]


def _entry(mark: str, name: str, status: str, comment: str = "") -> str:
    return f"   {mark}{name + ' ':.<{WIDTH + 2}}: {status:<17}{comment}".rstrip()


def _summary(c: Cli, cut) -> list[str]:
    lines = [*_title(c, "CLUSTER STATUS", cut), "  <server>"]
    for node in c.cluster.nodes.values():
        status = _server(c, node)
        lines.append(_entry("*" if node is c.node else " ", cut(node.name), status, _comment(c, "サーバ")))
        heartbeat = "Normal" if status == "Online" else "Unknown"
        lines.append(f"      {'lankhb1':<15}: {heartbeat:<17}LAN Heartbeat")
    lines.append("  <group>")
    for group in c.cluster.groups.values():
        status, current = _group(c, group)
        lines.append(_entry(" ", cut(group.spec.name), status, _comment(c, "<受注> フェイルオーバグループ")))
        lines.append(f"      {'current':<15}: {cut(current)}".rstrip())
        lines += [f"      {cut(disk):<15}: {status}" for disk in group.spec.disks]
    lines.append("  <monitor>")
    for name in c.node.monitors:
        states = {_monitor(c, n, name) for n in c.cluster.nodes.values()}
        # One word for all servers: what is wrong with any of them shows.
        status = next((s for s in ("Suspend", "Offline", "Unknown") if s in states), "Normal")
        lines.append(_entry(" ", cut(name), status, _comment(c, "業務アプリケーションの監視リソース" * 4)))
    return [*lines, RULE]


def _comment(c: Cli, text: str) -> str:
    return text if c.cluster.spec.comments else ""


def _servers(c: Cli, cut) -> list[str]:
    nodes = enumerate(c.cluster.nodes.values())
    return [f"   {'*' if n is c.node else ' '}server{i} : {cut(n.name)}" for i, n in nodes]


def _heartbeat(c: Cli, cut) -> list[str]:
    lines = [*_title(c, "HEARTBEAT RESOURCE STATUS", cut), *_servers(c, cut), "   HB0 : lankhb1"]
    for i, node in enumerate(c.cluster.nodes.values()):
        status = _server(c, node)
        lines += [f"   [on server{i} : {status}]", "         HB    0", "   -------------"]
        for j, other in enumerate(c.cluster.nodes.values()):
            seen = "-" if status != "Online" else "o" if other is node or c.node.peer_seen else "x"
            lines.append(f"   server{j} : {seen}")
    return [*lines, RULE]


def _groups(c: Cli, cut) -> list[str]:
    lines = [*_title(c, "GROUP STATUS", cut), *_servers(c, cut), "   SERVER              0  1", "   " + "-" * 26]
    view = c.cluster.group_control.view
    # o online, e error, p pending, - offline; an unseen server's column is u
    marks = {"online": "o", "offline": "-", "starting": "p", "stopping": "p", "error": "e", "unknown": "u"}
    for group in c.cluster.groups.values():
        cells = "  ".join(marks[view(c.node, n, group)] for n in c.cluster.nodes.values())
        lines.append(f"   {cut(group.spec.name) + ' ':.<{WIDTH + 2}}: {cells}")
        lines += [f"     {cut(disk):<{WIDTH}}: {cells}" for disk in group.spec.disks]
    return [*lines, RULE]


def _monitors(c: Cli, cut) -> list[str]:
    lines = [*_title(c, "MONITOR RESOURCE STATUS", cut), *_servers(c, cut)]
    for number, name in enumerate(c.node.monitors):
        states = [_monitor(c, n, name) for n in c.cluster.nodes.values()]
        status = "Normal" if set(states) == {"Normal"} else "Caution"
        lines += [f"   Monitor{number} : [{cut(name)} : {status}]", "   " + "-" * 29]
        shown = {"Normal": "Online"}
        lines += [f"   server{i} [{'o' if s == 'Normal' else '-'}]: {shown.get(s, s)}" for i, s in enumerate(states)]
    return [*lines, RULE]


def _info(c: Cli, cut) -> list[str]:
    lines = [*_title(c, "CLUSTER INFORMATION", cut), "  [Cluster Name : " + cut(c.cluster.spec.name) + "]"]
    for i, node in enumerate(c.cluster.nodes.values()):
        lines.append(f"  [Server{i} : {cut(node.name)}]")
    for i, group in enumerate(c.cluster.groups.values()):
        lines += [f"  [Group{i} : {cut(group.spec.name)}]", "   Type : Failover",
                  f"   Startup Attribute : {'Auto Startup' if group.spec.auto_start else 'Manual Startup'}",
                  "   Startable Server : " + ", ".join(cut(n) for n in group.spec.nodes)]  # fmt: skip
    for disk in c.cluster.spec.disks:
        lines += [f"  [{cut(disk.name)}]", "   Type : md"]
        for node in c.cluster.spec.nodes:
            lines.append(f"   {cut(node)} : {disk.cluster_partition[node]} {disk.data_partition[node]}")
    return [*lines, RULE]
