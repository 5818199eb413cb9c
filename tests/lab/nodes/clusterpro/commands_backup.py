"""clpbackup.sh, clprestore.sh and clpsvcctrl.sh: outputs are the seed's, to the letter."""

from __future__ import annotations

from dataclasses import replace

from ... import context
from ..socket import Result
from .cluster import Refused, services_auto
from .commands import SUCCEEDED, Cli, command, lock, options
from .host import SERVICES
from .opening import BLANK, MISSING, WRONG, destroy, inspect, locate
from .partition import ClusterPartition

PARTS = ("--no-shutdown", "--no-reboot", "--only-shutdown", "--only-reboot")  # [seen], their exact effect [likely]


# How another version might say the same.
OTHER_WORDS = {
    "Beginning backup-mode.": "Backup mode begins.",
    "All backup flags have set to <ON>.": "Backup flag of every disk: on.",
    "Changing the setting of cluster services to Manual Startup.": "The services start manually from now on.",
    "Shutting down...": "The server is going down.",
}


def _said(c: Cli, result: Result) -> Result:
    if c.cluster.switches.script_words == "other":
        for seed, other in OTHER_WORDS.items():
            result = replace(result, out=result.out.replace(seed, other))
    return result


def _parse(c: Cli, flags: dict[str, str]) -> dict[str, bool]:
    given, rest = options(c.args, {"--pre": "pre", "--post": "post", **{p: p for p in PARTS}, **flags}, {})
    if rest or ("pre" in given) == ("post" in given):
        raise Refused(f"usage: {c.name} {{--pre | --post}}", 2)
    return given


def set_services(c: Cli, auto: bool) -> None:
    for service in SERVICES:
        c.node.host.set_service(service, auto)
    c.cluster.note("services", node=c.node.name, mode="auto" if auto else "manual")


def set_flags(c: Cli, value: str) -> None:
    """Set the backup flag of every mirror disk of this node; the paths have been checked before."""
    for spec in c.cluster.spec.disks:
        if c.cluster.switches.flag_on_partition:
            side = c.node.sides.get(spec.name) if c.node.agent == "up" else None
            if side:
                side.set(flag=value)
            else:
                found = locate(c.node, spec)
                assert found is not None
                found[0].update(flag=value)
        else:
            c.node.root_flags[spec.name] = value
        c.cluster.note("flag", node=c.node.name, disk=spec.name, flag=value)


def go_down(c: Cli, reboot: bool, why: str) -> None:
    """Order the OS's shutdown. Not under the lock: the machine may have to wait for its own."""
    c.call.last_words()
    c.cluster.note("ordered", node=c.node.name, reboot=reboot, why=why, boot_id=c.node.host.boot_id,
                   command_id=c.call.env.get("LAB_COMMAND_ID", ""))  # fmt: skip
    c.node.host.os_shutdown(reboot)


def _all_usable(c: Cli) -> None:
    bad = [s.name for s in c.cluster.spec.disks if s.name not in c.node.sides]
    if bad:
        raise Refused(f"Failed to set the backup flag of mirror disk {', '.join(bad)}.", 5)


@command("clpbackup.sh")
def clpbackup(c: Cli) -> Result:
    given = _parse(c, {"--online": "online"})
    if "online" in given:
        raise Refused("Invalid option --online.", 2)  # newer versions only
    return _said(c, _backup_pre(c, given) if "pre" in given else _backup_post(c, given))


def _backup_pre(c: Cli, given: dict[str, bool]) -> Result:
    half = context.lab.timing.backup_mode / 2
    if "--only-shutdown" in given:
        go_down(c, False, "clpbackup.sh --pre")
        return Result(0, "clpbackup.sh : Shutting down...\n" + SUCCEEDED + "clpbackup.sh : " + SUCCEEDED)

    def check() -> None:
        if c.node.daemon != "online":
            raise Refused("The cluster is not active.", 10)
        active = [g.spec.name for g in c.cluster.groups.values() if g.status[c.node.name] != "offline"]
        if active:
            raise Refused(f"Failover group {active[0]} is active on this server.", 9)
        _all_usable(c)

    with lock():
        check()
    c.work(half)
    with lock():
        check()
        set_flags(c, "ON")
    out = "clpbackup.sh : Beginning backup-mode.\nAll backup flags have set to <ON>.\n"
    c.work(half)
    with lock():
        set_services(c, auto=False)
    out += "clpbackup.sh : Changing the setting of cluster services to Manual Startup.\n"
    if "--no-shutdown" not in given:
        go_down(c, False, "clpbackup.sh --pre")
        out += "clpbackup.sh : Shutting down...\n" + SUCCEEDED
    return Result(0, out + "clpbackup.sh : " + SUCCEEDED)


def _stopped(c: Cli, agent: bool) -> None:
    if c.node.daemon != "stopped" or (agent and c.node.agent != "down"):
        raise Refused("The cluster service or the mirror agent is running.", 9)


