"""What is told in the same words in every language is what somebody else wrote, or a name: never a text of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("_tests.rs", "_properties.rs")
RUST = [each for part in ("functions", "cli") for each in (ROOT / part).rglob("src/**/*.rs")]
SOURCES = [each for each in RUST if not each.name.endswith(TESTS)]


def ours(source: str) -> list[str]:
    """What `Sentence::verbatim` and `Sentence::Verbatim` are handed that is written in the code itself."""
    code = re.split(r"#\[cfg\(test\)\]\s*mod ", source)[0]
    handed = [code[each.end() : each.end() + 200] for each in re.finditer(r"Sentence::verbatim\(\s*", code)]
    handed += [code[each.end() : each.end() + 200] for each in re.finditer(r"Sentence::Verbatim \{\s*text: ", code)]
    return [each.splitlines()[0] for each in handed if re.match(r'(format!|concat!|"|r#?")', each)]


def test_no_text_of_ours_is_told_in_one_language_only() -> None:
    assert len(SOURCES) > 100
    found = {str(each): ours(each.read_text(encoding="utf-8")) for each in SOURCES}
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "code",
    [
        'words.push(Sentence::verbatim("the groups stop"));',
        'Sentence::verbatim(\n    format!("{node} boots"),\n)',
        'Sentence::Verbatim { text: "so".to_owned() }',
    ],
)
def test_a_text_of_ours_is_found(code: str) -> None:
    assert len(ours(code)) == 1
