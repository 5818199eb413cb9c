"""Every check of infra/check_statemachines.py finds a machine that is broken in just that way, and nothing in ours."""

from __future__ import annotations

import copy
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
import machine_flow  # noqa: E402

from lab.patches.sfn_jsonata import evaluate  # noqa: E402
from scenario.report import POLLS  # noqa: E402

MACHINES = build_statemachines.machines()
States = dict[str, dict[str, Any]]


def test_ours_are_right() -> None:
    assert check_statemachines.found(MACHINES) == []


def test_the_longest_histories() -> None:
    """The figures of statemachine/README.md: less than 25,000 events, with room."""
    longest = {name: machine_flow.worst(machine_flow.flow(machine)) for name, machine in MACHINES.items()}
    page = (ROOT / "statemachine/README.md").read_text(encoding="utf-8")
    for name, most in longest.items():
        assert f"{name} {most:,}" in page


def test_the_reports_polls_are_states() -> None:
    states = {name for machine in MACHINES.values() for part in machine_flow.flows(machine) for name in part.states}
    assert set(POLLS) <= states


def _catch(error: str, target: str) -> list[dict[str, Any]]:
    return [{"ErrorEquals": [error], "Next": target}]


def misspelt_error(states: States) -> None:
    states["PrepareVolumes: enable fast restore"]["Catch"][0]["ErrorEquals"] = ["FastRestoreFail"]


def error_of_nobody(states: States) -> None:
    states["StopBoth: are both down?"]["Choices"][1]["Assign"]["failure"]["Error"] = "RestoreLate"


def unknown_phase(states: States) -> None:
    text = json.dumps(states).replace('"Attach"', '"Fasten: volumes"')
    states.clear()
    states |= json.loads(text)


def nowhere(states: States) -> None:
    states["Detach: is it done?"]["Default"] = "Detach: wait"


def unknown_document(states: States) -> None:
    states["What is next?"]["Choices"][6]["Condition"] = "{% $states.input.next = 'fences' %}"


def unknown_hold(states: States) -> None:
    states["Check the input"]["Choices"][0]["Assign"]["document"] = "${HaltDocument}"


def bare_expression(states: States) -> None:
    states["Bring the cluster back"]["Arguments"]["Input"]["memory"] = "{'started': $may_run ? 'before' : 'never'}"


def unknown_function(states: States) -> None:
    states["Plan"]["Arguments"]["FunctionName"] = "${PlanFunction}"


def function_without_permission(states: States) -> None:
    states["Hold the lock"]["Arguments"]["FunctionName"] = "${AssessFunction}"


def unassigned(states: States) -> None:
    del states["Plan"]["Assign"]["volumes"], states["Begin"]["Assign"]["volumes"]


def unassigned_on_one_way(states: States) -> None:
    del states["PrepareVolumes: is fast restore wanted?"]["Choices"][1]["Assign"]


def unassigned_in_a_branch(states: States) -> None:
    branch = states["StartBoth"]["Branches"][0]["States"]["StartBoth: active"]
    branch["Arguments"]["Payload"]["node"] = "{% $whoever %}"


def orphan(states: States) -> None:
    states["Is it confirmed?"]["Choices"].pop(0)


def lock_left_behind(states: States) -> None:
    states["Plan"]["Catch"][0]["Next"] = "Failed"


def intent_left_behind(states: States) -> None:
    states["Quiesce: stop the groups"]["Catch"][0]["Next"] = "Report the failure"


def intent_left_behind_by_success(states: States) -> None:
    states["Failed?"]["Default"] = "Report"


def released_and_not_back(states: States) -> None:
    states["Release after the failure"]["Next"] = "Report that it is not back"


def uncounted_loop(states: States) -> None:
    states["Detach: is it done?"]["Choices"] = [
        rule for rule in states["Detach: is it done?"]["Choices"] if "looks >=" not in rule["Condition"]
    ]


def counter_set_back(states: States) -> None:
    states["StartBoth"]["Assign"] = {"starts": 0}


def counter_lost(states: States) -> None:
    states["Detach: wait on"]["Output"] = {}


def rule_that_stays_first(states: States) -> None:
    states["Detach: is it done?"]["Choices"].insert(0, {"Condition": "{% $dry_run %}", "Next": "Detach: wait on"})


def way_round_the_choice(states: States) -> None:
    states["Detach"]["Next"] = "Detach"


def endless_waits(states: States) -> None:
    for rule in states["Detach: is it done?"]["Choices"]:
        rule["Condition"] = rule["Condition"].replace("looks >= ", "looks >= 1")