def _backup_post(c: Cli, given: dict[str, bool]) -> Result:
    half = context.lab.timing.backup_mode / 2
    if "--only-reboot" in given:
        go_down(c, True, "clpbackup.sh --post")
        return Result(0, "clpbackup.sh : Rebooting...\n")
    with lock():
        _stopped(c, agent=True)
    out = "clpbackup.sh : Starting Mirror Agent.\n"
    c.work(half)
    with lock():
        _stopped(c, agent=True)
        for spec in c.cluster.spec.disks:
            problem = inspect(c.node, spec)
            if problem == WRONG and c.cluster.switches.wrong_disk == "destroy":
                destroy(c.cluster, c.node, spec)
            if problem:
                c.cluster.event(c.node, "mdagent", 5, f"Failed to load the resource({spec.name}): {problem}.")
                err = f"clpbackup.sh : Failed to set the backup flag of mirror disk {spec.name}.\n"
                return Result(5, out + SUCCEEDED + "clpbackup.sh : Ending backup-mode.\n", err)
        set_flags(c, "OFF")
    out += SUCCEEDED + "clpbackup.sh : Ending backup-mode.\nAll backup flags have set to <OFF>.\n"
    c.work(half)
    with lock():
        set_services(c, auto=True)
    out += "clpbackup.sh : Changing the setting of cluster services to Auto Startup.\n"
    out += "clpbackup.sh : Stopping Mirror Agent.\n" + SUCCEEDED
    if "--no-reboot" not in given:
        go_down(c, True, "clpbackup.sh --post")
        out += "clpbackup.sh : Rebooting...\n"
    return Result(0, out)


@command("clprestore.sh")
def clprestore(c: Cli) -> Result:
    given = _parse(c, {"--skip-copy": "skip"})
    if "pre" in given and "skip" in given:
        raise Refused("Invalid option --skip-copy.", 2)
    return _said(c, _restore_pre(c, given) if "pre" in given else _restore_post(c, given))


def _restore_pre(c: Cli, given: dict[str, bool]) -> Result:
    with lock():
        busy = [g.spec.name for g in c.cluster.groups.values() if g.on()]
        if busy:
            raise Refused(f"Failover group {busy[0]} is active.", 9)
    c.work(context.lab.timing.backup_mode)
    with lock():
        if [g for g in c.cluster.groups.values() if g.on()]:
            raise Refused("A failover group is active.", 9)
        set_services(c, auto=False)
    out = "clprestore.sh : Changing the setting of cluster services to Manual Startup.\n"
    if "--no-shutdown" not in given:
        go_down(c, False, "clprestore.sh --pre")
        out += "clprestore.sh : Shutting down...\n" + SUCCEEDED
    return Result(0, out + "clprestore.sh : " + SUCCEEDED)


def _restore_post(c: Cli, given: dict[str, bool]) -> Result:
    skip = "skip" in given
    with lock():
        c.cluster.note("restore_post", node=c.node.name, skip_copy=skip, fullcopy=c.cluster.fullcopy)
    c.work(context.lab.timing.backup_mode)
    with lock():
        _stopped(c, agent=False)
        if c.cluster.fullcopy and c.cluster.switches.fullcopy_guard:
            names = ", ".join(s.name for s in c.cluster.spec.disks)
            raise Refused(f"Initial mirror construction of {names} is set to on. Set it to off and try again.", 7)
        out = "Mirror info will be set as default.\n"
        done, failure = _initialise(c, skip)
        out += done
        if failure:
            return Result(5, out, failure)
        out += "Initializing mirror disk complete.\n"
        set_services(c, auto=True)
    out += "clprestore.sh : Changing the setting of cluster services to Auto Startup.\n"
    if "--no-reboot" not in given:
        go_down(c, True, "clprestore.sh --post")
        out += "clprestore.sh : Rebooting...\n"
    return Result(0, out)


def _initialise(c: Cli, skip: bool) -> tuple[str, str]:
    """Write fresh cluster partitions. (output, failure); on a failure nothing was written."""
    out = ""
    problems = {s.name: inspect(c.node, s) for s in c.cluster.spec.disks}
    for name, problem in problems.items():
        if problem in (MISSING, BLANK) or (problem == WRONG and c.cluster.switches.wrong_disk == "gray"):
            return "", f"The main handle on initializing mirror disk <{name}> failed.\n"
    for spec in c.cluster.spec.disks:
        if problems[spec.name] == WRONG:
            destroy(c.cluster, c.node, spec)  # it is initialised all the same: the command cannot tell
        found = locate(c.node, spec)
        assert found is not None
        cp: ClusterPartition = found[0]
        if skip:
            cp.initialise(mirror="GREEN", pair="initialised")
        else:
            cp.initialise(mirror="NEW")
        c.cluster.note("initialised", node=c.node.name, disk=spec.name, skip_copy=skip)
        out += f"The main handle on initializing mirror disk <{spec.name}> success.\n"
    return out, ""


@command("clpsvcctrl.sh")
def clpsvcctrl(c: Cli) -> Result:
    """`--enable|--disable -a`, `--enable|--disable core mgr …`, `--status`: start mode of the services [likely]."""
    flags = {"--enable": "enable", "--disable": "disable", "--status": "status", "-a": "all"}
    given, names = options(c.args, flags, {})
    if sum(k in given for k in ("enable", "disable", "status")) != 1:
        raise Refused("usage: clpsvcctrl.sh {--enable | --disable} {-a | <service>…} | --status", 2)
    if "status" not in given and not names and "all" not in given:
        raise Refused("Specify the services, or -a.", 2)
    with lock():
        if "status" in given:
            return Result(0, "auto\n" if services_auto(c.node.host) else "manual\n")
        set_services(c, auto="enable" in given)
    return Result(0, "clpsvcctrl.sh : " + SUCCEEDED)
