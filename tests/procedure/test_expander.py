"""What each verb of statemachine/*.yaml becomes, and what is refused."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "infra"))

import build_statemachines  # noqa: E402
from build_statemachines import SourceError, expand  # noqa: E402

HEAD = "about: A machine.\ntimeout: 60\nstates:\n"
END = "  Done: {Type: Succeed}\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Expands a machine of these states, beside the fragments given by file name."""

    def states(text: str, **fragments: str) -> dict[str, Any]:
        monkeypatch.setattr(build_statemachines, "SOURCES", tmp_path)
        build_statemachines.load.cache_clear()
        for name, content in fragments.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        (tmp_path / "machine.yaml").write_text(HEAD + text)
        return expand("machine")["States"]

    return states


def test_a_state_goes_on_to_the_next_one(source: Any) -> None:
    states = source("  A: {Type: Pass}\n  B: {Type: Pass, then: Done}\n  C: {Type: Pass, End: true}\n" + END)
    assert [states[name].get("Next") for name in "ABC"] == ["B", "Done", None]


def test_call_passes_the_cluster_and_the_lock(source: Any) -> None:
    states = source(
        "  Look:\n    about: Why.\n    call: create-volumes\n    with: {mode: check, now: $entered}\n"
        "    keep: {made, looks: $looks + 1}\n    else: Done\n" + END
    )
    look = states["Look"]
    assert look["Comment"] == "Why."
    assert look["Arguments"]["FunctionName"] == "${CreateVolumesFunction}"
    assert look["Arguments"]["Payload"] == {
        "cluster": "{% $cluster %}",
        "lock": "{% $lock %}",
        "mode": "check",
        "now": "{% $states.context.State.EnteredTime %}",
    }
    assert look["Assign"] == {"made": "{% $states.result.Payload.made %}", "looks": "{% $looks + 1 %}"}
    assert look["Retry"] == build_statemachines.RETRIES["aws"]
    assert [caught["ErrorEquals"] for caught in look["Catch"]] == [["States.ALL"]]
    assert list(look["Catch"][0]["Assign"]) == ["failure"]


def test_fence_none_passes_no_lock(source: Any) -> None:
    states = source("  Look: {call: assess, fence: none, else: Done}\n" + END)
    assert states["Look"]["Arguments"]["Payload"] == {"cluster": "{% $cluster %}"}


def test_errors_are_caught_in_their_order(source: Any) -> None:
    states = source(
        "  Go:\n    lock: release\n    lost: Done\n    else: {'Fenced, OperatorHold': Done, any: {Next: Done}}\n" + END
    )
    caught = [each["ErrorEquals"] for each in states["Go"]["Catch"]]
    assert caught == [["DynamoDB.ConditionalCheckFailedException"], ["Fenced", "OperatorHold"], ["States.ALL"]]


def test_a_fragment_goes_on_where_it_is_told(source: Any) -> None:
    part = "take:\n  Take: {lock: take, lost: Held, else: Done, then: <then>}\n  Held: {Type: Fail}\n"
    states = source("  Take: {use: part.yaml#take, then: Work}\n  Work: {Type: Pass}\n" + END, part=part)
    assert list(states) == ["Take", "Held", "Work", "Done"]
    assert states["Take"]["Next"] == "Work"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  A: {Type: Pass}\n  A: {Type: Pass}\n" + END, "machine.yaml:4: A stands twice"),
        ("  A: {Type: Pass}\n", "machine, A: no state follows"),
        ("  A: {call: assess, lse: Done}\n" + END, "machine, A: nothing is known of lse"),
        ("  A: {lock: steal, else: Done}\n" + END, "machine, A: 'steal' is missing or unknown"),
        ("  A: {run: converge, else: Done}\n" + END, "machine, A: 'as' is missing or unknown"),
        ("  A: {call: assess, retry: often, else: Done}\n" + END, "machine, A: 'often' is missing or unknown"),
        ("  A: {use: part.yaml#b, then: Done}\n" + END, "machine, A: part.yaml has no b"),
        ("  A: {use: none.yaml#b, then: Done}\n" + END, "none.yaml: there is no such file"),
        ("  A: {use: part.yaml#a}\n" + END, 'machine, A: part.yaml#a wants to know "<then>"'),
        ("  B: {use: part.yaml#a, then: Done}\n" + END, "machine, B: part.yaml#a begins with A"),
        ("  A: {Type: Pass}\n  B: {use: part.yaml#b, then: Done}\n" + END, "machine, B: part.yaml has no b"),
        ("  A: {Type: Pass}\n  C: {use: part.yaml#twice}\n" + END, "machine: A stands twice"),
    ],
)
def test_what_cannot_be_expanded_is_refused(source: Any, text: str, message: str) -> None:
    part = "a:\n  A: {Type: Pass, then: <then>}\ntwice:\n  C: {Type: Pass}\n  A: {Type: Pass}\n"
    with pytest.raises(SourceError, match=re.escape(message)):
        source(text, part=part)
