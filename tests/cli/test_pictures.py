"""What draws the README's pictures: a terminal that shows what the command line prints."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from screen import Screen, Unknown

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def shown(text: str, columns: int = 120) -> list[str]:
    screen = Screen(columns)
    screen.feed(text)
    return screen.lines()


def test_lines_are_overwritten_erased_and_moved_over() -> None:
    assert shown("one\r\ntwo\r\n") == ["one", "two"]
    assert shown("a long line\rshort") == ["shortg line"]
    assert shown("a long line\r\x1b[2Kshort") == ["short"]
    assert shown("a long line\r\x1b[K") == []
    # A line that fills the terminal, and what follows it; a return at its end stays in it.
    assert shown("abcdef", 3) == ["abc", "def"]
    assert shown("abc\rd", 3) == ["dbc"]
    # A bar that is drawn anew below a line that stays.
    assert shown("1 s Split\r\n\x1b[1A\r\x1b[2K1 s Quiesce\r\n2 s Split") == ["1 s Quiesce", "2 s Split"]
    assert shown("a\r\nb\r\nc\x1b[2A\r\x1b[J") == []


def test_what_it_does_not_know_draws_nothing() -> None:
    for text in ("\x1b[5;5H", "\x1b]0;title\x07", "\x1b[1K"):
        with pytest.raises(Unknown):
            Screen().feed(text)


def test_the_outage_is_loud_and_the_text_is_text() -> None:
    screen = Screen()
    screen.feed("a <b> & c\r\n\x1b[31m\x1b[1mOUTAGE 2 s\x1b[0m\r\nback")
    root = ET.fromstring(screen.svg("a screen"))
    texts = root.findall(f".//{SVG}text")
    assert [each.text for each in texts] == ["a <b> & c", "OUTAGE 2 s", "back"]
    assert [each.get("font-weight") for each in texts] == [None, "bold", None]
    assert root.findtext(f"{SVG}title") == "a screen"


@pytest.mark.parametrize(("name", "words"), [("status", "NEWEST VALID BACKUP"), ("backup", "OUTAGE")])
def test_the_readme_shows_both_and_each_is_small(name: str, words: str) -> None:
    path = ROOT / "docs" / "screens" / f"{name}.svg"
    text = path.read_text(encoding="utf-8")
    assert len(text) < 10_000 and words in "".join(ET.fromstring(text).itertext())
    for page in ("README.md", "README.ja.md"):
        assert f"docs/screens/{name}.svg" in (ROOT / page).read_text(encoding="utf-8"), page
