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
import read_template  # noqa: E402
import statemachine_verbs  # noqa: E402
from build_statemachines import expand  # noqa: E402
from statemachine_polls import schedule  # noqa: E402
from statemachine_verbs import SourceError, expressions  # noqa: E402

from lab.patches.sfn_jsonata import UNDEFINED, evaluate  # noqa: E402

HEAD = "about: A machine.\ntimeout: 60\nstates:\n"
END = "  Done: {Type: Succeed}\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Expands a machine of these states, beside the fragments given by file name."""

    def states(text: str, **fragments: str) -> dict[str, Any]:
        monkeypatch.setattr(build_statemachines, "SOURCES", tmp_path)
        build_statemachines.load.cache_clear()
        (tmp_path / "converge.yaml").write_text(HEAD + END)
        for name, content in fragments.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        (tmp_path / "machine.yaml").write_text(HEAD + text)
        return expand("machine")["States"]

    return states


def test_a_state_goes_on_to_the_next_one(source: Any) -> None:
    states = source("  A: {Type: Pass}\n  B: {Type: Pass, then: Done}\n  C: {Type: Pass, End: true}\n" + END)
    assert [states[name].get("Next") for name in "ABC"] == ["B", "Done", None]


TRACE = {"execution": "{% $states.context.Execution.Id %}", "state": "{% $states.context.State.Name %}"}


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
        "trace": TRACE,
    }
    assert look["TimeoutSeconds"] == read_template.function_seconds()["create-volumes"] + 20
    assert look["Assign"] == {"made": "{% $states.result.Payload.made %}", "looks": "{% $looks + 1 %}"}
    assert look["Retry"] == statemachine_verbs.RETRIES["aws"]
    kept = {"failure": "{% $states.errorOutput %}"}
    assert look["Catch"] == [{"ErrorEquals": ["States.ALL"], "Assign": kept, "Next": "Done"}]


def test_fence_none_passes_no_lock(source: Any) -> None:
    states = source("  Look: {call: assess, fence: none, else: Done}\n" + END)
    assert states["Look"]["Arguments"]["Payload"] == {"cluster": "{% $cluster %}", "trace": TRACE}


def test_the_start_of_a_child_is_repeated_and_a_failed_child_is_not(source: Any) -> None:
    states = source("  Back: {run: converge, as: back, else: Done}\n" + END)
    (retry,) = states["Back"]["Retry"]
    assert "StepFunctions.ThrottlingException" in retry["ErrorEquals"]
    assert not {"States.ALL", "States.TaskFailed"} & set(retry["ErrorEquals"])
    assert states["Back"]["Arguments"]["Name"].endswith("& '-back' %}")


def test_errors_are_caught_in_their_order(source: Any) -> None:
    states = source(
        "  Go:\n    lock: release\n    lost: Done\n    else: {any: {Next: Done}, 'Fenced, OperatorHold': Done}\n" + END
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
        ("  A: {use: part.yaml#a}\n" + END, "machine, A: part.yaml#a wants to know <then>"),
        ("  B: {use: part.yaml#a, then: Done}\n" + END, "machine, B: part.yaml#a begins with A"),
        ("  A: {Type: Pass}\n  B: {use: part.yaml#b, then: Done}\n" + END, "machine, B: part.yaml has no b"),
        ("  A: {Type: Pass}\n  C: {use: part.yaml#twice}\n" + END, "machine: A stands twice"),
    ],
)
def test_what_cannot_be_expanded_is_refused(source: Any, text: str, message: str) -> None:
    part = "a:\n  A: {Type: Pass, then: <then>}\ntwice:\n  C: {Type: Pass}\n  A: {Type: Pass}\n"
    with pytest.raises(SourceError, match=re.escape(message)):
        source(text, part=part)


def test_in_a_branch_the_error_is_the_result(source: Any) -> None:
    branch = "{A: {call: assess, else: B}, B: {Type: Pass, End: true}}"
    states = source("  Both:\n    Type: Parallel\n    Branches: [" + branch + "]\n" + END)
    caught = states["Both"]["Branches"][0]["States"]["A"]["Catch"]
    assert caught == [{"ErrorEquals": ["States.ALL"], "Output": {"failed": "{% $states.errorOutput %}"}, "Next": "B"}]


POLL = """  Look:
    poll: assess
    with: {mode: stopped}
    ask: Down?
    until: over
    then: Done
    wait: Wait
    every: [15s x 2, 15s]
    within: 1m
    late: {Error: StepTimedOut, Cause: Too late.}
    else: Done
"""


