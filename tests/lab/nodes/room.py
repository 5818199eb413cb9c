"""A node without room: its root disk is full, or /run too. Records are renamed into place, so `mv` is what fails.

A full ext4 makes no new directory either. What writes a file itself (`cat`, a redirection) fails only where /run is
full too, and only in processes that start from then on: they may write no byte to any file.
"""

from __future__ import annotations

from pathlib import Path

from .machine import Machine
from .shell_commands import host_tool

REFUSING = ("mv", "mkdir")
SHIM = """#!/bin/sh
for to; do :; done
[ {name} != mkdir ] || [ ! -d "$to" ] || exec {tool} "$@"
case $to in
{full}) echo "{name}: cannot create '$to': No space left on device" >&2; exit 1 ;;
esac
exec {tool} "$@"
"""


def root_full(machine: Machine) -> None:
    _fill(machine, [machine.root / "var"])


def disks_full(machine: Machine) -> None:
    _fill(machine, [machine.root / "var", machine.root / "run"])
    machine.may_write = False


def room(machine: Machine) -> None:
    """Somebody has made room."""
    machine.disk_full, machine.may_write = False, True
    for name in REFUSING:
        (machine.root / "bin" / name).unlink(missing_ok=True)


def _fill(machine: Machine, places: list[Path]) -> None:
    machine.disk_full = True
    for name in REFUSING:
        # A full tmpfs still makes directories.
        full = places[:1] if name == "mkdir" else places
        text = SHIM.format(
            name=name,
            tool=host_tool(name),
            full=" | ".join(f"'{place}'/*" for place in full),
        )
        shim = machine.root / "bin" / name
        new = shim.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o755)
        new.replace(shim)
