"""The host's harmless tools that node scripts may use, and the simulated commands that only need the lab's time.

PATH of a node's process is its bin/ with the simulated commands and then this curated directory: never /sbin, so that
no simulated `shutdown` can fall through to the host's own.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .. import context
from .socket import Exec, NodeCall, Result

# Names that are missing on a host are left out; a script that wants one fails as on a node without it.
HOST_TOOLS = (
    *("sh", "dash", "bash", "cat", "awk", "sed", "grep", "egrep", "fgrep", "mkdir", "rmdir", "rm", "mv", "ln", "cp"),
    *("ls", "date", "printf", "echo", "test", "[", "head", "tail", "tr", "cut", "sort", "uniq", "wc", "env", "id"),
    *("basename", "dirname", "sync", "touch", "chmod", "kill", "ps", "stat", "mktemp", "od", "sha256sum", "md5sum"),
    *("tee", "expr", "seq", "true", "false", "nohup", "setsid", "xargs", "uname", "dd", "cmp", "diff", "comm", "paste"),
    *("base64", "find", "hostname", "pwd", "which", "tac", "nl", "split", "fold", "join", "truncate", "getent", "jq"),
)
_SEARCH = "/usr/bin:/bin"  # never sbin

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def link_host_tools(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in HOST_TOOLS:
        path = shutil.which(name, path=_SEARCH)
        if path:
            (directory / name).symlink_to(path)


def host_tool(name: str) -> str | None:
    """The host's own tool of a simulated one (readlink, timeout, …)."""
    return shutil.which(name, path=_SEARCH)


def duration(text: str) -> float:
    """Seconds of coreutils' NUMBER[smhd]; raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)", text)
    if not match:
        raise ValueError(text)
    return float(match.group(1)) * _UNITS[match.group(2)]


def sleep(call: NodeCall) -> Result:
    try:
        seconds = sum(duration(text) for text in call.argv[1:])
    except ValueError as error:
        return Result(1, "", f"sleep: invalid time interval '{error}'\n")
    if len(call.argv) < 2:
        return Result(1, "", "sleep: missing operand\n")
    call.sleep(seconds)
    return Result()


def _scale(text: str) -> str:
    """A duration in lab time, as the host's tool must be told it; 0 stays 0, which switches a limit off."""
    real = context.lab.clock.real(duration(text))
    return "0" if real == 0 else f"{max(real, 0.001):.6f}"


def timeout(call: NodeCall) -> Result | Exec:
    """coreutils' `timeout [-k D] [-s SIG] D COMMAND…`: the host's own, with its durations scaled."""
    args, out = call.argv[1:], ["timeout"]
    try:
        _timeout_options(args, out)
        out.append(_scale(args.pop(0)))
    except ValueError as error:
        return Result(125, "", f"timeout: invalid time interval '{error}'\n")
    except IndexError:
        return Result(125, "", "timeout: missing operand\n")
    return _pass("timeout", out + args)


def _timeout_options(args: list[str], out: list[str]) -> None:
    """Move the options from `args` to `out`, their durations scaled."""
    while args and args[0].startswith("-") and args[0] != "--":
        option = args.pop(0)
        if option in ("-k", "--kill-after", "-s", "--signal"):
            if not args:
                break
            value = args.pop(0)
            out += [option, _scale(value) if "k" in option else value]
        elif option.startswith("--kill-after="):
            out.append("--kill-after=" + _scale(option.split("=", 1)[1]))
        elif option.startswith("-k"):
            out.append("-k" + _scale(option[2:]))
        else:
            out.append(option)
    if args and args[0] == "--":
        args.pop(0)


def flock(call: NodeCall) -> Result | Exec:
    """util-linux's `flock`: the host's own, its -w scaled; the lock's descriptor is the caller's."""
    out, args = ["flock"], call.argv[1:]
    try:
        while args and args[0].startswith("-"):
            option = args.pop(0)
            if re.fullmatch(r"-[a-z]*w|--wait|--timeout", option) and args:
                out += [option, _scale(args.pop(0))]
            elif match := re.fullmatch(r"(--wait=|--timeout=|-w)(.+)", option):
                out.append(match.group(1) + _scale(match.group(2)))
            elif option in ("-E", "--conflict-exit-code") and args:
                out += [option, args.pop(0)]
            else:
                out.append(option)
    except ValueError as error:
        return Result(64, "", f"flock: invalid timeout value: '{error}'\n")
    return _pass("flock", out + args)


def _pass(name: str, argv: list[str]) -> Result | Exec:
    path = host_tool(name)
    return Exec(path, argv) if path else Result(127, "", f"{name}: command not found\n")
