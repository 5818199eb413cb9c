"""The values of a lab's JSONata against those of jsonata 2.0.6, of the same expressions with the same variables."""

from __future__ import annotations

import json
import re
from typing import Any

from .node import ask

# What no second evaluation can repeat.
BY_CHANCE = re.compile(r"\$(random|uuid|shuffle)\b")
Evaluation = dict[str, Any]


def comparable(evaluation: Evaluation) -> bool:
    return not BY_CHANCE.search(evaluation["expression"])


def _outcome(evaluation: Evaluation) -> str:
    """As text in which 1, 1.0, true and "1" are told apart as JSON tells them apart: 1 is 1.0, and nothing else is."""

    def plain(value: Any) -> Any:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return [plain(inner) for inner in value] if isinstance(value, list) else value

    if "error" in evaluation:
        return "an error"  # the codes are no contract: a state machine only catches States.QueryEvaluationError
    return "undefined" if evaluation.get("undefined") else json.dumps(plain(evaluation["value"]), sort_keys=True)


def differences(evaluations: list[Evaluation]) -> list[str]:
    judged = [each for each in evaluations if comparable(each)]
    if not judged:
        return []
    out = []
    for mine, other in zip(judged, ask("evaluate.js", judged), strict=True):
        if (ours := _outcome(mine)) != (theirs := _outcome(other)):
            bindings = json.dumps(mine["bindings"])[:600]
            out.append(
                f"{mine['expression'].strip()[:400]} with {bindings}: the lab has {ours[:200]}, "
                f"jsonata 2.0.6 {theirs[:200]}{' ' + other['error'] if 'error' in other else ''}"
            )
    return out
