"""The table of lies: forty of them, each told by the lab, each breaking a belief that can be asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

TESTS = Path(__file__).resolve().parent.parent
ROWS: list[dict[str, Any]] = yaml.safe_load((TESTS / "lies" / "lies.yaml").read_text(encoding="utf-8"))
PAGE = (TESTS.parent / "docs" / "assumptions.md").read_text(encoding="utf-8")
# The functions are processes of this host, with its glibc.
NOT_IN_THE_LAB = {"lambda-glibc"}


def _beliefs() -> dict[str, str]:
    """id -> how it is asked, of the page's tables about AWS."""
    about_aws = PAGE.split("# What we believe of AWS", 1)[1]
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|.*\| ([^|]*) \|$", about_aws, re.M)
    return dict(rows)


def test_each_is_told_and_each_that_is_told_is_listed():
    sources = "".join(path.read_text(encoding="utf-8") for path in (TESTS / "lab" / "lies").glob("*.py"))
    assert sorted(re.findall(r'^@lie\("([a-z0-9-]+)"\)', sources, re.M)) == sorted(row["id"] for row in ROWS)


def test_there_are_forty_with_a_document_each():
    assert len({row["id"] for row in ROWS}) == len(ROWS) == 40
    for row in ROWS:
        assert set(row) == {"id", "belief", "does", "document", "says", "read"}, row["id"]
        assert row["document"].startswith("https://"), row["id"]
        assert row["read"] in ("page", "model"), row["id"]


def test_they_break_every_belief_that_can_be_asked():
    beliefs, told = _beliefs(), {row["belief"] for row in ROWS}
    askable = {name for name, how in beliefs.items() if not how.startswith("not asked")} - NOT_IN_THE_LAB
    assert told <= set(beliefs)
    assert {name for name in askable if name.split("-")[0] in FAMILIES} == told


FAMILIES = {"ebs", "ec2", "iam", "ssm", "sfn", "events", "scheduler", "ddb"}
