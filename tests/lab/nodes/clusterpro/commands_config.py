"""clpcfget and clplogcmd: reading the configuration, writing to the event log."""

from __future__ import annotations

from typing import Any

from ..socket import Result
from .cluster import Refused
from .commands import SUCCEEDED, Cli, command, lock, options
from .spec import DiskSpec, GroupSpec


def tree(c: Cli) -> dict[str, Any]:
    """The part of clp.conf that the lab knows, as nested mappings; `md@md1` is the element md with the name md1."""
    sections = ("resource", "monitor", "group", "server")
    root: dict[str, Any] = {"cluster": {"name": c.cluster.spec.name}, **{name: {} for name in sections}}
    for i, node in enumerate(c.cluster.spec.nodes):
        root["server"][f"server@{node}"] = {"priority": str(i)}
    for group in c.cluster.groups.values():
        root["group"][f"group@{group.spec.name}"] = {
            "start": "1" if group.spec.auto_start else "0",
            "policy": {f"policy@{n}": {"order": str(i)} for i, n in enumerate(group.spec.nodes)},
            **_dependencies(group.spec),
        }
    for disk in c.cluster.spec.disks:
        root["resource"][f"md@{disk.name}"] = _mirror_disk(c, disk)
        root["monitor"][f"mdw@{disk.monitor}"] = {"parameters": {"object": disk.name}}
        root["monitor"][f"mdnw@{disk.connect_monitor}"] = {"parameters": {"object": disk.name}}
    for n in range(c.cluster.spec.other_monitors):
        limit = {"polling": {"timeout": "30" if n == 2 else "120"}} if n else {}
        root["monitor"][f"genw@genw-of-the-application-{n:02}"] = limit
    if c.cluster.switches.monitor_types_listed:
        kinds = {each.split("@")[0] for each in root["monitor"]}
        root["monitor"] |= {f"types@{kind}": {} for kind in sorted(kinds)}
    for name in c.cluster.spec.hybrid_disks:
        root["resource"][f"hd@{name}"] = {"parameters": {}}
    return root


def _dependencies(group: GroupSpec) -> dict[str, Any]:
    """The groups that it waits for. Without any the element is not there."""
    waits = {"act": group.start_after, "deact": group.stop_after}
    depend = {when: {f"depend@{each}": {} for each in others} for when, others in waits.items() if others}
    return {"depend": depend} if depend else {}


def _mirror_disk(c: Cli, disk: DiskSpec) -> dict[str, Any]:
    """What has its default is not in clp.conf, but for `fullcopy`, which the seed's cluster sets."""

    def paths(node: str) -> dict[str, Any]:
        return {"diskdev": {"dppath": disk.data_partition[node], "cppath": disk.cluster_partition[node]}}

    first = c.cluster.spec.nodes[0]
    raw = c.cluster.switches.clpcfget_servers == "raw"
    parameters: dict[str, Any] = {
        "fullcopy": "1" if c.cluster.fullcopy else "0",
        "nmppath": f"/dev/NMP{c.cluster.spec.disks.index(disk) + 1}",
        **paths(first if raw else c.node.name),
    }
    if disk.asynchronous:
        parameters["mddriver"] = {"syncmode": "0", "sendqueuesize": "2048"}
    element: dict[str, Any] = {"parameters": parameters}
    if c.cluster.switches.group_stop_failure == "error":
        element["deact"] = {"action": "1"}
    for node in c.cluster.spec.nodes if raw else ():
        if paths(node) != paths(first):
            element[f"server@{node}"] = {"parameters": paths(node)}
    return element


@command("clpcfget")
def clpcfget(c: Cli) -> Result:
    """`-g PATH`: one value; `-e PATH`: the names of the elements below it."""
    if not c.cluster.switches.clpcfget:
        return Result(127, "", "clpcfget: command not found\n")
    given, rest = options(c.args, {"-g": "get", "-e": "elements"}, {})
    if len(given) != 1 or len(rest) != 1 or not rest[0].startswith("/root"):
        raise Refused("usage: clpcfget {-g | -e} /root/path", 2)
    with lock():
        at: Any = tree(c)
    for name in rest[0].removeprefix("/root").strip("/").split("/"):
        if "elements" in given and isinstance(at, dict) and name and name not in at:
            below = [k.split("@", 1)[1] for k in at if k.startswith(name + "@")]
            if below:
                return Result(0, "".join(f"{n}\n" for n in below))
        if name:
            at = at.get(name) if isinstance(at, dict) else None
    if "get" in given and isinstance(at, str):
        return Result(0, at + "\n")
    if "elements" in given and isinstance(at, dict):
        return Result(0, "".join(f"{n}\n" for n in at))
    raise Refused(f"{rest[0]}: no such element.", 1)


@command("clplogcmd")
def clplogcmd(c: Cli) -> Result:
    """`-m MESSAGE [-i ID] [-l ERR|WARN|INFO] [--syslog] [--alert]`: a line in the event log."""
    if not c.cluster.switches.clplogcmd:
        return Result(127, "", "clplogcmd: command not found\n")
    given, rest = options(c.args, {"--syslog": "syslog", "--alert": "alert"}, {"-m": "text", "-i": "id", "-l": "level"})
    if rest or "text" not in given or not given.get("id", "1").isdigit():
        raise Refused("usage: clplogcmd -m message [-i id] [-l level]", 2)
    with lock():
        c.cluster.event(c.node, "logcmd", int(given.get("id", "1")), given["text"])
    return Result(0, SUCCEEDED)
