"""What AWS may refuse for a while, or cut, ends no operation: every Task's repeats, every cut Cause, every subject."""

from __future__ import annotations

import json
from typing import Any

import pytest
from machine_run import NOW, TaskError
from procedure_world import INTENT, MACHINES, UNFINISHED, World, flows, run

from lab.patches.sfn_jsonata import evaluate

# Developer guide, "Handle transient Lambda service exceptions", and how a function ends that was killed.
LAMBDA = (
    *("Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException", "Lambda.AWSLambdaException"),
    *("Lambda.SdkClientException", "Lambda.TooManyRequestsException", "Lambda.Unknown"),
    *("Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"),
)
# API reference, StartExecution and common errors: what passes by itself.
START = (
    *("StepFunctions.ThrottlingException", "StepFunctions.ExecutionLimitExceededException"),
    *("StepFunctions.KmsThrottlingException", "StepFunctions.ServiceUnavailableException"),
    *("StepFunctions.InternalFailureException", "StepFunctions.SdkClientException"),
)
# Converge's own loop repeats a look that fails, 150 times in a row.
REPEATED_BY_A_LOOP = {("converge", "Assess")}
CUT = 32_768  # characters of a Cause


def tasks(resource: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (machine, name, state)
        for machine, definition in MACHINES.items()
        for part in flows(definition)
        for name, state in part.states.items()
        if resource in state.get("Resource", "")
    ]


def patience(state: dict[str, Any], error: str) -> float:
    """Seconds from the first such error to the last repeat."""
    for retry in state.get("Retry", []):
        if {error, "States.ALL"} & set(retry["ErrorEquals"]):
            wait, rate = retry.get("IntervalSeconds", 1), retry.get("BackoffRate", 2.0)
            most = retry.get("MaxDelaySeconds", 1e9)
            return sum(min(wait * rate**number, most) for number in range(retry.get("MaxAttempts", 3)))
    return 0.0


@pytest.mark.parametrize("error", LAMBDA)
def test_a_function_is_called_again_for_two_minutes(error: str) -> None:
    found = {
        (machine, name): patience(state, error)
        for machine, name, state in tasks("lambda:invoke")
        if (machine, name) not in REPEATED_BY_A_LOOP
    }
    assert {where: seconds for where, seconds in found.items() if seconds < 120} == {}


@pytest.mark.parametrize("error", START)
def test_a_child_is_started_again_for_two_minutes(error: str) -> None:
    found = {(machine, name): patience(state, error) for machine, name, state in tasks("startExecution.sync:2")}
    assert len(found) >= 9
    assert {where: seconds for where, seconds in found.items() if seconds < 120} == {}


def error_of(cause: str, of: str = "error_of") -> Any:
    import statemachine_verbs

    text = statemachine_verbs.expressions(f"${of}($caught)").removeprefix("{%").removesuffix("%}")
    return evaluate(text, {"states": {"errorOutput": {"Error": "States.TaskFailed", "Cause": cause}}})


@pytest.mark.parametrize("end", [0, 1, 2, 3])
def test_a_cut_cause_is_taken_as_it_is(end: int) -> None:
    """Whatever the last character is: `}` does not mean that the text is whole."""
    whole = json.dumps({"Cause": "x" * CUT, "Error": "Stuck", "Input": "{}}}" + "y" * 100})
    cut = whole[: CUT - end] + "}" * end
    assert error_of(cut) == "States.TaskFailed"
    assert error_of(cut, "cause_of") == cut
    assert error_of('{"Error": "Stuck", "Cause": "md1 is RED."}') == "Stuck"
    assert error_of('{"Error": "Stuck", "Cau') == "States.TaskFailed"


@pytest.mark.parametrize("what", ["backup", "restore", "recover"])
def test_an_operation_bears_a_cut_cause(what: str) -> None:
    """Its child's failure is longer than a Cause may be. The end is one of the named ones all the same."""
    cause = json.dumps({"Cause": "x" * 40_000, "Error": "Stuck"})[:CUT]

    class Verbose(World):
        def __call__(self, name: str, arguments: dict[str, Any]) -> Any:
            if arguments.get("StateMachineArn") == "${ConvergeStateMachine}":
                raise TaskError("States.TaskFailed", cause)
            return super().__call__(name, arguments)

    done, world = run(what, Verbose(UNFINISHED | {"intent": {"S": INTENT}} if what == "recover" else None))
    assert done.path[-1] == "Failed, and the cluster is not back" and "intent" in world.item


LONG = "a" + "b" * 39  # the longest name of a cluster


def subjects() -> list[str]:
    """What is published by every Task that publishes, with the longest names that there are."""
    values = {
        "cluster": LONG,
        "failure": {"Error": "E" * 256, "Cause": "c"},
        "deadline": NOW,
        "proof": {"message": {"subject": f"mirrorsnap: an image of {LONG} is not clean"}},
        "morning": {"message": {"subject": f"{LONG} and more"}},
        "states": {"input": {"Error": "E" * 256, "Cause": "c"}, "context": {"Task": {"Token": "t"}}},
    }
    texts = [state["Arguments"]["Subject"] for _, _, state in tasks("sns:publish")]
    return [evaluate(text.removeprefix("{%").removesuffix("%}"), values) for text in texts]


def test_a_subject_has_less_than_100_characters() -> None:
    found = subjects()
    assert len(found) >= 5 and max(map(len, found)) == 99
    assert all(LONG in text for text in found)
