"""statemachine/README.md: each verb becomes the ASL that the page shows."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "infra"))

import build_statemachines  # noqa: E402
import statemachine_verbs  # noqa: E402

PAGE = (ROOT / "statemachine/README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```\n```json\n(.*?)```", PAGE, re.S)


def shown(state: dict[str, Any]) -> dict[str, Any]:
    """A state as the page shows it: with retry lists by name and nothing of where it goes on."""
    names = {json.dumps(entries): name for name, entries in statemachine_verbs.RETRIES.items()}
    if "Retry" in state:
        state["Retry"] = [names[json.dumps(state["Retry"])]]
    return statemachine_verbs.expressions(state) | ({"Next": "…"} if "Next" in state else {})


@pytest.mark.parametrize(("source", "asl"), EXAMPLES, ids=lambda text: text.split(":")[0])
def test_an_example_is_true(source: str, asl: str) -> None:
    machine = build_statemachines.Machine("README")
    states = machine.states(yaml.safe_load(source) | {"End": {"Type": "Succeed"}})["States"]
    wanted = statemachine_verbs.expressions(json.loads(asl))
    kind = wanted["Type"]
    assert [shown(state) for state in states.values() if state["Type"] == kind] == [wanted]


def test_every_verb_has_an_example() -> None:
    verbs = {*statemachine_verbs.VERBS, "poll"} - {"node"}
    assert {verb for source, _ in EXAMPLES for verb in verbs if f"{verb}: " in source} == verbs
    for what in (*statemachine_verbs.LOCK, *statemachine_verbs.RETRIES, *statemachine_verbs.CALLS):
        assert f"`{what}`" in PAGE or f"`${what}(" in PAGE, what
