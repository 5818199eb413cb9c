"""JSONata: evaluated by the jsonata-python package with the variables bound, not pasted into the expression.

moto needs a Java virtual machine, and writes every value into the source text, where a quotation mark in a string
breaks the expression. Bindings are also much faster, and undefined is told from null in one evaluation. $now() and
$millis() are lab time.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from typing import Any

import jsonata
import ministack.services.stepfunctions as ministack_sfn
from jsonata import functions as jsonata_functions
from jsonata.utils import Utils
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata, StringVariableSample
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from .. import context, witness
from .pins import replace

TIMEOUT_MS = 10_000  # real; AWS allows one second, but its machines are not this one under load
MAX_DEPTH = 300  # nested evaluations, well within Python's own limit
_idle: dict[str, list[jsonata.Jsonata]] = defaultdict(list)  # parsed expressions that no thread is using
_lock = threading.Lock()
UNDEFINED = object()
_time = threading.local()  # `millis` of the evaluation on this thread: in one evaluation it is one time throughout


def _millis() -> int:
    if _time.millis is None:
        _time.millis = int(context.lab.clock.time() * 1000)
    return _time.millis


def _now(picture: str | None = None, timezone: str | None = None) -> Any:
    return jsonata_functions.Functions.datetime_from_millis(_millis(), picture, timezone)


def _no_eval(*_: Any) -> Any:
    """Step Functions has all functions of JSONata but this one ("Transforming data with JSONata")."""
    raise ValueError("$eval is not a function of Step Functions; $parse reads JSON")


def _parse(expression: str) -> jsonata.Jsonata:
    parsed = jsonata.Jsonata(expression)
    parsed.output_convert_nulls = False  # else null and undefined are both None
    ministack_sfn._register_sfn_jsonata_functions(parsed)
    parsed.register_lambda("eval", _no_eval)
    parsed.register_lambda("now", _now)
    parsed.register_lambda("millis", _millis)
    return parsed


def evaluate(expression: str, bindings: dict[str, Any]) -> Any:
    """The value as plain JSON, or UNDEFINED. `bindings` are names without the dollar sign.

    Raises whatever the expression or its evaluation is wrong with; a function is no value.
    """
    _time.millis = None
    outcome: dict[str, Any] = {}
    try:
        value = _evaluate(expression, bindings)
        outcome = {"undefined": True} if value is UNDEFINED else {"value": value}
    except Exception as error:
        outcome = {"error": str(getattr(error, "error", None) or type(error).__name__)}
        raise
    finally:
        if witness.witness:
            witness.witness.value(expression, bindings, _time.millis, outcome)
    return value


def _evaluate(expression: str, bindings: dict[str, Any]) -> Any:
    with _lock:
        parsed = _idle[expression].pop() if _idle[expression] else None
    parsed = parsed or _parse(expression)
    parsed.environment.set_runtime_bounds(TIMEOUT_MS, MAX_DEPTH)  # the clock of these starts here
    bound = {name: Utils.NULL_VALUE if value is None else value for name, value in bindings.items()}
    value = parsed.evaluate(None, bound)
    with _lock:
        _idle[expression].append(parsed)
    if value is None:
        return UNDEFINED
    return json.loads(json.dumps(Utils.convert_nulls(value), allow_nan=False))


def _bindings(env: Environment) -> dict[str, Any]:
    store = env.variable_store
    return {**store._outer_scope, **store._inner_scope, "states": env.states._states_data}


def failure(env: Environment, expression: str, why: str) -> FailureEventException:
    """States.QueryEvaluationError, also written into the history."""
    error = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details = EvaluationFailedEventDetails(cause=f"The JSONata expression '{expression}' {why}", error=error.error_name)
    raised = FailureEventException(
        FailureEvent(
            env=env,
            error_name=error,
            event_type=HistoryEventType.EvaluationFailed,
            event_details=EventDetails(evaluationFailedEventDetails=details),
        )
    )
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=EventDetails(evaluationFailedEventDetails=raised.get_evaluation_failed_event_details()),
    )
    return raised


def _eval(self: Any, env: Environment) -> None:
    try:
        value = evaluate(self.expression, _bindings(env))
    except Exception as error:
        code = getattr(error, "error", None)
        raise failure(env, self.expression, f"could not be evaluated: {f'{code}: ' if code else ''}{error}") from error
    if value is UNDEFINED:
        raise failure(env, self.expression, "returned nothing (undefined).")
    env.stack.append(value)


def _eval_sample(self: StringVariableSample, env: Environment) -> None:
    """`$name.path` in a JSONPath state."""
    bindings = _bindings(env)
    value = evaluate(self.expression, bindings)
    env.stack.append(None if value is UNDEFINED else value)


def install() -> None:
    replace(StringJSONata, "_eval_body", _eval)
    replace(StringVariableSample, "_eval_body", _eval_sample)
