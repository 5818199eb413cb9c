"""Error names: which Retry and Catch they match, and what they are when they come from below.

moto lets States.ALL catch States.Runtime and States.DataLimitExceeded, which AWS does not, and turns an error called
`States.…` that comes out of a branch, an iteration or a function into States.Runtime.
"""

from __future__ import annotations

import json
from typing import Any

from moto.stepfunctions.parser import quotas
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import (
    lambda_eval_utils,
    state_task,
    state_task_lambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
    state_task_service_lambda,
)
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatTimeoutError
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from .pins import replace, replace_everywhere
from .sfn_executions import MAX_BYTES

# "A terminal error that can't be caught by the States.ALL error type" (developer guide, error names)
TERMINAL = frozenset({"States.Runtime", "States.DataLimitExceeded"})


def matches(names: list[str | None], error: str | None, heartbeat: bool = False) -> bool:
    """Whether ErrorEquals `names` holds for `error`."""
    if error in names or (heartbeat and "States.HeartbeatTimeout" in names):
        return True
    if error in TERMINAL:
        return False
    # States.TaskFailed: "a wildcard that matches any known error name except for States.Timeout"
    return "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")


class HeartbeatName(StatesErrorName):
    """A missed heartbeat is reported as States.Timeout, and can be caught as States.HeartbeatTimeout too."""

    def __init__(self) -> None:
        super().__init__(typ=StatesErrorNameType.StatesTimeout)


def _error_equals(self: ErrorEqualsDecl, env: Environment) -> None:
    error: ErrorName | None = env.stack.pop()
    names = [each.error_name for each in self.error_names]
    env.stack.append(matches(names, error.error_name if error else None, isinstance(error, HeartbeatName)))


def runtime_name(error_name: str | None = None) -> ErrorName:
    """An error that came from below, which may be one of Step Functions' own."""
    if error_name and error_name.startswith("States."):
        try:
            return StatesErrorName.from_name(error_name)
        except ValueError:
            plain = ErrorName.__new__(CustomErrorName)
            plain.error_name = error_name
            return plain
    return CustomErrorName(error_name)


def is_within_size_quota(value: Any) -> bool:
    """256 KiB of UTF-8, as AWS counts: moto counts its own escapes and blanks, and refuses exactly 256 KiB."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()) <= MAX_BYTES


def _heartbeat_name() -> None:
    original = replace(state_task.StateTask, "_from_error", lambda self, env, ex: from_error(self, env, ex))

    def from_error(self: Any, env: Environment, ex: Exception) -> FailureEvent:
        event = original(self, env, ex)
        if isinstance(ex, HeartbeatTimeoutError):
            event.error_name = HeartbeatName()
        return event


def _nameless_function_errors() -> None:
    """A function that dies without an errorType is Lambda.Unknown (moto: Exception)."""
    task = state_task_service_lambda.StateTaskServiceLambda
    original = replace(task, "_from_error", lambda self, env, ex: from_error(self, env, ex))

    def from_error(self: Any, env: Environment, ex: Exception) -> FailureEvent:
        event = original(self, env, ex)
        if (
            isinstance(ex, lambda_eval_utils.LambdaFunctionErrorException)
            and event.error_name.error_name == "Exception"
        ):
            try:
                named = bool(json.loads(ex.payload).get("errorType"))
            except (ValueError, AttributeError):
                named = False
            if not named:
                event.error_name = CustomErrorName("Lambda.Unknown")
                event.event_details["taskFailedEventDetails"]["error"] = "Lambda.Unknown"
        return event


def _catch_failing_output() -> None:
    """States.QueryEvaluationError in a Task's, Map's or Parallel's Output can be caught, as any error of the state."""
    original = replace(ExecutionState, "_eval_state_output", lambda self, env: state_output(self, env))

    def state_output(self: ExecutionState, env: Environment) -> None:
        try:
            original(self, env)
        except FailureEventException as failure:
            name = failure.failure_event.error_name
            if not self.catch or name is None or name.error_name != "States.QueryEvaluationError":
                raise
            env.variable_store.lab_forget()
            env.states.set_error_output(self._construct_error_output_value(failure.failure_event))
            self._handle_catch(env=env, failure_event=failure.failure_event)
            if env.stack[-1] != CatchOutcome.Caught:
                raise


def _choose(self: StateChoice, env: Environment) -> None:
    """moto applies the state's own Output also to a rule that goes to the Default, and knows no NoChoiceMatched."""
    for rule in self.choices_decl.rules:
        rule.eval(env)
        if env.stack.pop() is True:
            env.stack.append((rule.next_stmt.name, True))
            return
    if self.default_state is None:
        error = StatesErrorName(typ=StatesErrorNameType.StatesNoChoiceMatched)
        cause = f"No choice rule of the state '{self.name}' matched, and it has no Default."
        details = EvaluationFailedEventDetails(error=error.error_name, cause=cause)
        event = EventDetails(executionFailedEventDetails=details)
        raise FailureEventException(FailureEvent(env, error, HistoryEventType.ExecutionFailed, event))
    env.stack.append((self.default_state.state_name, False))


def _choice_output(self: StateChoice, env: Environment) -> None:
    next_state, matched = env.stack.pop()
    if not matched:
        if self.assign_decl:
            self.assign_decl.eval(env=env)
        if self.output:
            self.output.eval(env=env)
    if self._is_language_query_jsonpath():
        if self.output_path:
            self.output_path.eval(env=env)
        else:
            env.states.reset(input_value=env.stack.pop())
    env.next_state_name = next_state


# DescribeExecution and the history: SensitiveError and SensitiveCause (API reference).
LONGEST_ERROR, LONGEST_CAUSE = 256, 32_768


def _cut() -> None:
    """An error's name and cause are cut at their length, whatever they say."""
    original = replace(FailureEvent, "__init__", lambda self, *args, **kwargs: init(self, *args, **kwargs))

    def init(self: FailureEvent, env: Any, error_name: Any, event_type: Any, event_details: Any = None) -> None:
        for details in (event_details or {}).values():
            for key, most in (("error", LONGEST_ERROR), ("cause", LONGEST_CAUSE)):
                if isinstance(details, dict) and isinstance(details.get(key), str):
                    details[key] = details[key][:most]
        original(self, env, error_name, event_type, event_details)


def install() -> None:
    _cut()
    replace(ErrorEqualsDecl, "_eval_body", _error_equals)
    for module in (
        branches_decl,
        iteration_worker,
        state_fail,
        state_task_lambda,
        state_task_service_callback,
        state_task_service_lambda,
    ):
        replace(module, "CustomErrorName", runtime_name)
    replace_everywhere("moto.stepfunctions", "is_within_size_quota", is_within_size_quota, quotas.is_within_size_quota)
    _heartbeat_name()
    _nameless_function_errors()
    _catch_failing_output()
    replace(StateChoice, "_eval_state", _choose)
    replace(StateChoice, "_eval_state_output", _choice_output)
