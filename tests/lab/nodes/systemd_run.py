"""`systemd-run`: makes a transient service, or a transient timer that starts one."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import timespan
from .socket import NodeCall, Result
from .units import ServiceUnit, TimerUnit

if TYPE_CHECKING:
    from .systemd import Systemd

SERVICE_PROPERTIES = frozenset(
    {
        *("RuntimeMaxSec", "TimeoutStartSec", "TimeoutStopSec", "TimeoutSec", "Type", "Description", "RemainAfterExit"),
        *("KillMode", "WorkingDirectory", "Environment", "CollectMode", "StandardOutput", "StandardError"),
        *("StandardInput", "User", "SyslogIdentifier", "SendSIGKILL", "DefaultDependencies", "Restart", "RestartSec"),
        *("StartLimitIntervalSec", "StartLimitBurst"),
    }
)
# The first of versions 219, 234, 236, 237 and 240 whose systemd-run knows the option or property: its parse_argv, and
# bus_append_unit_property_assignment, as they are at systemd's own tags. What is not here, 219 knows.
SINCE = {
    234: (
        *("--wait", "--no-block", "--no-ask-password", "-E"),
        *("RuntimeMaxSec", "Restart", "SyslogIdentifier", "Type", "Description", "RemainAfterExit", "WorkingDirectory"),
        *("StandardInput", "StandardOutput", "StandardError", "RandomizedDelaySec", "RemainAfterElapse"),
    ),
    236: ("--collect", "-G", "CollectMode"),
    237: (
        *("TimeoutStopSec", "TimeoutStartSec", "TimeoutSec", "RestartSec", "StartLimitIntervalSec", "StartLimitBurst"),
    ),
    240: ("--working-directory", "--same-dir", "-d", "-u"),
}
NEEDS = {name: version for version, names in SINCE.items() for name in names}
TIMER_PROPERTIES = frozenset(["AccuracySec", "RandomizedDelaySec", "RemainAfterElapse", "WakeSystem", "Description"])
WITH_VALUE = {
    "--unit": "unit", "-u": "unit", "--property": "property", "-p": "property", "--description": "description",
    "--timer-property": "timer_property", "--on-active": "on_active", "--on-boot": "on_boot", "--on-startup": "on_boot",
    "--setenv": "setenv", "-E": "setenv", "--service-type": "type", "--working-directory": "cwd",
}  # fmt: skip
FLAGS = {
    "--collect": "collect", "-G": "collect", "--no-block": "no_block", "--wait": "wait", "--quiet": "quiet",
    "-q": "quiet", "--remain-after-exit": "remain", "-r": "remain", "--no-ask-password": "ignored",
    "--system": "ignored", "--same-dir": "same_dir", "-d": "same_dir",
}  # fmt: skip


@dataclass
class Options:
    unit: str = ""
    description: str = ""
    cwd: str | None = None
    type: str = "simple"
    properties: dict[str, str] = field(default_factory=dict)
    timer_properties: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    on_active: str | None = None
    on_boot: str | None = None
    flags: set[str] = field(default_factory=set)
    argv: list[str] = field(default_factory=list)

    @property
    def timed(self) -> bool:
        return self.on_active is not None or self.on_boot is not None


class Refused(Exception):
    """What systemd-run prints before it ends with 1."""


def run(systemd: Systemd, call: NodeCall) -> Result:
    try:
        options = _parse(call, systemd.version)
        service = _service(systemd, call, options)
        if options.timed:
            return _timed(systemd, options, service)
        return _now(systemd, call, options, service)
    except Refused as refused:
        return Result(1, "", f"{refused}\n")


def _parse(call: NodeCall, version: int) -> Options:
    args, options = call.argv[1:], Options()
    while args:
        arg = args.pop(0)
        if arg == "--":
            break
        if not arg.startswith("-"):
            args.insert(0, arg)
            break
        name, equals, value = arg.partition("=") if arg.startswith("--") else (arg[:2], arg[2:], arg[2:])
        if NEEDS.get(name, 0) > version:
            raise Refused(_unknown(arg))
        if name in FLAGS and not equals:
            options.flags.add(FLAGS[name])
        elif name in WITH_VALUE:
            if not equals:
                if not args:
                    raise Refused(f"systemd-run: option '{name}' requires an argument")
                value = args.pop(0)
            _take(options, WITH_VALUE[name], value, call, version)
        else:
            raise Refused(_unknown(arg))
    options.argv = args
    if not args:
        raise Refused("Command line to execute required.")
    return options


def _unknown(option: str) -> str:
    """What getopt_long says of an option that it does not know."""
    long = option.startswith("--")
    return f"systemd-run: {f'unrecognized option {option!r}' if long else f'invalid option -- {option[1]!r}'}"


def _take(options: Options, what: str, value: str, call: NodeCall, version: int) -> None:
    if what in ("property", "timer_property"):
        name, equals, setting = value.partition("=")
        timer = what == "timer_property"
        if not equals:
            raise Refused(f"Not an assignment: {value}")
        if name not in (TIMER_PROPERTIES if timer else SERVICE_PROPERTIES) or NEEDS.get(name, 0) > version:
            raise Refused(f"Unknown assignment{f' {value}.' if version < 236 else f': {value}'}")
        (options.timer_properties if timer else options.properties)[name] = setting
    elif what == "setenv":
        name, equals, setting = value.partition("=")
        options.env[name] = setting if equals else call.env.get(name, "")
    else:
        setattr(options, what, value)


def _span(options: dict[str, str], name: str, default: float | None) -> float | None:
    if name not in options:
        return default
    try:
        return timespan.parse(options[name])
    except ValueError:
        raise Refused(f"Failed to parse {name}= parameter: {options[name]}") from None


def _service(systemd: Systemd, call: NodeCall, options: Options) -> ServiceUnit:
    props = options.properties
    kind = props.get("Type", options.type)
    if kind not in ("simple", "exec", "oneshot"):
        raise Refused(f"Failed to start transient service unit: Type={kind} is not modelled by the lab")
    program = options.argv[0]
    # systemd-run itself looks the program up, with its caller's PATH, and hands an absolute path on.
    found = shutil.which(program, path=call.env.get("PATH", ""))
    if not found:
        raise Refused(f"Failed to find executable {program}: No such file or directory")
    name = options.unit or f"run-r{secrets.token_hex(16)}"
    name = name.removesuffix(".service").removesuffix(".timer")
    env = dict(options.env)
    if "LAB_COMMAND_ID" in call.env:  # the lab's own mark of whose work this is: not systemd's, hence always passed on
        env["LAB_COMMAND_ID"] = call.env["LAB_COMMAND_ID"]
    for pair in props.get("Environment", "").split():
        key, _, value = pair.partition("=")
        env[key] = value
    restart = props.get("Restart", "no")
    if restart not in ("no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"):
        raise Refused(f"Failed to parse service restart specifier: {restart}")
    if kind == "oneshot" and restart in ("always", "on-success"):
        raise Refused(f"Service {name}.service has Restart= set to {restart}, which isn't allowed for Type=oneshot")
    stop = _span(props, "TimeoutStopSec", _span(props, "TimeoutSec", 90.0))
    return ServiceUnit(
        systemd,
        name + ".service",
        [found, *options.argv[1:]],
        options.description or props.get("Description") or " ".join([found, *options.argv[1:]]),
        type=kind,
        env=env,
        cwd=call.cwd if "same_dir" in options.flags else options.cwd or props.get("WorkingDirectory"),
        runtime_max=_span(props, "RuntimeMaxSec", None),
        start_timeout=_span(props, "TimeoutStartSec", _span(props, "TimeoutSec", None)),
        stop_timeout=stop if stop is not None else 86400.0 * 365,
        collect="collect" in options.flags or props.get("CollectMode") == "inactive-or-failed",
        remain="remain" in options.flags or props.get("RemainAfterExit") in ("yes", "true", "1", "on"),
        restart=restart,
        restart_after=_span(props, "RestartSec", 0.1) or 0.0,
        limit_interval=_span(props, "StartLimitIntervalSec", 10.0) or 0.0,
        limit_burst=int(props.get("StartLimitBurst", "5")),
        tag=props.get("SyslogIdentifier", ""),
        group=props.get("KillMode", "control-group") != "process",
    )


def _load(systemd: Systemd, *units: ServiceUnit | TimerUnit) -> None:
    """Take the names, or be refused: a unit that is loaded, even a failed one, keeps its name."""
    for unit in units:
        if unit.name in systemd.units or unit.name in systemd.services:
            kind = "timer" if isinstance(units[-1], TimerUnit) else "service"
            raise Refused(
                f"Failed to start transient {kind} unit: Unit {unit.name} was already loaded or has a fragment file."
            )
    for unit in units:
        systemd.units[unit.name] = unit


def _timed(systemd: Systemd, options: Options, service: ServiceUnit) -> Result:
    spans = {"on-active": options.on_active, "on-boot": options.on_boot}
    given = {k: v for k, v in spans.items() if v is not None}
    on_active, on_boot = (_span(given, k, None) for k in spans)
    accuracy = _span(options.timer_properties, "AccuracySec", 60.0)
    delay = _span(options.timer_properties, "RandomizedDelaySec", 0.0)
    name = service.name.removesuffix(".service") + ".timer"
    timer = TimerUnit(systemd, name, service, on_active, on_boot, accuracy or 0.0, delay or 0.0)
    with systemd.lock:
        _load(systemd, service, timer)
        service.timer = timer
        timer.start()
    if "quiet" in options.flags:
        return Result()
    return Result(0, "", f"Running timer as unit: {timer.name}\nWill run service as unit: {service.name}\n")


def _now(systemd: Systemd, call: NodeCall, options: Options, service: ServiceUnit) -> Result:
    with systemd.lock:
        _load(systemd, service)
        try:
            service.start()
        except (RuntimeError, OSError) as error:
            service.unload()
            raise Refused(f"Failed to start transient service unit: {error}") from None
    said = "" if "quiet" in options.flags else f"Running as unit: {service.name}\n"
    waits = "wait" in options.flags
    if waits or (service.type == "oneshot" and "no_block" not in options.flags):
        while not service.ended.wait(0.05):
            if not call.alive():
                return Result(1)
        if waits:
            return Result(service.rc if service.result == "exit-code" else int(service.result != "success"), "", said)
        if service.result != "success":
            return Result(1, "", f"Job for {service.name} failed: see 'systemctl status {service.name}'.\n")
    return Result(0, "", said)
