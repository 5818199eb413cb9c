"""docs/assumptions.md lists every belief about CLUSTERPRO that the lab can flip or the safety argument rests on."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from lab.nodes.clusterpro.switches import Switches

DOCS = Path(__file__).resolve().parents[2] / "docs"
STATES = {"assumed", "documented", "recorded"}


def rows() -> list[list[str]]:
    half = (DOCS / "assumptions.md").read_text(encoding="utf-8").split("# What we believe of CLUSTERPRO and Linux")[1]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in half.splitlines() if line.startswith("| `")
    ]


def test_every_belief_is_told_whole() -> None:
    found = rows()
    ids = [row[0] for row in found]
    assert len(ids) == len(set(ids)) and len(found) > 20
    for row in found:
        assert len(row) == 8 and row[4] in STATES, row
        assert all(cell for n, cell in enumerate(row) if n != 5), row
        assert (row[3] == "none") <= (row[4] == "assumed"), row


def test_every_switch_of_the_lab_has_a_belief_and_the_other_way_round() -> None:
    named = [row[5].strip("`") for row in rows() if row[5]]
    assert sorted(named) == sorted(field.name for field in fields(Switches))


def test_every_likely_of_the_argument_has_a_belief() -> None:
    text = (DOCS / "safety.md").read_text(encoding="utf-8").split("## Evidence, not appearance")[1]
    marks = re.findall(r"\[likely([^\]]*)\]", text)
    ids = {row[0].strip("`") for row in rows()}
    assert len(marks) >= 3
    for mark in marks:
        named = re.findall(r"clp-[a-z-]*[a-z]", mark)
        assert named and ids >= set(named), mark
