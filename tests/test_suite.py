"""The parts of the suite: together they are all tests, and what has passed is known to have passed for these files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import suite
from scenarios.conftest import dealt, length
from scenarios.sweep import CHAINS
from scenarios.test_scenarios import FILES, MORE
from suite import ADDED, AFTER, BEFORE, CHECK, CORE_PART, FULL_SWEEP, Part

TESTS = suite.ROOT / "tests"
OK, BAD = Part("good", "is right", (sys.executable, "-c", "")), Part("bad", "is wrong", (sys.executable, "-c", "0/0"))


def runs(part: Part, path: Path) -> bool:
    """Whether the part's pytest is given this file, by itself or by its directory."""
    if "pytest" not in part.command:
        return False
    ignored = [suite.ROOT / each.removeprefix("--ignore=") for each in part.command if each.startswith("--ignore=")]
    given = [suite.ROOT / each for each in part.command if each.startswith("tests")]
    return any(path.is_relative_to(each) for each in given) and not any(path.is_relative_to(each) for each in ignored)


def test_every_test_file_is_in_one_part() -> None:
    files = [path for path in TESTS.rglob("test_*.py") if path.parent.name != "scenarios"]
    assert len(files) > 60
    for path in files:
        found = [part.name for part in suite.ALL if runs(part, path)]
        assert len(found) == 1, f"{path.relative_to(TESTS)} is in {found}"


def test_every_case_of_the_sweep_is_in_one_part() -> None:
    asked = [part.command[part.command.index("-k") + 1].removeprefix("test_sweep and ") for part in FULL_SWEEP]
    for chain, links in CHAINS.items():
        for link in links:
            test = f"test_sweep[{chain}/{link.name}]"
            assert len([word for word in asked if word in test]) == 1, f"{test} is in no part, or in two"


def test_every_scenario_is_in_one_part() -> None:
    found = sorted((TESTS / "scenarios").rglob("*.yaml"))
    assert sorted((*FILES, *MORE)) == found and len(found) > 90


def test_what_parts_name_is_there() -> None:
    for part in (*suite.ALL, *suite.WITHIN):
        for given in part.command:
            path = given.removeprefix("--ignore=")
            assert not path.startswith("tests/") or (suite.ROOT / path).exists(), f"{part.name} names {path}"
    assert set(suite.ALL) == {*BEFORE, *AFTER, *ADDED}
    assert {CORE_PART, *CHECK} <= {*suite.ALL, *suite.WITHIN}


def test_the_page_tells_of_every_part() -> None:
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    table = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| "))
    for part in (*suite.ALL, *suite.WITHIN):
        family, _, last = part.name.partition("-")
        assert part.name in table or (f"{family}-" in table and f"-{last}" in table), part.name


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of its own, with two parts."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "file").write_text("one")
    (tmp_path / ".gitignore").write_text("out\n")
    for name, value in (("ROOT", tmp_path), ("OUT", tmp_path / "out"), ("PROVED", tmp_path / "proved")):
        monkeypatch.setattr(suite, name, value)
    monkeypatch.setattr(suite, "WITNESS", tmp_path / "out" / "witness")
    monkeypatch.setattr(suite, "ALL", (BAD, OK))
    monkeypatch.setattr(suite, "WHOLE_CONTRACT", (OK,))
    monkeypatch.setattr(suite, "LAB", ("file",))
    return tmp_path


def test_a_part_that_fails_keeps_no_other_from_running_and_passed_ones_are_skipped(place: Path, capfd) -> None:
    assert suite.everything([]) == 1
    results = {name: json.loads((place / "out" / f"{name}.json").read_text()) for name in ("good", "bad")}
    assert results["good"]["passed"] and not results["bad"]["passed"]
    assert "ZeroDivisionError" in (place / "out" / "bad.log").read_text()
    assert "failed: bad" in capfd.readouterr().out
    assert suite.everything([]) == 1
    again = capfd.readouterr().out
    assert "== good: passed for this tree" in again and "== bad: FAILED" in again
    (place / "new").write_text("a file that git does not know")
    suite.everything([])
    assert "== good: passed after" in capfd.readouterr().out
    assert suite.everything(["nobody"]) == 2


def test_a_run_that_stops_at_a_failure_says_so(place: Path, capfd) -> None:
    assert suite.until_one_fails((BAD, OK)) == 1
    assert "target/test-all/bad.log" in capfd.readouterr().out
    assert not (place / "out" / "good.json").exists()
    assert suite.until_one_fails((OK,)) == 0


def test_lanes_run_side_by_side_and_a_failure_ends_both(place: Path, capfd) -> None:
    other = Part("other", "comes after what failed", (sys.executable, "-c", ""))
    slow = Part("slow", "runs meanwhile", (sys.executable, "-c", "import time; time.sleep(2)"))
    assert suite.side_by_side(((BAD, other), (slow, other))) == 1
    said = capfd.readouterr().out
    assert "ZeroDivisionError" in said and "target/test-all/bad.log" in said
    assert not (place / "out" / "other.json").exists() and (place / "out" / "slow.json").exists()
    assert suite.side_by_side(((slow,), (OK, other))) == 0
    assert "all 3 parts passed" in capfd.readouterr().out


def test_the_lab_counts_as_proved_as_long_as_it_is_the_same(place: Path) -> None:
    assert not suite.contract_is_proved()
    suite.everything(["good"])
    assert suite.contract_is_proved()
    (place / "other").write_text("nothing of the lab's")
    assert suite.contract_is_proved()
    (place / "file").write_text("two")
    assert not suite.contract_is_proved()


def test_the_lab_is_the_same_with_git_and_without(place: Path) -> None:
    with_git = suite.tree(suite.LAB)
    (place / ".git").rename(place / "out.git")
    assert suite.tree(suite.LAB) == with_git
    (place / "file").write_text("two")
    assert suite.tree(suite.LAB) != with_git


def test_each_worker_begins_with_the_longest_scenarios() -> None:
    lengths = [5.0, 80.0, 40.0, 70.0, 10.0, 60.0]
    assert dealt(list("abcdef"), lengths, 1) == list("bdfcea")
    assert dealt(list("abcdef"), lengths, 2) == list("bfedca")
    assert length("steps:\n  - backup: {}\n  - restore: {rollback: last}\n  - wait: {seconds: 40}\n") > length(
        "steps:\n  - backup: {}\n  - restore: {backup: latest}\n"
    )


def leaves(*entries: dict[str, object]) -> Part:
    """A part that passes, and whose lab leaves these entries for the references."""
    code = (
        "import os, pathlib; left = pathlib.Path(os.environ['MIRRORSNAP_WITNESS']); left.mkdir(parents=True);"
        f"(left / 'values-1.jsonl').write_text({chr(10).join(map(json.dumps, entries))!r})"
    )
    return Part("leaves", "leaves something", (sys.executable, "-c", code))


def test_a_part_fails_where_the_references_disagree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(suite, "OUT", tmp_path)
    monkeypatch.setattr(suite, "WITNESS", tmp_path / "witness")
    right = {"expression": "1 + $a", "bindings": {"a": 1}, "millis": None, "value": 2, "test": ""}
    assert suite.run(leaves(right))
    assert "1 values compared" in (tmp_path / "leaves.log").read_text()
    assert not suite.run(leaves({**right, "value": 3}))
    assert "the lab has 3" in (tmp_path / "leaves.log").read_text()