def test_a_poll_looks_asks_and_waits(source: Any) -> None:
    states = source(POLL + END)
    assert [states[name]["Type"] for name in ("Look", "Down?", "Wait")] == ["Task", "Choice", "Wait"]
    over, late = states["Down?"]["Choices"]
    assert (over["Condition"], over["Next"]) == ("{% $states.input.over = true %}", "Done")
    assert late == {
        "Condition": "{% $states.input.looks >= 4 %}",
        "Assign": {"failure": {"Error": "StepTimedOut", "Cause": "Too late."}},
        "Next": "Done",
    }
    assert states["Down?"]["Default"] == "Wait" and states["Wait"]["Next"] == "Look"
    output = states["Look"]["Output"].removeprefix("{%").removesuffix("%}")
    for before, looks in (({}, 1), ({"poll": "Other", "looks": 7}, 1), ({"poll": "Look", "looks": 3}, 4)):
        answer = {"result": {"Payload": {"over": False}}, "input": before}
        assert evaluate(output, {"states": answer}) == {"over": False, "poll": "Look", "looks": looks}


@pytest.mark.parametrize(
    ("every", "within", "pairs"),
    [
        (["10s x 180"], None, [(10, 180)]),
        (["15s x 40", "60s x 60", "6m x 40", "30m"], "6d", [(15, 40), (60, 60), (360, 40), (1800, 278)]),
    ],
)
def test_a_schedule(every: list[str], within: str | None, pairs: list[tuple[int, int]]) -> None:
    assert schedule(every, within) == pairs


@pytest.mark.parametrize(
    ("every", "within", "message"),
    [
        (["15s"], None, "has no end"),
        (["15s x 40", "61s x 2"], None, "more than a tenth of the 600 s"),
        (["15 seconds x 4"], None, "is no time"),
    ],
)
def test_a_schedule_that_is_refused(every: list[str], within: str | None, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        schedule(every, within)


FUNCTION = {"Error": "Lambda.Unknown", "Cause": '{"errorType": "SnapshotFailed", "errorMessage": "It failed."}'}
CHILD = {"Error": "States.TaskFailed", "Cause": '{"Error": "Stuck", "Cause": "No end.", "Input": "{}"}'}


@pytest.mark.parametrize(
    ("caught", "error", "cause"),
    [
        (FUNCTION, "Lambda.Unknown", "It failed."),
        (CHILD, "Stuck", "No end."),
        ({"Error": "States.Timeout"}, "States.Timeout", "no cause was given"),
        ({"Error": "X", "Cause": ""}, "X", ""),
        ({"Error": "X", "Cause": "in words"}, "X", "in words"),
    ],
)
def test_an_error_is_made_readable(caught: dict[str, str], error: str, cause: str) -> None:
    def said(call: str) -> Any:
        text = expressions(call).removeprefix("{%").removesuffix("%}")
        return evaluate(text, {"failure": caught})

    assert (said("$error_of($failure)"), said("$cause_of($failure)")) == (error, cause)


@pytest.mark.parametrize("name", ["orders", "a", "o" * 40, "a1-b-2", "x-rr-1", "a-b"])
def test_a_clusters_name(name: str) -> None:
    assert is_cluster(name) is True


@pytest.mark.parametrize(
    "name", ["", "o" * 41, "1orders", "-a", "a-", "a-r", "a-r-b", "A", "a_b", "a\n", "a b", 7, None, ["a"], UNDEFINED]
)
def test_what_is_no_clusters_name(name: Any) -> None:
    assert is_cluster(name) is False


def is_cluster(name: Any) -> Any:
    text = expressions("$is_cluster($input.cluster)").removeprefix("{%").removesuffix("%}")
    return evaluate(text, {"states": {"input": {} if name is UNDEFINED else {"cluster": name}}})


def test_long_names_of_children_do_not_collide() -> None:
    def child(name: str) -> str:
        text = expressions("$child_of($execution.Name)").removeprefix("{%").removesuffix("%}")
        return evaluate(text, {"states": {"context": {"Execution": {"Name": name}}}})

    assert child("nightly-orders") == "nightly-orders"
    one, two = child("n" * 79 + "1"), child("n" * 79 + "2")
    assert one != two and one[:47] == two[:47] == "n" * 47 and len(one) == len(two) == 64


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ({"cluster": "orders"}, True),
        ({"cluster": "orders", "hold": 7}, True),
        ({"cluster": "orders", "more": 7}, False),
        ({"cluster": "Orders"}, False),
        ({"hold": "why"}, False),
        ("orders", False),
        ([], False),
    ],
)
def test_what_an_input_may_ask(value: Any, holds: bool) -> None:
    text = expressions("$asks_only('cluster', 'hold')").removeprefix("{%").removesuffix("%}")
    assert evaluate(text, {"states": {"input": value}}) is holds


def test_the_sources_stay_short() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in build_statemachines.SOURCES.glob("*.yaml")}
    assert sum(lines.values()) <= 1900 and max(lines.values()) <= 700, lines
