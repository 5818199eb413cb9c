"""Judge and the real tools on the same images: the tables of docs/images.md. Needs e2fsprogs and xfsprogs.

    PYTHONPATH=tests python -m images.agree WORKDIR [mutilated images of each class]

It leaves what the tools said of each state of each fixture in tests/images/agreement.json, which test_agreement.py
compares with the judge, without the tools. A tool's word is `clean`, `not unmounted` (a log or journal to replay) or
`damaged`. The judge is asked with a fingerprint of the image's own bytes, since no tool has another one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from images.disks import Data
from images.judge import Judge, judge
from images.mutilate import BY_CHANCE, CLASSES, Case, families, mutilated
from images.store import Image

RECORDED = Path(__file__).with_name("agreement.json")
VERSIONS = (("xfs_repair", "-V"), ("dumpe2fs", "-V"))
WORDS = {"clean": "clean", "not-unmounted": "not unmounted", "not-judged": "not judged"}


def _run(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    return done.returncode, done.stdout + done.stderr


def _xfs_repair(path: str) -> str:
    code, said = _run("xfs_repair", "-n", "-f", path)
    # With -n it goes on where a log is to be replayed, and says so only.
    if "valuable metadata changes in a log" in said or "needs to be replayed" in said:
        return "not unmounted"
    return "clean" if code == 0 else "damaged"


def _xfs_logprint(path: str) -> str:
    code, said = _run("xfs_logprint", "-t", path)
    if "<CLEAN>" in said:
        return "clean"
    return "not unmounted" if "<DIRTY>" in said and code == 0 else "damaged"


def _dumpe2fs(path: str) -> str:
    code, said = _run("dumpe2fs", "-h", path)
    lines = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    if code != 0:
        return "damaged"
    if "needs_recovery" in lines.get("Filesystem features", "") or "not clean" in lines.get("Filesystem state", ""):
        return "not unmounted"
    return "clean" if lines.get("Filesystem state", "").strip() == "clean" else "damaged"


def _e2fsck(path: str) -> str:
    code, said = _run("e2fsck", "-f", "-n", path)
    if "skipping journal recovery" in said or "was not cleanly unmounted" in said:
        return "not unmounted"
    return "clean" if code == 0 else "damaged"


TOOLS = {"xfs": (_xfs_repair, _xfs_logprint), "ext4": (_dumpe2fs, _e2fsck)}
NAMES = {"xfs": ("xfs_repair -n", "xfs_logprint -t"), "ext4": ("dumpe2fs -h", "e2fsck -fn")}


def _partition(case: Case, path: Path) -> bool:
    """The data partition as a file, if it can be cut out."""
    try:
        data = Data(case.image, case.about)
    except AssertionError:
        return False
    part, base = Image(data.size), 0
    for start, length in data.stretches:
        for number, page in case.image.pages.items():
            if start <= number * 4096 < start + length:
                part.write(base + number * 4096 - start, page)
        base += length
    part.save(path)
    return True


def word(verdict: dict[str, str]) -> str:
    """The judge's verdict in the tools' words."""
    return WORDS.get(verdict["verdict"], "damaged")


def _words(case: Case, ask: Judge, work: Path) -> tuple[str, str, tuple[str, ...]] | None:
    disk, part = work / "disk", work / "part"
    kind = case.about["file_system"]
    if kind not in TOOLS or not _partition(case, part):
        return None
    case.image.save(disk)
    return kind, word(ask(case.request(str(disk), alone=True))), tuple(tool(str(part)) for tool in TOOLS[kind])


def states(ask: Judge, work: Path) -> None:
    rows: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    said: dict[str, dict[str, tuple[str, ...]]] = {}
    for family, all_states in families().items():
        for name, state in all_states.items():
            case = Case("", family, name, state.image, state.about, state.about["fingerprint"])
            if words := _words(case, ask, work):
                rows.setdefault((words[0], name, words[1], words[2]), []).append(family)
                said.setdefault(family, {})[name] = words[2]
    versions = sorted(_run(*each)[1].splitlines()[0] for each in VERSIONS)
    lines = [f"  {json.dumps(family)}: {json.dumps(found, sort_keys=True)}" for family, found in sorted(said.items())]
    head = f'{{\n "versions": {json.dumps(versions)},\n "tools": {json.dumps(NAMES)},\n "images": {{\n'
    RECORDED.write_text(head + ",\n".join(lines) + "\n }\n}\n", encoding="utf-8")
    for kind, names in NAMES.items():
        print(f"\n| state | judge | {' | '.join(names)} | images |\n|---|---|---|---|---|")
        for (of, name, word, tools), found in sorted(rows.items()):
            if of == kind:
                odd = "" if {word} == set(tools) else f": {', '.join(found)}"
                print(f"| {name} | {word} | {' | '.join(tools)} | {len(found)}{odd} |")


def mutilations(ask: Judge, work: Path, each: int) -> None:
    print("\n| class | both clean | both not | only the judge objects | only a tool objects |\n|---|---|---|---|---|")
    for kind in (*CLASSES, *BY_CHANCE):
        counts = Counter[str]()
        for seed in range(each):
            words = _words(mutilated(kind, seed), ask, work)
            if words:
                counts[f"{words[1] == 'clean'} {set(words[2]) == {'clean'}}"] += 1
        figures = (counts[key] for key in ("True True", "False False", "False True", "True False"))
        print(f"| {kind} | {' | '.join(str(each) for each in figures)} |", flush=True)


def main(arguments: Sequence[str]) -> None:
    work = Path(arguments[0])
    work.mkdir(parents=True, exist_ok=True)
    with judge() as ask:
        states(ask, work)
        if len(arguments) > 1:
            mutilations(ask, work, int(arguments[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
