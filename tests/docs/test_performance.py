"""The figures that the READMEs quote are those of docs/performance.md, which is made from a run of `make bench`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/performance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
def test_the_readme_quotes_the_page(readme: str) -> None:
    lines = (ROOT / readme).read_text(encoding="utf-8").splitlines()
    first = next(at for at, line in enumerate(lines) if "docs/performance.md" in line)
    paragraph = "\n".join(lines[first : lines.index("", first)])
    quoted = re.findall(r"(\d+\.\d+) (?:s|秒)", paragraph)
    assert len(quoted) >= 3, paragraph
    assert [each for each in quoted if f"{each} s" not in PAGE] == []
    assert "make bench" in paragraph


def test_the_page_says_when_it_was_measured_and_has_its_drawing() -> None:
    assert re.search(r"`make bench` on 20\d\d-\d\d-\d\d, on \d+ cores", PAGE)
    assert (ROOT / "docs/performance.svg").is_file()
