"""The host's harmless tools that node scripts may use, and the simulated commands that only need the lab's time.

PATH of a node's process is its bin/ with the simulated commands and then this curated directory: never /sbin, so that
no simulated `shutdown` can fall through to the host's own.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .. import context
from .socket import NodeCall, Result

# Names that are missing on a host are left out; a script that wants one fails as on a node without it.
HOST_TOOLS = (
    *("sh", "dash", "bash", "cat", "awk", "sed", "grep", "egrep", "fgrep", "mkdir", "rmdir", "rm", "mv", "ln", "cp"),
    *("ls", "date", "printf", "echo", "test", "[", "head", "tail", "tr", "cut", "sort", "uniq", "wc", "env", "id"),
    *("basename", "dirname", "sync", "touch", "chmod", "kill", "ps", "stat", "mktemp", "od", "sha256sum", "md5sum"),
    *("tee", "expr", "seq", "true", "false", "nohup", "setsid", "xargs", "uname", "dd", "cmp", "diff", "comm", "paste"),
    *(
        "base64",
        "gzip",
        "find",
        "hostname",
        "pwd",
        "which",
        "tac",
        "nl",
        "split",
        "fold",
        "join",
        "truncate",
        "getent",
        "jq",
    ),
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


def logger(call: NodeCall) -> Result:
    """util-linux's `logger -t TAG -- TEXT`: a line in the journal."""
    tag, text = call.argv[2:3], call.argv[4:]
    if call.argv[1:2] != ["-t"] or call.argv[3:4] != ["--"]:
        return Result(1, "", "logger: the lab knows `logger -t TAG -- TEXT`\n")
    context.lab.record.add("journal", node=call.machine.name, tag=tag[0], text=" ".join(text))
    return Result()
