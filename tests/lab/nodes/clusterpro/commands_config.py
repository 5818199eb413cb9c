"""clpcfget and clplogcmd: reading the configuration, writing to the event log."""

from __future__ import annotations

from typing import Any

from ..socket import Result
from .cluster import Refused
from .commands import SUCCEEDED, Cli, command, lock, options


def tree(c: Cli) -> dict[str, Any]:
    """The part of clp.conf that the lab knows, as nested mappings; `md@md1` is the element md with the name md1."""
    root: dict[str, Any] = {"cluster": {"name": c.cluster.spec.name}, "resource": {}, "group": {}, "server": {}}
    for i, node in enumerate(c.cluster.spec.nodes):
        root["server"][f"server@{node}"] = {"priority": str(i)}
    for group in c.cluster.groups.values():
        root["group"][f"group@{group.spec.name}"] = {
            "start": "1" if group.spec.auto_start else "0",
            "policy": {f"policy@{n}": {"order": str(i)} for i, n in enumerate(group.spec.nodes)},
        }
    for disk in c.cluster.spec.disks:
        # The local server's values where servers differ, as the command prints them.
        parameters = {
            "fullcopy": "1" if c.cluster.fullcopy else "0",
            "diskdev": {
                "dppath": disk.data_partition[c.node.name],
                "cppath": disk.cluster_partition[c.node.name],
            },
        }
        root["resource"][f"md@{disk.name}"] = {"parameters": parameters}
    return root


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
    given, rest = options(c.args, {"--syslog": "syslog", "--alert": "alert"}, {"-m": "text", "-i": "id", "-l": "level"})
    if rest or "text" not in given or not given.get("id", "1").isdigit():
        raise Refused("usage: clplogcmd -m message [-i id] [-l level]", 2)
    with lock():
        c.cluster.event(c.node, "logcmd", int(given.get("id", "1")), given["text"])
    return Result(0, SUCCEEDED)
