"""SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat, answered by the engine that waits for the token.

A token that was never given out is InvalidToken; one whose task has ended, timed out or was stopped is TaskTimedOut
("the task token has either expired or the task associated with the token has already been closed", API reference).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ministack.services.stepfunctions as ministack_sfn
from ministack.core.responses import error_response_json, json_response
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeFailure, CallbackOutcomeSuccess

from .pins import replace
from .sfn_executions import bad_payload
from .sfn_runs import RUNS


def _to_endpoint(data: dict[str, Any], act: Callable[[Any], None]) -> Any:
    token = data.get("taskToken")
    for run in list(RUNS.values()):
        endpoint = run.env.callback_pool_manager.get(token)
        if endpoint is None:
            continue
        if not run.env.is_running() or endpoint.consumer_error or endpoint.get_outcome():
            text = "Task Timed Out: 'Provided task does not exist anymore'"
            return error_response_json("TaskTimedOut", text, 400)
        act(endpoint)
        return json_response({})
    return error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)


def _success(data: dict[str, Any]) -> Any:
    if problem := bad_payload(data.get("output")):
        return error_response_json("InvalidOutput", f"Invalid Output: '{problem}'", 400)
    return _to_endpoint(data, lambda e: e.notify(CallbackOutcomeSuccess(e.callback_id, data["output"])))


def _failure(data: dict[str, Any]) -> Any:
    return _to_endpoint(
        data, lambda e: e.notify(CallbackOutcomeFailure(e.callback_id, data.get("error"), data.get("cause")))
    )


def _heartbeat(data: dict[str, Any]) -> Any:
    return _to_endpoint(data, lambda e: e.notify_heartbeat())


def install() -> None:
    replace(ministack_sfn, "_send_task_success", _success)
    replace(ministack_sfn, "_send_task_failure", _failure)
    replace(ministack_sfn, "_send_task_heartbeat", _heartbeat)
