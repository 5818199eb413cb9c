"""Executions: ministack's API in front, moto's interpreter behind, and AWS's rules for names, inputs and stops.

ministack's own engine knows a part of the language, so its `_run_execution` is replaced by one that drives moto's.
Patched besides: StartExecution (names that AWS refuses, idempotency, inputs that are no JSON), StopExecution (the
history, the status event and the metric come from the engine, once), the status event (through `events`, so that it
can be lost), and the version or alias that was started (its own definition runs).
"""

from __future__ import annotations

import contextvars
import datetime
import json
import threading
from typing import Any

import ministack.services.stepfunctions as ministack_sfn
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, new_uuid
from ministack.services import cloudwatch
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramEnded,
    ProgramError,
    ProgramRunning,
    ProgramStopped,
    ProgramTimedOut,
)
from moto.stepfunctions.parser.asl.eval.states import ContextObjectData, ExecutionData, StateMachineData

from .. import context, events
from ..gateway import current_call
from . import sfn_definitions
from .pins import replace
from .sfn_names import bad_name
from .sfn_runs import RUNS, Run, expected_parent
from .sfn_time import now_iso

MAX_BYTES = 262_144  # input, output, and every state's: 256 KiB of UTF-8
NAME_DAYS = 90  # how long the name of an ended execution stays taken
_METRICS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
_start_lock = threading.Lock()


def bad_payload(text: Any) -> str | None:
    """Why `text` is no JSON payload that Step Functions takes, or None."""
    if not isinstance(text, str):
        return "The payload must be a string of JSON."
    if len(text.encode()) > MAX_BYTES:
        return f"The payload exceeds the maximum of {MAX_BYTES} bytes."
    try:
        json.loads(text)
    except ValueError as error:
        return f"The payload is not valid JSON: {error}"
    return None


def _start_execution(data: dict[str, Any]) -> Any:
    asked = str(data.get("stateMachineArn") or "")
    base = ministack_sfn._resolve_state_machine_arn(asked)
    if base is None:
        return error_response_json("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{asked}'", 400)
    name = data.get("name")
    if name is not None and bad_name(name):
        return error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
    text = data.get("input", "{}")
    if problem := bad_payload(text):
        return error_response_json("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{problem}'", 400)
    name = name or new_uuid()
    machine = ministack_sfn._state_machines[base]
    arn = f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{machine['name']}:{name}"
    with _start_lock:
        if existing := ministack_sfn._executions.get(arn):
            if existing["status"] == "RUNNING" and json.loads(existing["input"]) == json.loads(text):
                return json_response({"executionArn": arn, "startDate": existing["startDate"]})
            if not _name_is_free_again(existing):
                return error_response_json("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'", 400)
        run = _new_run(arn, name, text, asked, base, machine)
    _announce(run.record)
    _metric(run, "ExecutionsStarted")
    # The thread works in the account and region of this request, which Python does not hand on by itself.
    threading.Thread(target=contextvars.copy_context().run, args=(_run, run), name=f"sfn-{name}", daemon=True).start()
    return json_response({"executionArn": arn, "startDate": run.record["startDate"]})


def _name_is_free_again(record: dict[str, Any]) -> bool:
    if record["status"] == "RUNNING" or not record.get("stopDate"):
        return False
    ended = datetime.datetime.fromisoformat(record["stopDate"].replace("Z", "+00:00"))
    return context.lab.clock.now() - ended > datetime.timedelta(days=NAME_DAYS)


