"""Code that depends on how CLUSTERPRO or Linux behaves names its belief, and docs/assumptions.md lists each one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "infra" / "documents"
SOURCES = (*DOCUMENTS.rglob("*.sh"), *(ROOT / "functions").rglob("src/**/*.rs"))
MARK = re.compile(r"(?:#|//) belief: (.*)")
# Tools whose behaviour something depends on beyond what a shell itself has.
TOOLS = (
    *("dd", "df", "flock", "logger", "lsblk", "readlink", "reboot", "sha256sum", "sync", "systemctl", "systemd-run"),
    "timeout",
)
# Named nowhere: every document depends on it.
EVERYWHERE = {"linux-tools"}


def rows() -> dict[str, str]:
    """id -> the whole row."""
    half = (
        (ROOT / "docs" / "assumptions.md")
        .read_text(encoding="utf-8")
        .split("# What we believe of CLUSTERPRO and Linux")[1]
    )
    return {m[1]: m[0] for m in re.finditer(r"^\| `([a-z0-9-]+)` \|.*$", half, re.M)}


def named(sources: dict[str, str]) -> dict[str, set[str]]:
    """Belief -> the files that name it."""
    found: dict[str, set[str]] = {}
    for path, text in sources.items():
        for mark in MARK.finditer(text):
            for each in mark[1].split(","):
                found.setdefault(each.strip(), set()).add(path)
    return found


def problems(sources: dict[str, str], page: dict[str, str]) -> list[str]:
    found = named(sources)
    out = [f"{each} is named and not listed" for each in sorted(found.keys() - page.keys())]
    out += [f"{each} is listed and nothing names it" for each in sorted(page.keys() - found.keys() - EVERYWHERE)]
    out += [f"{each} is one of EVERYWHERE and named" for each in sorted(found.keys() & EVERYWHERE)]
    script = "\n".join(text for path, text in sources.items() if path.endswith(".sh"))
    code = "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))
    told = "\n".join(page.values())
    commands = set(re.findall(r"\bclp[a-z]+(?:\.sh)?\b", code)) | {t for t in TOOLS if re.search(rf"\b{t}\b", code)}
    return out + [
        f"no belief speaks of {each}" for each in sorted(commands) if not re.search(rf"\b{re.escape(each)}\b", told)
    ]


SIMULATOR = ROOT / "functions" / "sim" / "src" / "world"


def half_tried(page: dict[str, str], simulator: str, told: str) -> list[str]:
    """Beliefs with a switch that the simulator neither has nor is said to lack, or has and is said to lack."""
    out = []
    for each, row in sorted(page.items()):
        switch = row.split(" | ")[5].strip().strip("|").strip()
        has, lacks = f"`{each}`" in simulator, f"`{each}`" in told
        if has and lacks:
            out.append(f"{each} is in the simulator, and said not to be")
        elif switch and not has and not lacks:
            out.append(f"{each} has the switch {switch}, and the simulator does not know it")
    return out


def simulated() -> tuple[dict[str, str], str, str]:
    page = (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")
    told = next(part for part in page.split("\n\n") if part.startswith("In the functions' simulator"))
    return rows(), "".join((SIMULATOR / name).read_text(encoding="utf-8") for name in ("manner.rs", "mod.rs")), told


def test_each_belief_with_a_switch_is_in_the_simulator_or_said_not_to_be() -> None:
    assert half_tried(*simulated()) == []


def test_a_switch_that_only_the_lab_has_is_found() -> None:
    page, simulator, told = simulated()
    assert half_tried(page, simulator.replace("`clp-columns`", ""), told) == [
        "clp-columns has the switch `columns`, and the simulator does not know it"
    ]
    assert half_tried(page, simulator, told + "`clp-columns`") == [
        "clp-columns is in the simulator, and said not to be"
    ]


def ours() -> dict[str, str]:
    tests = ("_tests.rs", "_properties.rs")
    return {str(p): p.read_text(encoding="utf-8") for p in SOURCES if not p.name.endswith(tests)}


def test_every_belief_that_code_depends_on_is_listed_and_the_other_way_round() -> None:
    assert problems(ours(), rows()) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("# belief: clp-nothing\n", "clp-nothing is named and not listed"),
        ("clpnew --now\n", "no belief speaks of clpnew"),
    ],
)
def test_what_depends_on_an_unlisted_belief_is_found(text: str, what: str) -> None:
    assert what in problems(ours() | {"x.sh": text}, rows())


def test_a_belief_that_nothing_names_any_more_is_found() -> None:
    page = rows() | {"clp-old": "| `clp-old` | It was so. |"}
    assert problems(ours(), page) == ["clp-old is listed and nothing names it"]
