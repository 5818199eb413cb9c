"""The Japanese pages are as new as the English ones, and have the same parts."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import japanese_pages  # noqa: E402

PAIRS = list(japanese_pages.PAGES.items())
JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龥]")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def levels(text: str) -> list[int]:
    """The headings' levels, in order; a comment of a shell is none."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return [len(each) for each in re.findall(r"^(#+) ", outside, re.M)]


def blocks(text: str) -> list[str]:
    return re.findall(r"^```.*?^```", text, re.M | re.S)


def tables(text: str) -> list[int]:
    """How many rows each table has."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.M)
    return [each.count("\n") for each in found]


def commands(text: str) -> set[str]:
    """What stands in back quotes outside of blocks: commands, names, values. They are the same in every language."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return {each for each in re.findall(r"`([^`\n]+)`", outside) if not JAPANESE.search(each)}


def test_no_japanese_page_is_older_than_its_english_one() -> None:
    assert japanese_pages.stale() == [], "write the change in the Japanese page too, then `make japanese`"


@pytest.mark.parametrize(("japanese", "english"), PAIRS, ids=lambda path: path.name)
def test_both_have_the_same_parts(japanese: Path, english: Path) -> None:
    ours, theirs = read(japanese), read(english)
    assert levels(ours) == levels(theirs)
    assert blocks(ours) == blocks(theirs)
    assert tables(ours) == tables(theirs)


@pytest.mark.parametrize(("japanese", "english"), PAIRS, ids=lambda path: path.name)
def test_both_name_the_same_commands(japanese: Path, english: Path) -> None:
    assert commands(read(japanese)) == commands(read(english))


@pytest.mark.parametrize(("japanese", "english"), PAIRS, ids=lambda path: path.name)
def test_each_leads_to_the_other(japanese: Path, english: Path) -> None:
    assert f"]({english.name})" in read(japanese) and f"]({japanese.name})" in read(english)
    assert len(JAPANESE.findall(read(japanese))) > 500


def test_a_change_of_the_english_page_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    english, japanese = tmp_path / "A.md", tmp_path / "A.ja.md"
    english.write_text("# A\n", encoding="utf-8")
    japanese.write_text("# あ\n", encoding="utf-8")
    monkeypatch.setattr(japanese_pages, "ROOT", tmp_path)
    monkeypatch.setattr(japanese_pages, "PAGES", {japanese: english})
    assert japanese_pages.main([]) == 1
    assert japanese_pages.main(["--accept"]) == 0 and japanese_pages.main(["--accept"]) == 0
    assert read(japanese).startswith("# あ\n\n<!-- ") and read(japanese).count("<!--") == 1
    english.write_text("# A\n\nMore.\n", encoding="utf-8")
    assert japanese_pages.stale() == ["A.ja.md"]
