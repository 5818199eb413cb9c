"""`systemctl`, `shutdown`, `reboot`, `poweroff`: what a script asks of systemd, with its outputs and exit codes."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from .. import context
from .socket import NodeCall, Result
from .units import ServiceUnit, TimerUnit

if TYPE_CHECKING:
    from .systemd import Service, Systemd

Unit = ServiceUnit | TimerUnit
VALUE_OPTIONS = ("-p", "--property", "-s", "--signal", "--kill-who", "--kill-whom", "-t", "--type", "--state", "-o")


def run(systemd: Systemd, call: NodeCall) -> Result:
    words, options, properties = [], set(), []
    args, number = call.argv[1:], signal.SIGTERM
    while args:
        arg = args.pop(0)
        if not arg.startswith("-"):
            words.append(arg)
            continue
        name, equals, value = arg.partition("=")
        if name[:2] in ("-p", "-s") and not name.startswith("--") and len(name) > 2:
            name, value, equals = name[:2], arg[2:].removeprefix("="), "="
        if name in VALUE_OPTIONS and not equals:
            value = args.pop(0) if args else ""
        options.add(name)
        if name in ("-p", "--property"):
            properties += value.split(",")
        if name in ("-s", "--signal"):
            number = _signal(value)
    if "--version" in options:
        return Result(0, f"systemd {systemd.version} ({systemd.version}-1.lab)\n+PAM +AUDIT +SELINUX\n")
    verb, names = (words[0] if words else "list-units"), words[1:]
    handler = VERBS.get(verb)
    if handler is None:
        return Result(1, "", f"Unknown command verb {verb}.\n")
    if verb in NEED_UNIT and not names:
        return Result(1, "", "Too few arguments.\n")
    return handler(systemd, names, {"options": options, "properties": properties, "signal": number})


def _signal(text: str) -> int:
    if text.isdigit():
        return int(text)
    return getattr(signal, text if text.startswith("SIG") else "SIG" + text, signal.SIGTERM)


def _full(name: str) -> str:
    return (
        name
        if "." in name.rsplit("/", 1)[-1] and name.endswith((".service", ".timer", ".target"))
        else name + ".service"
    )


def _find(systemd: Systemd, name: str) -> Service | Unit | None:
    full = _full(name)
    return systemd.services.get(full) or systemd.units.get(full)


def _state(unit: Service | Unit | None) -> str:
    if unit is None:
        return "inactive"
    if isinstance(unit, (ServiceUnit, TimerUnit)):
        return unit.state
    return "active" if unit.active else "inactive"


def _is_active(systemd: Systemd, names: list[str], how: dict) -> Result:
    states = [_state(_find(systemd, name)) for name in names]
    out = "" if how["options"] & {"-q", "--quiet"} else "".join(s + "\n" for s in states)
    return Result(0 if "active" in states else 3, out)


def _is_failed(systemd: Systemd, names: list[str], how: dict) -> Result:
    states = [_state(_find(systemd, name)) for name in names]
    out = "" if how["options"] & {"-q", "--quiet"} else "".join(s + "\n" for s in states)
    return Result(0 if "failed" in states else 1, out)


def _is_enabled(systemd: Systemd, names: list[str], how: dict) -> Result:
    out = err = ""
    enabled = False
    for name in names:
        unit = _find(systemd, name)
        if unit is None:
            err += f"Failed to get unit file state for {_full(name)}: No such file or directory\n"
        elif isinstance(unit, (ServiceUnit, TimerUnit)):
            out, enabled = out + "transient\n", True
        else:
            out, enabled = out + ("enabled\n" if unit.enabled else "disabled\n"), enabled or unit.enabled
    if how["options"] & {"-q", "--quiet"}:
        out = ""
    return Result(0 if enabled else 1, out, err)


def _enable(on: bool):
    def handler(systemd: Systemd, names: list[str], how: dict) -> Result:
        err = ""
        for name in names:
            service = systemd.services.get(_full(name))
            if service is None:
                err += f"Failed to {'enable' if on else 'disable'} unit: Unit file {_full(name)} does not exist.\n"
        if err:
            return Result(1, "", err)
        for name in names:
            service = systemd.services[_full(name)]
            systemd.enable(name, on)
            if "--now" in how["options"]:
                (systemd.start_service if on else systemd.stop_service)(service)
        return Result()

    return handler


def _daemon_reload(systemd: Systemd, names: list[str], how: dict) -> Result:
    systemd.reload()
    return Result()


def _start(systemd: Systemd, names: list[str], how: dict) -> Result:
    rc, err = 0, ""
    for name in names:
        unit = _find(systemd, name)
        if unit is None:
            return Result(5, "", f"Failed to start {_full(name)}: Unit {_full(name)} not found.\n")
        if isinstance(unit, (ServiceUnit, TimerUnit)):
            if unit.state not in ("active", "activating"):
                unit.start()
        elif not unit.active and systemd.start_service(unit) != 0:
            rc, err = 1, f"Job for {_full(name)} failed because the control process exited with error code.\n"
    return Result(rc, "", err)


def _stop(systemd: Systemd, names: list[str], how: dict) -> Result:
    rc, err = 0, ""
    for name in names:
        unit = _find(systemd, name)
        if unit is None:
            rc, err = 5, err + f"Failed to stop {_full(name)}: Unit {_full(name)} not loaded.\n"
        elif isinstance(unit, (ServiceUnit, TimerUnit)):
            if "--no-block" in how["options"] and isinstance(unit, ServiceUnit):
                context.lab.timers.after(0, lambda u=unit: _in_thread(u.stop))
            else:
                unit.stop()
        elif unit.active:
            systemd.stop_service(unit)
    return Result(rc, "", err)


def _in_thread(fn) -> None:
    import threading

    threading.Thread(target=fn, daemon=True).start()


def _restart(systemd: Systemd, names: list[str], how: dict) -> Result:
    stopped = _stop(systemd, names, how)
    return _start(systemd, names, how) if stopped.rc in (0, 5) else stopped


def _kill(systemd: Systemd, names: list[str], how: dict) -> Result:
    for name in names:
        unit = _find(systemd, name)
        if not isinstance(unit, ServiceUnit) or not unit.pid:
            return Result(1, "", f"Failed to kill unit {_full(name)}: Unit {_full(name)} not loaded.\n")
        unit.kill(how["signal"])
    return Result()


def _reset_failed(systemd: Systemd, names: list[str], how: dict) -> Result:
    with systemd.lock:
        wanted = [_full(n) for n in names]
        for full in wanted:
            if full not in systemd.units and full not in systemd.services:
                return Result(1, "", f"Failed to reset failed state of unit {full}: Unit {full} not loaded.\n")
        for full, unit in list(systemd.units.items()):
            if unit.state == "failed" and (not wanted or full in wanted):
                unit.state, unit.sub, unit.result = "inactive", "dead", "success"  # type: ignore[union-attr]
                unit.unload()  # type: ignore[union-attr]
    return Result()


def properties(systemd: Systemd, name: str) -> dict[str, str]:
    """What `systemctl show` knows of a unit, loaded or not."""
    full, unit = _full(name), _find(systemd, name)
    out = {"Id": full, "Names": full, "LoadState": "loaded" if unit else "not-found", "ActiveState": _state(unit)}
    out["SubState"] = "dead"
    if isinstance(unit, TimerUnit):
        return out | {
            "SubState": unit.sub,
            "Result": "success",
            "Unit": unit.service.name,
            "AccuracyUSec": _span(unit.accuracy),
            "NextElapseUSecMonotonic": _span(unit.due - systemd.machine._boot_started),
            "UnitFileState": "transient",
            "Transient": "yes",
        }
    out |= {"Result": "success", "ExecMainPID": "0", "MainPID": "0", "ExecMainStatus": "0", "ExecMainCode": "0"}
    if isinstance(unit, ServiceUnit):
        limit = "infinity" if unit.runtime_max is None else _span(unit.runtime_max)
        return out | {
            "Type": unit.type,
            "Description": unit.description,
            "SubState": unit.sub,
            "Result": unit.result,
            "ExecMainStatus": str(unit.rc),
            "ExecMainCode": "0" if unit.state in ("active", "activating") else "1",
            "ExecMainPID": str(unit.pid),
            "MainPID": str(unit.pid),
            "RuntimeMaxUSec": limit,
            "UnitFileState": "transient",
            "Transient": "yes",
        }
    if unit is not None:
        return out | {
            "Description": unit.description,
            "SubState": "running" if unit.active else "dead",
            "UnitFileState": "enabled" if unit.enabled else "disabled",
            "Transient": "no",
        }
    return out


def _span(seconds: float) -> str:
    return f"{seconds:g}s"


def _show(systemd: Systemd, names: list[str], how: dict) -> Result:
    blocks = []
    for name in names:
        known = properties(systemd, name)
        # A property that a unit does not have is left out, without an error.
        wanted = {p: known[p] for p in how["properties"] if p in known} if how["properties"] else known
        bare = "--value" in how["options"]
        blocks.append("".join(f"{v}\n" if bare else f"{k}={v}\n" for k, v in wanted.items()))
    return Result(0, "\n".join(blocks))


def _status(systemd: Systemd, names: list[str], how: dict) -> Result:
    out, rc = "", 0
    for name in names:
        known = properties(systemd, name)
        if known["LoadState"] == "not-found":
            return Result(4, out, f"Unit {_full(name)} could not be found.\n")
        out += f"● {known['Id']} - {known.get('Description', known['Id'])}\n"
        out += f"     Loaded: loaded ({known.get('UnitFileState', '')})\n"
        out += f"     Active: {known['ActiveState']} ({known['SubState']})\n"
        rc = rc if known["ActiveState"] == "active" else 3
    return Result(rc, out)


def _list_units(systemd: Systemd, names: list[str], how: dict) -> Result:
    rows = [(s.name, "loaded", _state(s), "running", s.description) for s in systemd.services.values() if s.active]
    rows += [
        (u.name, "loaded", u.state, u.sub, getattr(u, "description", u.name)) for u in list(systemd.units.values())
    ]
    rows = [r for r in sorted(rows) if not names or any(re.fullmatch(_glob(n), r[0]) for n in names)]
    head = "" if how["options"] & {"--no-legend", "--plain"} else "UNIT LOAD ACTIVE SUB DESCRIPTION\n"
    tail = "" if how["options"] & {"--no-legend"} else f"\n{len(rows)} loaded units listed.\n"
    return Result(0, head + "".join(" ".join(r) + "\n" for r in rows) + tail)


def _list_timers(systemd: Systemd, names: list[str], how: dict) -> Result:
    clock = context.lab.clock
    timers = [u for u in list(systemd.units.values()) if isinstance(u, TimerUnit)]
    timers = [t for t in timers if not names or any(re.fullmatch(_glob(n), t.name) for n in names)]
    rows = "".join(f"{t.due - clock.monotonic():.0f}s left {t.name} {t.service.name}\n" for t in timers)
    if "--no-legend" in how["options"]:
        return Result(0, rows)
    return Result(0, f"LEFT UNIT ACTIVATES\n{rows}\n{len(timers)} timers listed.\n")


def _glob(text: str) -> str:
    text = text if "*" in text else _full(text)
    return re.escape(text).replace(r"\*", ".*")


def _power(reboot: bool):
    def handler(systemd: Systemd, names: list[str], how: dict) -> Result:
        systemd.machine.os_shutdown(reboot)
        return Result()

    return handler


VERBS = {
    "is-active": _is_active,
    "is-failed": _is_failed,
    "is-enabled": _is_enabled,
    "enable": _enable(True),
    "disable": _enable(False),
    "start": _start,
    "stop": _stop,
    "restart": _restart,
    "kill": _kill,
    "reset-failed": _reset_failed,
    "show": _show,
    "status": _status,
    "list-units": _list_units,
    "list-timers": _list_timers,
    "poweroff": _power(False),
    "halt": _power(False),
    "reboot": _power(True),
    "daemon-reload": _daemon_reload,
}
NEED_UNIT = frozenset(
    ("is-active", "is-enabled", "enable", "disable", "start", "stop", "restart", "kill", "show", "status")
)


def shutdown(systemd: Systemd, call: NodeCall) -> Result:
    """`shutdown [-h|-r|-P|-H|-c] [now|+minutes] [message]`; without a time it is +1."""
    flags = {a for a in call.argv[1:] if a.startswith("-")}
    words = [a for a in call.argv[1:] if not a.startswith("-")]
    if flags - {"-h", "-r", "-P", "-H", "-c", "--poweroff", "--reboot", "--halt", "--no-wall", "-k"}:
        return Result(1, "", f"shutdown: unrecognized option '{sorted(flags)[0]}'\n")
    if "-c" in flags:
        systemd.machine.cancel_shutdown()
        return Result()
    when = words[0] if words else "+1"
    match = re.fullmatch(r"now|\+?(\d+)", when)
    if not match:
        return Result(1, "", f"Failed to parse time specification: {when}\n")
    systemd.machine.os_shutdown(bool(flags & {"-r", "--reboot"}), 60.0 * int(match.group(1) or 0))
    return Result()


def power(systemd: Systemd, call: NodeCall, *, reboot: bool) -> Result:
    """`reboot`, `poweroff`, `halt`; with -f twice nothing is shut down in order, which the lab does not offer."""
    if any(a in ("-f", "--force", "-ff") for a in call.argv[1:]):
        return Result(1, "", f"{call.name}: --force is not modelled by the lab\n")
    systemd.machine.os_shutdown(reboot)
    return Result()
