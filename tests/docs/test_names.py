"""A step has one name at each place: what the state machines, functions, documents, pages and tests name does exist.

The names come from infra/step_names.py, which reads each kind from the one place where it is written.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import build_documents  # noqa: E402
import build_statemachines  # noqa: E402
import machine_graph  # noqa: E402
import step_names  # noqa: E402

MACHINES = {name: machine_graph.read(name, each) for name, each in build_statemachines.machines().items()}
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
FUNCTIONS = (ROOT / "docs/functions.md").read_text(encoding="utf-8")
DOCUMENTS = (ROOT / "docs/documents.md").read_text(encoding="utf-8")
# Sent by assess, plan-restore and the state machine `hold`; run-node-step sends all others.
NOT_BY_RUN_NODE_STEP = {"observe", "read-records", "doctor", "hold", "unhold", "describe"}


def section(page: str, heading: str) -> str:
    """The text below a heading, up to the next one of its level or above."""
    level = heading.split(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", page, re.M | re.S)
    assert found, f"there is no heading {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of every row of the tables in a text, headers left out."""
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    ruler = {number for number, cells in enumerate(table) if set("".join(cells)) <= {"-"}}
    return [cells for number, cells in enumerate(table) if number not in ruler and number + 1 not in ruler]


def states() -> list[tuple[str, machine_graph.State]]:
    return [(name, state) for name, graph in MACHINES.items() for state in machine_graph.every(graph)]


# ── phases ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_stands_before_a_colon_in_a_state_is_a_phase() -> None:
    prefixes = {state.name.partition(":")[0] for _, state in states() if ":" in state.name}
    assert prefixes - {"Clean up"} <= set(step_names.phases())


def test_every_phase_is_entered_by_some_state() -> None:
    assert set(step_names.phases()) == {state.band for _, state in states()} & set(step_names.phases())


def test_pages_list_the_phases_that_there_are() -> None:
    listed = re.search(r"`at` is the entry of the first state of that phase.*?: (.*?)\. ", _scenarios(), re.S)
    assert listed
    assert tuple(re.split(r"[,;]\s+", listed[1])) == step_names.phases()


def _scenarios() -> str:
    return (ROOT / "docs/scenarios.md").read_text(encoding="utf-8")


# ── functions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_bootstrap_knows_the_functions_of_the_template() -> None:
    code = (ROOT / "functions/src/functions.rs").read_text(encoding="utf-8")
    assert set(re.findall(r'^ +Self::\w+ => "([a-z-]+)",$', code, re.M)) == set(step_names.functions())


@pytest.mark.parametrize("name", step_names.functions())
def test_a_function_s_name_is_written_once_in_the_code(name: str) -> None:
    code = [path for path in _files("functions/src", "rs") if not path.name.endswith("tests.rs")]
    found = [path.name for path in code for _ in re.findall(f'"{name}"', path.read_text(encoding="utf-8"))]
    assert found == ["functions.rs"]


def test_every_function_is_called_by_a_state_and_no_other_is() -> None:
    assert {state.does for _, state in states() if state.kind == "function"} == set(step_names.functions())


def test_the_page_of_the_functions_lists_each() -> None:
    headings = set(re.findall(r"^## ([a-z-]+)$", FUNCTIONS, re.M))
    restore = {row[0] for row in rows(section(FUNCTIONS, "## Restore"))} & set(step_names.functions())
    assert headings | restore == set(step_names.functions())
    permissions = re.findall(r"^## Function ([a-z-]+)$", (ROOT / "docs/permissions.md").read_text("utf-8"), re.M)
    assert sorted(permissions) == sorted(step_names.functions())


def test_a_state_that_runs_a_document_names_it() -> None:
    for machine, state in states():
        assert set(state.documents) <= set(step_names.documents()), f"{machine}: {state.name}"
        if state.does == "run-node-step":
            assert state.documents, f"{machine}: {state.name} does not say which document it runs"
    named = {name for _, state in states() for name in state.documents}
    assert named == set(step_names.documents())


