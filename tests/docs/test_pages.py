"""The pages are true where a test can tell: links lead somewhere, rules that are cited exist, drawings are current."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import draw_statemachines  # noqa: E402

SAFETY = (ROOT / "docs/safety.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")), *ROOT.glob("*/README.md")]
PAGES += sorted((ROOT / "tests").glob("*/README.md"))
SOURCES = {"functions": "rs", "infra": "sh", "statemachine": "*", "tests": "py"}


def sources() -> list[Path]:
    found = [path for folder, kind in SOURCES.items() for path in (ROOT / folder).rglob(f"*.{kind}")]
    return [path for path in [*found, ROOT / "infra/template.yaml"] if path.is_file() and "target" not in path.parts]


def anchors(page: Path) -> set[str]:
    """GitHub's anchors of a page's headings, and those that it makes itself."""
    text = page.read_text(encoding="utf-8")
    made = set(re.findall(r'<a id="([\w-]+)">', text))
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        plain = re.sub(r"<[^>]*>|[`*]", "", heading).lower()
        made.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return made


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if re.match(r"https?://", target):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), f"{page.name}: {target}"
            if anchor:
                assert anchor in anchors(file), f"{page.name}: {target}"


def cited(text: str) -> set[int]:
    """The numbers after `rule` or `rules`: `rule 8`, `rules 1, 16 and 17`, `rules 11 to 15`."""
    out: set[int] = set()
    for found in re.findall(r"\b[Rr]ules? (\d+(?:(?:, | and | to )\d+)*)", text):
        for part in re.split(r", | and ", found):
            first, _, last = part.partition(" to ")
            out |= set(range(int(first), int(last or first) + 1))
    return out


def test_every_cited_rule_exists_and_every_rule_is_cited() -> None:
    rules = {int(number) for number in re.findall(r'^### <a id="rule-(\d+)"></a>\1\. ', SAFETY, re.M)}
    assert rules == set(range(1, len(rules) + 1))
    found: set[int] = set()
    for path in sources():
        numbers = cited(path.read_text(encoding="utf-8"))
        assert numbers <= rules, f"{path.relative_to(ROOT)} cites {numbers - rules}"
        found |= numbers
    assert rules - found == set(), "rules that no file says it keeps"


def test_the_properties_are_those_that_the_proof_checks() -> None:
    listed = dict(re.findall(r"^\| ([PR]\d+) \|.*\| ([^|]*) \|$", SAFETY, re.M))
    checked = set()
    for path in (ROOT / "tests/interleaving").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        checked |= set(re.findall(r'Violation\("([PR]\d+)"', text))
    assert checked == {name for name, where in listed.items() if not where.startswith("not yet")}
    for where in listed.values():
        for file in re.findall(r"\btest\w*\.py|\bworld\.py|\bmutants\.py|\bmodel\.py", where):
            assert list((ROOT / "tests").rglob(file)), file


def test_the_drawings_are_current() -> None:
    for path, text in draw_statemachines.drawings().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not current: make drawings"
    assert {path.name for path in draw_statemachines.DRAWINGS.glob("*")} == {
        path.name for path in draw_statemachines.drawings()
    }
