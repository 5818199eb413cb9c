"""`lsblk` of util-linux, as far as scripts and operators use it: tree, list, raw, pairs, JSON; both directions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from .socket import Result

if TYPE_CHECKING:
    from .disks import Block, Disk

DEFAULT = ["NAME", "MAJ:MIN", "RM", "SIZE", "RO", "TYPE", "MOUNTPOINT"]
RIGHT = {"SIZE", "RM", "RO"}
FLAGS = {
    "n": "noheadings", "r": "raw", "p": "paths", "s": "inverse", "P": "pairs", "J": "json", "d": "nodeps",
    "b": "bytes", "l": "list", "a": "all", "i": "ascii",
}  # fmt: skip
COLUMNS: dict[str, Callable[[Block, set[str]], str]] = {
    "NAME": lambda b, f: b.path if "paths" in f else b.name,
    "KNAME": lambda b, f: ("/dev/" if "paths" in f else "") + b.kname,
    "PATH": lambda b, f: b.path,
    "MAJ:MIN": lambda b, f: b.majmin,
    "RM": lambda b, f: "0",
    "SIZE": lambda b, f: str(b.size) if "bytes" in f else human(b.size),
    "RO": lambda b, f: "0",
    "TYPE": lambda b, f: b.type,
    "MOUNTPOINT": lambda b, f: b.mountpoint,
    "SERIAL": lambda b, f: (b.disk.serial or "") if b.type == "disk" else "",
    "PKNAME": lambda b, f: (("/dev/" if "paths" in f else "") + b.parent.kname) if b.parent else "",
    "MODEL": lambda b, f: "Amazon Elastic Block Store" if b.type == "disk" and b.disk.serial else "",
    "FSTYPE": lambda b, f: "LVM2_member" if b.type == "disk" and b.disk.vg else "",
}


def human(size: int) -> str:
    """20G, 1.5G, 1M: one decimal at most, as lsblk rounds."""
    value, unit = float(size), "B"
    for unit in "BKMGT":
        if value < 1023.95 or unit == "T":
            break
        value /= 1024
    return f"{value:.1f}".removesuffix(".0") + unit


def lsblk(args: list[str], disks: list[Disk], resolve: Callable[[str], Block | None]) -> Result:
    """Run with `args` (without the name). Errors as lsblk's: 1 for a bad option or column, 32 for no such device."""
    try:
        flags, columns, paths = _parse(args)
    except ValueError as error:
        return Result(1, "", f"lsblk: {error}\n")
    roots, err = [d.block for d in disks if d.block], ""
    if paths:
        found = [(path, resolve(path)) for path in paths]
        err = "".join(f"lsblk: {path}: not a block device\n" for path, block in found if block is None)
        roots = [block for _, block in found if block]
        if not roots:
            return Result(32, "", err)
    elif "inverse" in flags:
        roots = [leaf for root in roots for leaf in (root.children or [root])]

    def below(block: Block) -> list[Block]:
        if "nodeps" in flags:
            return []
        if "inverse" in flags:
            return [block.parent] if block.parent else []
        return block.children

    def cells(block: Block) -> dict[str, str]:
        return {c: COLUMNS[c](block, flags) for c in columns}

    if "json" in flags:
        text = json.dumps({"blockdevices": [_json(b, cells, below) for b in roots]}, indent=3) + "\n"
    else:
        rows = [
            row for root in roots for row in _rows(root, cells, below, "", "", not flags & {"raw", "pairs", "list"})
        ]
        text = _text(rows, columns, flags)
    return Result(64 if err else 0, text, err)


def _parse(args: list[str]) -> tuple[set[str], list[str], list[str]]:
    flags, columns, paths, args = set(), list(DEFAULT), [], list(args)
    while args:
        arg = args.pop(0)
        if arg.startswith("--"):
            name, equals, value = arg[2:].partition("=")
            if name == "output":
                columns = _columns(value if equals else _value(args, "output"))
            elif name in FLAGS.values():
                flags.add(name)
            else:
                raise ValueError(f"unrecognized option '{arg}'")
        elif arg.startswith("-") and len(arg) > 1:
            for at, letter in enumerate(arg[1:], 2):
                if letter == "o":
                    columns = _columns(arg[at:] or _value(args, "o"))
                    break
                if letter not in FLAGS:
                    raise ValueError(f"invalid option -- '{letter}'")
                flags.add(FLAGS[letter])
        else:
            paths.append(arg)
    return flags, columns, paths


def _value(args: list[str], option: str) -> str:
    if not args:
        raise ValueError(f"option requires an argument -- '{option}'")
    return args.pop(0)


def _columns(text: str) -> list[str]:
    columns = [c.upper() for c in text.lstrip("=").split(",")]
    for column in columns:
        if column not in COLUMNS:
            raise ValueError(f"unknown column: {column}")
    return columns


def _json(block: Block, cells, below) -> dict:
    out: dict = {k.lower(): v or None for k, v in cells(block).items()}
    if children := below(block):
        out["children"] = [_json(child, cells, below) for child in children]
    return out


def _rows(block: Block, cells, below, mine: str, others: str, tree: bool) -> list[dict[str, str]]:
    row = cells(block)
    if tree and "NAME" in row:
        row["NAME"] = mine + row["NAME"]
    rows, children = [row], below(block)
    for child in children:
        last = child is children[-1]
        rows += _rows(child, cells, below, others + ("└─" if last else "├─"), others + ("  " if last else "│ "), tree)
    return rows


def _text(rows: list[dict[str, str]], columns: list[str], flags: set[str]) -> str:
    if "pairs" in flags:
        return "".join(" ".join(f'{c}="{row[c]}"' for c in columns) + "\n" for row in rows)
    table = [[row[c] for c in columns] for row in rows]
    if "noheadings" not in flags:
        table.insert(0, columns)
    if "raw" in flags:
        return "".join(" ".join(line) + "\n" for line in table)
    widths = [max([len(line[i]) for line in table], default=0) for i in range(len(columns))]

    def cell(text: str, i: int) -> str:
        return text.rjust(widths[i]) if columns[i] in RIGHT else text.ljust(widths[i])

    return "".join(" ".join(cell(t, i) for i, t in enumerate(line)).rstrip() + "\n" for line in table)
