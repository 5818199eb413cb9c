"""The references on the state machines find each of these mutants in a definition of ours, and nothing in ours.

What they do not find is tested too, so that it stays known: another check must have it.
"""

from __future__ import annotations

import copy
import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "infra"))

import build_statemachines  # noqa: E402
import check_statemachines  # noqa: E402
import lint_statemachines  # noqa: E402

from references import machines, node  # noqa: E402
from references.machines import ARN  # noqa: E402

Machine = dict[str, Any]


@functools.cache
def ours() -> dict[str, Machine]:
    text = json.dumps(build_statemachines.machines())
    return json.loads(text.replace("${", ARN).replace("}-", "-"))


def expression(text: str) -> Callable[[Machine], Any]:
    """The hold machine with this expression as the first state's reason."""
    return lambda machine: machine["States"]["Check the input"]["Choices"][0]["Assign"].update(why=f"{{% {text} %}}")


def state(name: str) -> Callable[[Machine], Machine]:
    return lambda machine: machine["States"][name]


hold = state("Hold the lock")
NOT_DECLARED = "is no function of Step Functions"
# name -> (what is done to `hold`, what the references say of it)
FOUND: dict[str, tuple[Callable[[Machine], Any], str]] = {
    "unknown StartAt": (lambda m: m.update(StartAt="Nowhere"), "StartAt"),
    "unknown Next": (lambda m: hold(m).update(Next="Nowhere"), "Next"),
    "missing Next": (lambda m: hold(m).pop("Next"), "Next"),
    "unreachable state": (lambda m: m["States"].update(Alone={"Type": "Succeed"}), "reached"),
    "unknown field": (lambda m: hold(m).update(TimeoutSecond=5), "not supported"),
    "syntax": (expression("$states.input."), "S0207"),
    "?? of jsonata 2.1": (expression("$states.input.a ?? 1"), "S0"),
    "?: of jsonata 2.1": (expression("$states.input.a ?: 1"), "S0"),
    "a regular expression that JavaScript does not know": (expression("$match('a', /(?P<n>a)/)"), "Invalid"),
    "$eval": (expression("$eval('1')"), f"$eval {NOT_DECLARED}"),
    "$eval as a value": (expression("$map(['1'], $eval)"), f"$eval {NOT_DECLARED}"),
    "a misspelt function": (expression("$uppercaze('a')"), f"$uppercaze {NOT_DECLARED}"),
    "a function within a branch of a condition": (expression("true ? 1 : [{'a': $sha('a')}]"), f"$sha {NOT_DECLARED}"),
    "a field without a context": (expression("cluster = 'a'"), "cluster has no context"),
    "$ without a context": (expression("$.cluster"), "$ has no context"),
    "$$ without a context": (expression("$$.cluster"), "$$ has no context"),
    "within a function of its own": (expression("$map([1], function($v) { cluster })"), "cluster has no context"),
}
# Expressions that look like one of those, and are allowed.
RIGHT = (
    "$states.input.a[b = 1].c",
    "$states.input.a[$.b in $keys($)]",
    "($f := function($x) { $x + 1 }; $f(1))",
    "$map([1], $string)",
    "$parse('{}')",
    "$states.input.a{name: $sum(value)}",
    "$sort($states.input.a, function($l, $r) { $l.at > $r.at })",
    "$states.input.a^(>at)",
)
# What the references let pass: name -> (what is done to `hold`, the check that has it)
UNSEEN: dict[str, tuple[Callable[[Machine], Any], Callable[[Machine], list[str]]]] = {
    "an unknown variable": (
        expression("$clutser"),
        lambda machine: list(check_statemachines.variables(machine)),
    ),
    "a JSONPath field in a JSONata state": (
        lambda m: hold(m).update(ResultPath="$.a"),
        lambda machine: [lint_statemachines.statelint(copy.deepcopy(machine))],
    ),
    "an error that nothing ends with": (
        lambda m: hold(m)["Retry"][0].update(ErrorEquals=["Lambda.Nothing"]),
        lambda machine: list(check_statemachines.errors(machine)),
    ),
}


def mutant(change: Callable[[Machine], Any]) -> Machine:
    machine = copy.deepcopy(ours()["hold"])
    change(machine)
    return machine


@functools.cache
def said() -> list[str]:
    """What the references say of all mutants, each under its own name: Node.js is started once."""
    changes = {name: change for name, (change, _) in {**FOUND, **UNSEEN}.items()}
    changes |= {text: expression(text) for text in RIGHT}
    return machines.problems({name: mutant(change) for name, change in changes.items()})


def of(name: str) -> list[str]:
    return [each.removeprefix(name) for each in said() if each.startswith((f"{name}/", f"{name}, line"))]


def test_nothing_is_found_in_ours() -> None:
    assert machines.problems(ours()) == []


@pytest.mark.parametrize("name", FOUND)
def test_a_mutant_is_found(name: str) -> None:
    text = FOUND[name][1]
    assert any(text in each for each in of(name)), of(name)


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_allowed_is_not_found(text: str) -> None:
    assert of(text) == []


@pytest.mark.parametrize("name", UNSEEN)
def test_what_is_not_seen_is_found_elsewhere(name: str) -> None:
    change, other = UNSEEN[name]
    assert of(name) == [], "the reference finds it now: move it"
    assert [each for each in other(mutant(change)) if each]
    assert not [each for each in other(copy.deepcopy(ours()["hold"])) if each]


def test_machines_without_an_expression_are_no_proof() -> None:
    assert machines.problems({"a": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}}) != []


def test_all_fragments_are_judged_since_machines_use_them() -> None:
    """A fragment is expanded where it is used, so one that nothing uses would be judged by nothing."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in build_statemachines.SOURCES.glob("*.yaml")}
    parts = {name: build_statemachines.read(name) for name in sources}
    fragments = [
        f"{name}#{part}"
        for name, source in parts.items()
        if "states" not in source
        for part in source.keys() - {"about"}
    ]
    assert fragments
    for each in fragments:
        assert any(f"use: {each}" in text for text in sources.values()), f"{each} is used by no machine"


def test_the_functions_are_those_of_the_reference() -> None:
    """Each name of functions.js is a function of jsonata 2.0.6 or one of AWS's five; $eval alone is left out."""
    answer = node.ask("functions_of_jsonata.js", None)
    named, standard = set(answer["allowed"]), set(answer["standard"])
    assert standard - named == {"eval"}
    assert named - standard == {"partition", "range", "hash", "uuid", "parse"}


def test_a_script_that_fails_is_no_answer() -> None:
    with pytest.raises(node.NodeError):
        node.ask("no_such_script.js", {})
