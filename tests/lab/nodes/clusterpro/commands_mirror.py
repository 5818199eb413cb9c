"""clpmdstat and clpmdctrl."""

from __future__ import annotations

import contextlib

from ... import context
from ..socket import Result
from .cluster import Node, Refused
from .commands import Cli, command, lock, options
from .mirror import Mirror

RULE = "-" * 60
# [likely] the exit code is built of the two colours; only what is above 125 is an error
CODES = {"GREEN": 1, "YELLOW": 2, "RED": 3, "GRAY": 4, "BLUE": 5}


LATE = 3.0  # lab seconds after the command's success, with the switch break_while_online


def _breaks_late(mirror: Mirror, node: Node) -> None:
    with context.lab.lock, contextlib.suppress(Refused):  # the state has changed meanwhile
        mirror.break_(node)


def _mirror(c: Cli, name: str | None) -> Mirror:
    if name is None:
        raise Refused("A mirror disk resource name is needed.", 127)
    mirror = c.cluster.mirrors.get(name)
    if mirror is None:
        raise Refused(f"Invalid mirror disk resource name ({name}).", 127)
    return mirror


@command("clpmdstat")
def clpmdstat(c: Cli) -> Result:
    """`--mirror|-m NAME`: the state as this node's mirror agent knows it."""
    try:
        given, rest = options(c.args, {}, {"--mirror": "mirror", "-m": "mirror"})
    except Refused as error:
        raise Refused(error.text, 126) from None
    if rest or "mirror" not in given:
        raise Refused("usage: clpmdstat {-m | --mirror} mirrordisk-name", 126)
    with lock():
        mirror = _mirror(c, given["mirror"])
        if c.node.agent != "up":
            raise Refused("The mirror agent is not running.", 128)
        return _mirror_status(c, mirror)


def _mirror_status(c: Cli, mirror: Mirror) -> Result:
    switches = c.cluster.switches
    nodes = list(c.cluster.nodes.values())
    if switches.columns == "local_first":
        nodes.sort(key=lambda n: n is not c.node)
    colours = [mirror.colour(n, c.node) for n in nodes]

    def row(label: str, *cells: str) -> str:
        if switches.layout == "seed":
            return " ".join([label, *cells])
        return f" {label:<20}" + "".join(f"{cell:<17}" for cell in cells)

    names = [n.name for n in nodes]
    status = mirror.status(c.node)
    lines = [f"Mirror Status: {status}", row(mirror.spec.name, *names), RULE, row("Mirror Color", *colours)]
    recovery = mirror.recovery
    if recovery and switches.recovery_details and "YELLOW" in colours:
        used = int(context.lab.clock.monotonic() - recovery.started)
        lines += [
            "",
            "Recovery Status Value",
            RULE,
            "Status: Recovering",
            f"Direction: {recovery.source.name} --> {recovery.dest.name}",
            f"Percent: {recovery.percent}%",
            f"Used Time: {used // 3600:02}:{used // 60 % 60:02}:{used % 60:02}",
            f"Copy Type: {recovery.mode}",
        ]
    elif status == "Abnormal":
        lines += ["", row("", *names).strip(), RULE, row("Disk Error", *("NO ERROR" for _ in nodes))]
        total = [(s.fs.end - s.fs.first) if (s := mirror.side(n)) else 1 for n in nodes]
        shares = []
        for node, blocks in zip(nodes, total, strict=True):
            count = mirror.difference(node)
            shares.append("100%" if count == "FULL" else f"{-(-int(count) * 100 // blocks)}%")
        lines.append(row("Difference Percent", *shares))
    rc = 16 * CODES[colours[0]] + CODES[colours[1]] if switches.mdstat_rc == "coded" else 0
    return Result(rc, "\n".join(lines) + "\n")


@command("clpmdctrl")
def clpmdctrl(c: Cli) -> Result:
    """`--break NAME`, `--recovery NAME`, `--force SOURCE NAME`."""
    modes = {
        "--break": "break",
        "-b": "break",
        "--recovery": "recovery",
        "-r": "recovery",
        "--force": "force",
        "-f": "force",
    }
    given, rest = options(c.args, modes, {})
    if len(given) != 1 or len(rest) != (2 if "force" in given else 1):
        raise Refused("usage: clpmdctrl {--break | --recovery} disk | --force source-server disk", 2)
    name = rest[-1]
    if "break" in given:
        c.work(context.lab.timing.mirror_break)
    with lock():
        mirror = c.cluster.mirrors.get(name)
        if mirror is None:
            raise Refused(f"{name}: Invalid mirror disk resource name.", 3)
        if c.node.agent != "up":
            raise Refused(f"{name}: The mirror agent is not running.", 4)
        if "break" in given:
            if c.cluster.switches.break_while_online == "late" and c.cluster.peer(c.node).name in mirror.mounted:
                context.lab.timers.after(LATE, lambda: _breaks_late(mirror, c.node))
            else:
                mirror.break_(c.node)
            return Result(0, f"{name}: Isolated completed successfully\n")
        source = None
        if "force" in given:
            source = c.cluster.nodes.get(rest[0])
            if source is None:
                raise Refused(f"Invalid server name ({rest[0]}).", 5)
        recovery = mirror.recover("command", source)
    if c.cluster.switches.recovery_waits:
        c.wait(recovery.ended)
        if not recovery.complete:
            raise Refused(f"{name}: Mirror recovery was interrupted.", 6)
    return Result(0, f"{name}: Recovery started successfully\n")
