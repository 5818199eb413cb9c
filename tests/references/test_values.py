"""A lab's evaluator that is laxer than jsonata 2.0.6, or has other values, is found by the comparison."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.patches import sfn_jsonata
from references import values

UNDEFINED: dict[str, Any] = {"undefined": True}


def evaluation(expression: str, **bindings: Any) -> dict[str, Any]:
    """What the lab would leave of an evaluation."""
    try:
        value = sfn_jsonata._evaluate(expression, bindings)
    except Exception as error:
        outcome: dict[str, Any] = {"error": str(error)}
    else:
        outcome = UNDEFINED if value is sfn_jsonata.UNDEFINED else {"value": json.loads(json.dumps(value))}
    return {"expression": expression, "bindings": bindings, "millis": None, **outcome}


# What is known to differ: an expression of ours must not depend on it, and the comparison finds it where one does.
LAX = ["$count(null)", "$a ?? 1", "$a ?: 1"]
SAME: dict[str, dict[str, Any]] = {
    "$states.input.a.b": {"states": {"input": {"a": [{"b": 1}, {"b": 2}]}}},
    "$states.input.none": {"states": {"input": {}}},
    "$a = null": {"a": None},
    "$partition([1, 2, 3], 2)": {},
    "$range(0, 10, 5)": {},
    "$hash('a', 'SHA-256')": {},
    "$parse('{\"a\": [1, null]}')": {},
    "$string($a)": {"a": {"b": [1, 1.5, "x"]}},
    "$merge([$a, {'c': 2}])": {"a": {"b": 1}},
    "$a[0].b > 3 and $not($exists($a.c))": {"a": [{"b": 4}]},
    "$match('a-12', /-(\\d+)/).groups[0]": {},
    "1 + 'a'": {},
    "$sort($a)": {"a": [3, 1, 2]},
}


@pytest.mark.parametrize("expression", LAX)
def test_where_the_lab_is_laxer_is_found(expression: str) -> None:
    assert len(values.differences([evaluation(expression)])) == 1


def test_nothing_is_found_where_both_agree() -> None:
    assert values.differences([evaluation(text, **bindings) for text, bindings in SAME.items()]) == []


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("1", {"value": 2}),
        ("1", {"value": "1"}),
        ("1", {"value": True}),
        ("1", UNDEFINED),
        ("1", {"error": "T2001"}),
        ("null", UNDEFINED),
        ("$a", {"value": None}),
        ("[1]", {"value": 1}),
        ("1 + 'a'", {"value": "1a"}),
    ],
)
def test_a_mutant_is_found(expression: str, outcome: dict[str, Any]) -> None:
    mutant = {"expression": expression, "bindings": {}, "millis": None, **outcome}
    assert len(values.differences([mutant])) == 1


def test_time_is_that_of_the_evaluation() -> None:
    time = {"expression": "[$millis(), $now()]", "bindings": {}, "millis": 1790000000000}
    right = {**time, "value": [1790000000000, "2026-09-21T14:13:20.000Z"]}
    assert values.differences([right]) == []
    assert len(values.differences([{**right, "millis": 1790000000001}])) == 1


def test_what_is_by_chance_is_not_compared() -> None:
    chance = [{"expression": text, "bindings": {}, "millis": None, "value": 1} for text in ("$uuid()", "$random()")]
    assert values.differences(chance) == []
    assert not any(map(values.comparable, chance))
