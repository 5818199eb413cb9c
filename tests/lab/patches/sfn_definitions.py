"""Definitions: refused when AWS refuses them, at CreateStateMachine and at UpdateStateMachine, and parsed once.

ministack stores any JSON. moto's grammar knows the fields; what it does not look at (targets that do not exist,
states that nothing reaches, names used twice, SDK actions that do not exist, a role that Step Functions cannot
assume) is checked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import ministack.services.stepfunctions as ministack_sfn
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response

from .. import iam
from . import sfn_casing
from .pins import replace
from .sfn_names import bad_name
from .sfn_programs import program

MAX_DEFINITION = 1_048_576  # characters: API reference, CreateStateMachine
AWS_SDK = "arn:aws:states:::aws-sdk:"


def problems(definition: Any) -> list[str]:
    """What AWS would refuse in a definition, as `CODE: text at /path`; empty if nothing."""
    if not isinstance(definition, str) or len(definition) > MAX_DEFINITION:
        return [f"INVALID_JSON_DESCRIPTION: a definition is a string of at most {MAX_DEFINITION} characters"]
    try:
        machine = json.loads(definition)
    except ValueError as error:
        return [f"INVALID_JSON_DESCRIPTION: {error}"]
    if not isinstance(machine, dict):
        return ["SCHEMA_VALIDATION_FAILED: a definition is a JSON object"]
    if malformed := ministack_sfn._validate_definition_jsonata(definition):
        return [malformed]
    found = list(_scope(machine, "", set()))
    if not found:
        try:
            program(definition)
        except Exception as error:
            found = [f"SCHEMA_VALIDATION_FAILED: {error!r:.400}"]
    return found


def _scope(scope: dict[str, Any], path: str, names: set[str]) -> Iterator[str]:
    """One `States` object: a machine, a branch or an iteration."""
    states = scope.get("States")
    if not isinstance(states, dict) or not states:
        yield f"SCHEMA_VALIDATION_FAILED: States must be a non-empty object at {path}/States"
        return
    start = scope.get("StartAt")
    if start not in states:
        yield f"MISSING_TRANSITION_TARGET: Missing 'StartAt' target: {start} at {path}/StartAt"
        return
    reached = {start}
    for name, state in states.items():
        where = f"{path}/States/{name}"
        if not isinstance(state, dict):
            yield f"SCHEMA_VALIDATION_FAILED: a state must be an object at {where}"
            continue
        if len(name) > 80:
            yield f"SCHEMA_VALIDATION_FAILED: State name exceeds 80 characters at {where}"
        if name in names:
            yield f"DUPLICATE_STATE_NAME: Duplicate State name: {name} at {where}"
        names.add(name)
        for field, target in _targets(state):
            if target in states:
                reached.add(target)
            else:
                yield f"MISSING_TRANSITION_TARGET: Missing '{field.split('/')[-1]}' target: {target} at {where}/{field}"
        yield from _flow(state, where)
        yield from _resource(state, where)
        for index, branch in enumerate(state.get("Branches") or ()):
            yield from _scope(branch, f"{where}/Branches[{index}]", names)
        for field in ("ItemProcessor", "Iterator"):
            if isinstance(state.get(field), dict):
                yield from _scope(state[field], f"{where}/{field}", names)
    for name in states:
        if name not in reached:
            yield f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {path}/States/{name}'


def _targets(state: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for index, rule in enumerate(state.get("Choices") or ()):
        yield f"Choices[{index}]/Next", rule.get("Next")
    for index, catcher in enumerate(state.get("Catch") or ()):
        yield f"Catch[{index}]/Next", catcher.get("Next")


def _flow(state: dict[str, Any], where: str) -> Iterator[str]:
    if state.get("Type") in ("Choice", "Succeed", "Fail"):
        return
    if ("Next" in state) == (state.get("End") is True):
        yield f"SCHEMA_VALIDATION_FAILED: a state has exactly one of Next and End at {where}"


def _resource(state: dict[str, Any], where: str) -> Iterator[str]:
    resource = state.get("Resource")
    if state.get("Type") != "Task" or not isinstance(resource, str) or not resource.startswith(AWS_SDK):
        return
    parts = resource.removeprefix(AWS_SDK).split(".")[0].split(":")
    try:
        sfn_casing.operation(sfn_casing.boto_name(parts[0]), parts[1])
    except LookupError as error:
        why = f"The resource provided {resource} is not recognized ({error})"
        yield f"SCHEMA_VALIDATION_FAILED: {why} at {where}/Resource"


def _role_problem(role_arn: Any, machine_arn: str) -> str | None:
    try:
        iam.trusts(str(role_arn), "states.amazonaws.com", machine_arn)
    except iam.RoleError as error:
        return (
            "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume "
            f"the provided role ({error})"
        )
    return None


def _checked(original: Any, data: dict[str, Any], *, creating: bool) -> Any:
    if creating and bad_name(data.get("name")):
        return error_response_json("InvalidName", f"Invalid Name: '{data.get('name')}'", 400)
    if (creating or "definition" in data) and (found := problems(data.get("definition"))):
        text = f"Invalid State Machine Definition: '{'; '.join(found)}'"
        return error_response_json("InvalidDefinition", text, 400)
    if creating or "roleArn" in data:
        made = f"arn:aws:states:{get_region()}:{get_account_id()}:stateMachine:{data.get('name')}"
        if problem := _role_problem(data.get("roleArn"), data.get("stateMachineArn") or made):
            return error_response_json("AccessDeniedException", problem, 400)
    return original(data)


def _validate(data: dict[str, Any]) -> Any:
    found = problems(data.get("definition"))
    diagnostics = [
        {"severity": "ERROR", "code": text.split(":", 1)[0], "message": text.split(": ", 1)[-1]} for text in found
    ]
    return json_response({"result": "FAIL" if found else "OK", "diagnostics": diagnostics, "truncated": False})


def install() -> None:
    create = replace(ministack_sfn, "_create_state_machine", lambda data: _checked(create, data, creating=True))
    update = replace(ministack_sfn, "_update_state_machine", lambda data: _checked(update, data, creating=False))
    replace(ministack_sfn, "_validate_state_machine_definition", _validate)
