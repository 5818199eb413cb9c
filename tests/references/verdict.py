"""Judges what labs left in a directory (lab/witness.py): API calls by botocore's shapes, values by jsonata 2.0.6.

python -m references.verdict DIRECTORY    names what is wrong, counts what was judged, and what has no shape
"""

from __future__ import annotations

import fnmatch
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.witness import Novelty

from . import exchanges, values
from .reasons import OF_CALLS


@dataclass
class Verdict:
    problems: dict[str, str] = field(default_factory=dict)  # what -> the test in which it was seen first
    judged: int = 0
    operations: set[str] = field(default_factory=set)
    without_shape: Counter[str] = field(default_factory=Counter)
    compared: int = 0

    def said(self) -> str:
        without = ", ".join(f"{call} ({count})" for call, count in sorted(self.without_shape.items())) or "none"
        return (
            f"references: {self.judged} kinds of calls to {len(self.operations)} operations judged by their shapes, "
            f"{self.without_shape.total()} without a shape: {without}; {self.compared} values compared with jsonata's"
        )


def _entries(directory: Path, kind: str) -> Iterator[dict[str, Any]]:
    for path in sorted(directory.glob(f"{kind}-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # the last line of a lab that was killed


def explained(problem: str) -> bool:
    return any(fnmatch.fnmatchcase(problem, each) for each in OF_CALLS)


def verdict(directory: Path) -> Verdict:
    out, novelty = Verdict(), Novelty()
    for each in _entries(directory, "calls"):
        if not novelty.new(each["call"], each["request"], each["query"], each["status"], each["answer"]):
            continue
        if not exchanges.judged(each):
            out.without_shape[each["call"]] += 1
            continue
        out.judged += 1
        out.operations.add(each["call"])
        for problem in exchanges.problems(each):
            if not explained(problem):
                out.problems.setdefault(problem, each["test"])
    seen: set[str] = set()
    evaluations = []
    for each in _entries(directory, "values"):
        key = json.dumps([each["expression"], each["bindings"]], sort_keys=True)
        if key not in seen:
            seen.add(key)
            evaluations.append(each)
    out.compared = sum(map(values.comparable, evaluations))
    for difference in values.differences(evaluations):
        out.problems.setdefault(difference, "")
    return out


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    found = verdict(Path(arguments[0]))
    for problem, test in found.problems.items():
        print(f"references: {problem}{f' [{test}]' if test else ''}")
    print(found.said())
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