def test_scenarios_name_functions_that_there_are() -> None:
    named = set()
    for path in (ROOT / "tests").rglob("*.yaml"):
        named |= set(re.findall(r"\bfunction: ([a-z-]+)", path.read_text(encoding="utf-8")))
    assert named <= set(step_names.functions())


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", step_names.documents())
def test_a_document_says_its_own_name(name: str) -> None:
    assert f"\nDOCUMENT={name}\n" in build_documents.documents()[name].text


def test_the_page_of_the_documents_lists_each() -> None:
    table = next(part for part in DOCUMENTS.split("\n\n") if part.startswith("| Document "))
    listed = [name for row in rows(table) for name in row[0].split(", ")]
    assert sorted(listed) == sorted(step_names.documents())
    sent = re.search(r"^Documents: (.*?);", section(FUNCTIONS, "## run-node-step"), re.M | re.S)
    assert sent
    assert set(re.split(r",\s+", sent[1])) == set(step_names.documents()) - NOT_BY_RUN_NODE_STEP


@pytest.mark.parametrize("name", step_names.documents())
def test_a_document_is_found_by_its_name_in_code_and_tests(name: str) -> None:
    word = re.compile(rf"(?<![\w-]){name}(?![\w-])")
    sides = {
        "functions or state machines": [*_files("functions", "rs"), *_files("statemachine")],
        "tests": [*_files("tests", "py"), *_files("tests", "yaml"), *(ROOT / "functions").rglob("*tests.rs")],
        "a page": _files("docs", "md"),
    }
    for side, paths in sides.items():
        assert any(word.search(path.read_text(encoding="utf-8")) for path in paths), f"{side} do not name {name}"


def _files(folder: str, kind: str = "*") -> list[Path]:
    return [path for path in (ROOT / folder).rglob(f"*.{kind}") if path.is_file() and path.suffix != ".svg"]


def test_names_with_our_prefix_are_ours() -> None:
    template = (ROOT / "infra/template.yaml").read_text(encoding="utf-8")
    resources = set(re.findall(r"\$\{AWS::StackName\}-([a-z-]+)", template))
    known = {*step_names.documents(), *step_names.functions(), *MACHINES, *resources}
    for path in [*_files("docs", "md"), ROOT / "README.md", *_files("statemachine"), *_files("functions", "rs")]:
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"(?<![\w/.-])mirrorsnap-([a-z]+(?:-[a-z]+)*)", text))
        assert named <= known | {"domain", "prove-image", "sim"}, path.name


@pytest.mark.parametrize("name", sorted(set(step_names.documents()) - {"hold", "unhold"}))
def test_a_document_s_name_is_written_once_in_the_code(name: str) -> None:
    """Except `quiesce`, which is also a step's key in a plan. Only their state machine sends `hold` and `unhold`."""
    found = []
    for path in [*_files("functions/domain/src", "rs"), *_files("functions/src", "rs")]:
        if not path.stem.endswith(("tests", "properties", "testing")):
            code = path.read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
            found += [path.name] * code.count(f'"{name}"')
    assert sorted(set(found) - {"steps.rs" if name == "quiesce" else ""}) == ["document.rs"], found
    assert found.count("document.rs") == 1


# ── the table of the steps ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_of_the_steps_is_true() -> None:
    table = rows(section(ARCHITECTURE, "## Every step by name"))
    phases, functions, documents = set(), set(), set()
    for what, phase, cell, function, document in table:
        named, machines = cell.rsplit(" (", 1)
        for machine in machines.rstrip(")").split(", "):
            all_states = {state.name: state for state in machine_graph.every(MACHINES[machine])}
            for name in named.strip("`").split("`, `"):
                assert name in all_states, f"{what}: {machine} has no state {name!r}"
                state = all_states[name]
                assert phase in ("", state.band), f"{what}: {name} belongs to {state.band}, not to {phase}"
                if state.kind == "function":
                    assert function == state.does, f"{what}: {name} calls {state.does}, not {function}"
                listed = set(document.split(", ")) - {""}
                assert listed <= set(state.documents), f"{what}: {name} runs {state.documents}, not {document}"
        phases.add(phase)
        functions.add(function)
        documents |= set(document.split(", "))
    assert phases - {""} == set(step_names.phases()) - {"Inspect"}
    assert functions - {""} == set(step_names.functions())
    assert documents - {""} == set(step_names.documents())