def repeated_without_end(states: States) -> None:
    states["Quiesce: stop the groups"]["Retry"][0]["MaxAttempts"] = 5000


LOOP = "nothing counts the rounds of"


@pytest.mark.parametrize(
    ("machine", "mutant", "problem"),
    [
        ("restore", misspelt_error, "nothing ends with the error FastRestoreFail"),
        ("restore", error_of_nobody, "StopBoth: are both down?: RestoreLate is no error of ours"),
        ("restore", unknown_phase, "Fasten: volumes: Fasten is no phase"),
        ("restore", nowhere, "Detach: is it done?: there is no state Detach: wait"),
        ("converge", unknown_document, "What is next?: there is no document fences"),
        ("hold", unknown_hold, "Check the input: there is no HaltDocument"),
        ("restore", bare_expression, "Bring the cluster back: \"{'started': $may_run"),
        ("restore", unknown_function, "the template has no PlanFunction"),
        ("restore", unknown_function, "${PlanFunction} is not filled in by the template"),
        ("hold", function_without_permission, "the role may not call AssessFunction"),
        ("restore", unassigned, "PrepareVolumes: create: $volumes is not assigned on every way here"),
        ("restore", unassigned_on_one_way, "PrepareVolumes: is it fast: $since is not assigned on every way here"),
        ("restore", unassigned_in_a_branch, "StartBoth: active: $whoever is not assigned on every way here"),
        ("restore", orphan, "Plan only: nothing leads here"),
        ("restore", lock_left_behind, "Take the lock: a way from here ends in Failed"),
        ("restore", intent_left_behind, "Quiesce: write the intent: a way from here ends in Failed"),
        ("restore", intent_left_behind_by_success, "PostProcess: write the intent: a way from here ends in Done"),
        ("restore", released_and_not_back, "Release after the failure: the lock is released, and a way from here"),
        ("restore", uncounted_loop, f"{LOOP} Detach, Detach: is it done?, Detach: wait on"),
        ("restore", counter_set_back, "restore: Begin: a history of"),
        ("restore", counter_lost, f"{LOOP} Detach, Detach: is it done?, Detach: wait on"),
        ("restore", rule_that_stays_first, f"{LOOP} Detach, Detach: is it done?, Detach: wait on"),
        ("restore", way_round_the_choice, f"{LOOP} Detach"),
        ("restore", endless_waits, "restore: Begin: a history of"),
        ("restore", repeated_without_end, "restore: Begin: a history of"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_mutant_is_found(machine: str, mutant: Callable[[States], None], problem: str) -> None:
    broken = copy.deepcopy(MACHINES[machine])
    before = json.dumps(broken)
    mutant(broken["States"])
    assert json.dumps(broken) != before
    said = check_statemachines.found({machine: broken})
    assert any(problem in each for each in said), said


def test_the_kinds_of_errors_are_read() -> None:
    assert {"ClusterNotFound", "Fenced", "AwsRefused"} <= check_statemachines.errors_of_ours()


@pytest.mark.parametrize("name", ["nightly", "n" * 80])
def test_recover_stops_the_children_by_the_names_that_they_were_given(name: str) -> None:
    """A wrong name would not be noticed: what cannot be stopped is fenced by its epoch."""
    stop = MACHINES["recover"]["States"]["Stop the dead holder's children"]
    prefix = "arn:aws:states:eu-west-1:000000000000"
    converge = f"{prefix}:stateMachine:mirrorsnap-converge"
    selector = stop["ItemSelector"]["arn"].replace("${ConvergeStateMachine}", converge)
    stopped = {
        value(selector, item={"holder": {"S": f"{prefix}:execution:mirrorsnap-backup:{name}"}}, of=suffix)
        for suffix in stop["Items"]
    }
    runs = [
        state["Arguments"]["Name"]
        for machine in ("backup", "restore")
        for part in machine_flow.flows(MACHINES[machine])
        for state in part.states.values()
        if state.get("Arguments", {}).get("StateMachineArn") == "${ConvergeStateMachine}"
    ]
    assert stopped == {f"{prefix}:execution:mirrorsnap-converge:{value(each, name=name)}" for each in runs}


def value(expression: str, name: str = "", of: str = "", **variables: Any) -> Any:
    context = {"Execution": {"Name": name}, "Map": {"Item": {"Value": of}}}
    return evaluate(expression.removeprefix("{%").removesuffix("%}"), {"states": {"context": context}, **variables})
