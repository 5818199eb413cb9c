"""`timeout` and `flock -w` on a node: the host's own tools, their time limits kept by the lab.

Their own timers would count real time, which goes on while lab time stands still. So they get a limit that never
comes, and the lab sends the signal of their timer, SIGALRM, when the limit is over in lab time.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path

from .. import context
from .nodecmd import binary
from .shell_commands import duration, host_tool
from .socket import Exec, NodeCall, Result

NEVER = 100  # times the limit: for a tool that knows no SIGALRM
AGAIN = 0.05  # lab seconds, where the caller has not become the tool yet

# util-linux's flock hears only the alarm of its own timer, so a shell beside it ends it. Its own status decides: it
# may have got the lock just then. $1: the status of a lock that did not become free.
FLOCK = """
conflict=$1 late= child=; shift
trap 'late=1; [ -z "$child" ] || kill "$child" 2>/dev/null' ALRM
flock "$@" & child=$!
[ -z "$late" ] || kill "$child" 2>/dev/null
wait "$child"; rc=$?
[ "$rc" -gt 128 ] || exit "$rc"
wait "$child" && exit 0
exit "$conflict"
"""


def timeout(call: NodeCall) -> Result | Exec:
    """coreutils' `timeout [-k D] [-s SIG] D COMMAND…`."""
    args, out, limits = call.argv[1:], ["timeout"], [0.0, 0.0]
    try:
        limits[1] = _timeout_options(args, out)
        limits[0] = duration(args[0])
        out.append(_beyond(args.pop(0)))
    except ValueError as error:
        return Result(125, "", f"timeout: invalid time interval '{error}'\n")
    except IndexError:
        return Result(125, "", "timeout: missing operand\n")
    path = host_tool("timeout")
    if not path:
        return Result(127, "", "timeout: command not found\n")
    if limits[0]:
        _alarm(call, limits if limits[1] else limits[:1])
    return Exec(path, out + args)


def _timeout_options(args: list[str], out: list[str]) -> float:
    """Move the options from `args` to `out`; the seconds of -k, 0 without one."""
    kill_after = 0.0
    while args and args[0].startswith("-") and args[0] != "--":
        option = args.pop(0)
        if option in ("-k", "--kill-after", "-s", "--signal"):
            if not args:
                break
            value = args.pop(0)
            if "k" in option:
                kill_after, value = duration(value), _beyond(value)
            out += [option, value]
        elif match := re.fullmatch(r"(--kill-after=|-k)(.+)", option):
            kill_after = duration(match.group(2))
            out.append(match.group(1) + _beyond(match.group(2)))
        else:
            out.append(option)
    if args and args[0] == "--":
        args.pop(0)
    return kill_after


def flock(call: NodeCall) -> Result | Exec:
    """util-linux's `flock`; the lock's descriptor is the caller's."""
    args, out, limit, conflict = call.argv[1:], [], None, "1"
    try:
        while args and args[0].startswith("-"):
            option = args.pop(0)
            if re.fullmatch(r"-[a-z]*w|--wait|--timeout", option) and args:
                limit = duration(args.pop(0))
                out += [option[:-1]] if re.fullmatch(r"-[a-z]+w", option) else []
            elif match := re.fullmatch(r"(--wait=|--timeout=|-w)(.+)", option):
                limit = duration(match.group(2))
            elif option in ("-E", "--conflict-exit-code") and args:
                conflict = args.pop(0)
                out += [option, conflict]
            else:
                out.append(option)
    except ValueError as error:
        return Result(64, "", f"flock: invalid timeout value: '{error}'\n")
    path, shell = host_tool("flock"), host_tool("sh")
    if not path or not shell:
        return Result(127, "", "flock: command not found\n")
    if limit == 0:
        out.append("-n")
    if not limit:
        return Exec(path, ["flock", *out, *args])
    _alarm(call, [limit])
    return Exec(shell, ["sh", "-c", FLOCK.replace("flock ", f"{path} ", 1), "flock", conflict, *out, *args])


def _beyond(text: str) -> str:
    """A limit beyond the one that the lab keeps; 0 stays 0, which switches a limit off."""
    return f"{context.lab.clock.real(duration(text)) * NEVER:.3f}"


def _alarm(call: NodeCall, limits: list[float]) -> None:
    """SIGALRM to the process of this call after each of these lab seconds, one after another, while it is the same."""
    process = _Process(call.pid)

    def due() -> None:
        if process.is_nodecmd():
            context.lab.timers.after(AGAIN, due)
        elif process.alarm() and len(limits) > 1:
            _alarm(call, limits[1:])

    context.lab.timers.after(limits[0], due)


class _Process:
    """A process that is told from a later one with the same pid."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")
        self._pid, self._started = pid, self._start_time()

    def _start_time(self) -> str:
        try:
            return (self._proc / "stat").read_text().rsplit(")", 1)[1].split()[19]
        except OSError:
            return ""

    def is_nodecmd(self) -> bool:
        """Whether it has yet to become the tool."""
        try:
            return self._start_time() == self._started and os.readlink(self._proc / "exe") == str(binary().resolve())
        except OSError:
            return False

    def alarm(self) -> bool:
        if not self._started or self._start_time() != self._started:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGALRM)
        return True