def _new_run(arn: str, name: str, text: str, asked: str, base: str, machine: dict[str, Any]) -> Run:
    version_arn = ministack_sfn._execution_version_arn(asked)
    version = ministack_sfn._state_machine_versions.get(version_arn) if version_arn else None
    record = {
        "executionArn": arn,
        "stateMachineArn": base,
        "name": name,
        "status": "RUNNING",
        "startDate": now_iso(),
        "stopDate": None,
        "input": text,
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": {"included": True},
        "stateMachineVersionArn": version_arn,
        "stateMachineAliasArn": asked if asked in ministack_sfn._state_machine_aliases else None,
        "encryptionConfiguration": (version or machine).get("encryptionConfiguration")
        or ministack_sfn._default_encryption(),
    }
    role = (version or machine)["roleArn"]
    data = ContextObjectData(
        Execution=ExecutionData(
            Id=arn, Input=json.loads(text), Name=name, RoleArn=role, StartTime=str(record["startDate"])
        ),
        StateMachine=StateMachineData(Id=asked, Name=machine["name"]),
    )
    env = Environment(
        aws_execution_details=AWSExecutionDetails(account=get_account_id(), region=get_region(), role_arn=role),
        execution_type=machine.get("type", "STANDARD"),
        context=data,
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    env._program_state = ProgramRunning()  # so that a stop is heeded from the start
    event = events.event_of(name) or {}
    call = current_call()
    run = Run(
        record=record,
        machine=machine["name"],
        definition=(version or machine)["definition"],
        role_arn=role,
        env=env,
        parent=expected_parent(name) if call else None,
        cause=event.get("detail", {}).get("executionArn"),
        begun_at=context.lab.clock.monotonic(),
    )
    env.event_manager.lab_run = run
    record["events"] = env.event_manager._history_event_list
    ministack_sfn._executions[arn] = record
    RUNS[arn] = run
    return run


def _run(run: Run) -> None:
    """The execution's own thread."""
    env = run.env
    details = {"input": run.record["input"], "inputDetails": {"truncated": False}, "roleArn": run.role_arn}
    env.event_manager.add_event(
        env.event_history_context, "ExecutionStarted", {"executionStartedEventDetails": details}, None, False
    )
    try:
        sfn_definitions.program(run.definition).eval(env)
    except Exception as error:  # the engine itself failed: an execution must not stay RUNNING for ever
        env.set_error({"error": "States.Runtime", "cause": f"{type(error).__name__}: {error}"})
        failed = {"executionFailedEventDetails": dict(env._program_state.error)}
        env.event_manager.add_event(env.event_history_context, "ExecutionFailed", failed)
    _end(run)


def _end(run: Run) -> None:
    record, state = run.record, run.env.program_state()
    if isinstance(state, ProgramEnded):
        record["output"] = json.dumps(run.env.states.get_input(), separators=(",", ":"), ensure_ascii=False)
        status = "SUCCEEDED"
    elif isinstance(state, ProgramError):
        details = state.error or {}
        record["error"], record["cause"] = details.get("error"), details.get("cause")
        status = "FAILED"
    elif isinstance(state, ProgramStopped):
        record["error"], record["cause"] = state.error, state.cause
        status = "ABORTED"
    elif isinstance(state, ProgramTimedOut):
        status = "TIMED_OUT"
    else:
        raise RuntimeError(f"{run.arn} left the engine in state {state!r}")
    record["stopDate"] = record.get("stopDate") or now_iso()
    run.ended_at = context.lab.clock.monotonic() if run.ended_at is None else run.ended_at
    record["status"] = status  # last: whoever sees it sees the rest
    _metric(run, _METRICS[status])
    _announce(record)
    run.finish()


def abort(run: Run, error: str | None, cause: str | None) -> bool:
    """StopExecution from inside the lab: True if the execution was running. Its end is written by its own thread."""
    with run.env._state_mutex:
        if not run.env.is_running():
            return False
        run.record["stopDate"] = now_iso()
        run.ended_at = context.lab.clock.monotonic()
        run.env.set_stop(stop_date=context.lab.clock.now(), cause=cause, error=error)
        run.record["error"], run.record["cause"] = error, cause
        run.record["status"] = "ABORTED"
        return True


def _stop_execution(data: dict[str, Any]) -> Any:
    arn = str(data.get("executionArn") or "")
    record = ministack_sfn._executions.get(arn)
    if record is None:
        return error_response_json("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'", 400)
    run = RUNS[arn]
    if not abort(run, data.get("error"), data.get("cause")) and record["status"] != "ABORTED":
        return error_response_json("ValidationException", "Execution is not running", 400)
    return json_response({"stopDate": record["stopDate"]})


def _metric(run: Run, name: str) -> None:
    cloudwatch.record_metric("AWS/States", name, 1.0, "Count", {"StateMachineArn": run.record["stateMachineArn"]})
    cloudwatch._evaluate_all_alarms()


def _announce(record: dict[str, Any]) -> None:
    """Step Functions Execution Status Change, as the developer guide shows it; dates are epoch milliseconds."""
    status, text, output = record["status"], record["input"], record.get("output")
    ends_badly = status in ("FAILED", "TIMED_OUT", "ABORTED")
    redrivable = "redrivable" if ends_badly else "cannot be redriven"
    detail = {
        "executionArn": record["executionArn"],
        "stateMachineArn": record["stateMachineArn"],
        "name": record["name"],
        "status": status,
        "startDate": ministack_sfn._iso_to_epoch_ms(record["startDate"]),
        "stopDate": ministack_sfn._iso_to_epoch_ms(record.get("stopDate")),
        "input": text,
        "inputDetails": {"included": True},
        "output": output,
        "outputDetails": {"included": True} if output is not None else None,
        "stateMachineVersionArn": record.get("stateMachineVersionArn"),
        "stateMachineAliasArn": record.get("stateMachineAliasArn"),
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "REDRIVABLE" if ends_badly else "NOT_REDRIVABLE",
        "redriveStatusReason": None if ends_badly else f"Execution is {status} and {redrivable}",
        "error": record.get("error"),
        "cause": record.get("cause"),
    }
    for key in ("input", "output"):
        # documented: left out, and marked so, when its escaped form exceeds 248 KiB
        if detail[key] is not None and len(json.dumps(detail[key])) > ministack_sfn._STATUS_EVENT_PAYLOAD_CAP:
            detail[key], detail[f"{key}Details"] = None, {"included": False}
    events.emit("aws.states", "Step Functions Execution Status Change", detail, [record["executionArn"]])


def install() -> None:
    replace(ministack_sfn, "_start_execution", _start_execution)
    replace(ministack_sfn, "_stop_execution", _stop_execution)
    replace(ministack_sfn, "_start_sync_execution", _start_sync_execution)
    replace(ministack_sfn, "_run_execution", None)  # nothing calls it any more; a call would be a bug
    original = replace(ministack_sfn, "_describe_execution", lambda data: describe(data))

    def describe(data: dict[str, Any]) -> Any:
        """A stale one (gateway.py) shows the execution as it was: "This operation is eventually consistent" (API)."""
        call, run = current_call(), RUNS.get(data.get("executionArn") or "")
        then = call.as_of if call else None
        if then is not None and run is not None and run.begun_at > then:
            return original({"executionArn": f"{run.arn}-not-shown-yet"})
        status, headers, body = original(data)
        record = ministack_sfn._executions.get(data.get("executionArn"))
        if status != 200 or record is None:
            return status, headers, body
        answer = json.loads(body)
        answer |= {k: record[k] for k in ("stateMachineVersionArn", "stateMachineAliasArn") if record.get(k)}
        if then is not None and run is not None and run.ended_at is not None and run.ended_at > then:
            answer |= {"status": "RUNNING", "stopDate": None, "output": None, "error": None, "cause": None}
        return json_response({k: v for k, v in answer.items() if v is not None})


def _start_sync_execution(data: dict[str, Any]) -> Any:
    message = "Express workflows are not part of the lab: start a standard one with StartExecution."
    return error_response_json("StateMachineTypeNotSupported", message, 400)
