"""The lab's time in the engine: waits, retries, timeouts, heartbeats, polls and every timestamp.

moto sleeps and reads the wall clock in a dozen places. Waiting here is also exact: moto counts whole seconds, reads
`Timestamp` as local time, and sleeps through an abort in a Retry interval.
"""

from __future__ import annotations

import copy
import datetime
import threading
from types import SimpleNamespace
from typing import Any

import ministack.services.stepfunctions as ministack_sfn
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state import state as state_module
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import map_run_record
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.wait.wait_function import timestamp as timestamp_module
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback import callback
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

from .. import context
from . import sfn_interrupts
from .pins import replace
from .sfn_interrupts import Interrupted

STOP_SECONDS = 5.0  # real: how long an execution that timed out may take to write its last event


def now_iso() -> str:
    """Lab time as Step Functions writes it, e.g. 2026-01-31T12:00:00.123Z."""
    return context.lab.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _LabDatetime(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return context.lab.clock.now().astimezone(tz or datetime.UTC)


# stands in for the module `datetime` where moto asks it for the time
_datetime = SimpleNamespace(
    datetime=_LabDatetime, timezone=datetime.timezone, timedelta=datetime.timedelta, date=datetime.date
)


def install() -> None:
    replace(ministack_sfn, "now_iso", now_iso)
    replace(state_module, "datetime", _datetime)
    replace(map_run_record, "datetime", _datetime)
    replace(EventManager, "_get_current_timestamp", staticmethod(lambda: context.lab.clock.now()))
    replace(state_task_service_callback, "time", SimpleNamespace(sleep=lambda s: context.lab.clock.sleep(s)))

    replace(WaitFunction, "_wait_interval", lambda self, env, wait_seconds: sfn_interrupts.sleep(env, wait_seconds))
    replace(timestamp_module.Timestamp, "_get_wait_seconds", _until_timestamp)
    _retries()
    replace(ExecutionState, "_evaluate_with_timeout", _evaluate_with_timeout)
    replace(Program, "eval", _eval_program)
    replace(state_task_service_callback.StateTaskServiceCallback, "_eval_wait_for_task_token", _wait_for_token)


def _until_timestamp(self: Any, env: Environment) -> float:
    self.string.eval(env=env)
    text = env.stack.pop()
    if not isinstance(text, str) or self._from_timestamp_string(text) is None:
        raise timestamp_module.FailureEventException(self._create_failure_event(env, text))
    due = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return due.timestamp() - context.lab.clock.time()


def _retries() -> None:
    """A Retry interval is lab time and ends with the execution; a retried state is one more transition."""
    original = replace(retrier_decl.RetrierDecl, "_eval_body", lambda self, env: eval_retrier(self, env))
    current = threading.local()
    replace(retrier_decl, "time", SimpleNamespace(sleep=lambda seconds: sfn_interrupts.sleep(current.env, seconds)))

    def eval_retrier(self: Any, env: Environment) -> None:
        current.env = env
        try:
            original(self, env)
        finally:
            current.env = None
        if env.stack[-1] == retrier_decl.RetrierOutcome.Executed:
            env.event_manager.lab_run.count_transition()


def _evaluate_with_timeout(self: ExecutionState, env: Environment) -> None:
    """One attempt of a Task, Map or Parallel: TimeoutSeconds of lab time, given up at once when the execution ends."""
    self.timeout.eval(env=env)
    seconds: float = env.stack.pop()
    _new_token_for_retry(env)

    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    outputs: list[Any] = []
    errors: list[Exception] = []
    done = threading.Event()

    def attempt() -> None:
        try:
            self._eval_execution(frame)
            outputs.append(frame.stack[-1])
        except Interrupted:
            pass
        except Exception as error:
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=attempt, name=f"sfn-{self.name}", daemon=True).start()
    # A wait longer than a year of lab time is none: threading cannot wait for moto's default of 99999999 seconds.
    in_time = sfn_interrupts.wait(env, done, seconds if seconds < 31_536_000 else None)
    frame.set_ended()
    env.close_frame(frame)
    _close_token(env)
    if not env.is_running():
        raise Interrupted
    if errors:
        raise errors[0]
    if not outputs:
        raise Interrupted if in_time else EvalTimeoutError()

    env.stack.append(outputs[0])
    if not self._is_language_query_jsonpath():
        env.states.set_result(outputs[0])
    if self.assign_decl:
        self.assign_decl.eval(env=env)
    if self.result_selector:
        self.result_selector.eval(env=env)
    if self.result_path:
        self.result_path.eval(env)
    else:
        env.states.reset(input_value=env.stack.pop())


def _new_token_for_retry(env: Environment) -> None:
    """Each attempt has its own task token, as on AWS; moto would hand the first attempt's answer to the second."""
    data = env.states.context_object.context_object_data
    task = data.get("Task")
    if task and (endpoint := env.callback_pool_manager.get(task["Token"])) and endpoint.consumer_error:
        env.callback_pool_manager.add(env.states.context_object.update_task_token())


def _close_token(env: Environment) -> None:
    """After its attempt a token answers TaskTimedOut, however the attempt ended."""
    task = env.states.context_object.context_object_data.get("Task")
    if task and (endpoint := env.callback_pool_manager.get(task["Token"])):
        endpoint.report(callback.CallbackConsumerTimeout())
        endpoint.interrupt_all()


def _eval_program(self: Program, env: Environment) -> None:
    """A machine, branch or iteration. The machine's own TimeoutSeconds ends it TIMED_OUT."""
    if env._program_state is None or env.is_running():
        env.next_state_name = self.start_at.start_at_name
    if self.timeout_seconds is None:
        self._eval_body(env)
        return
    done = threading.Event()

    def body() -> None:
        try:
            self._eval_body(env)
        finally:
            done.set()

    threading.Thread(target=body, name="sfn-program", daemon=True).start()
    seconds = self.timeout_seconds.timeout_seconds
    if not context.lab.clock.wait(done, seconds if seconds < 31_536_000 else None):
        env.set_timed_out()
        context.lab.clock.wait(done, context.lab.clock.lab(STOP_SECONDS))


def _wait_for_token(
    self: Any,
    env: Environment,
    timeout_seconds: float,
    callback_endpoint: callback.CallbackEndpoint,
    heartbeat_endpoint: callback.HeartbeatEndpoint | None,
) -> callback.CallbackOutcome | callback.HeartbeatTimedOut:
    """Until the token is answered, a heartbeat is missed, or the attempt ends (its TimeoutSeconds is watched there)."""
    while True:
        if outcome := callback_endpoint.get_outcome():
            return outcome
        if heartbeat_endpoint is None:
            sfn_interrupts.wait(env, callback_endpoint._notify_event, None)
            return callback_endpoint.get_outcome() or callback.CallbackOutcomeTimedOut(callback_endpoint.callback_id)
        beat = heartbeat_endpoint._next_heartbeat_event
        woken = sfn_interrupts.wait(env, beat, heartbeat_endpoint._heartbeat_seconds)
        beat.clear()
        if not env.is_running():
            return callback_endpoint.get_outcome() or callback.CallbackOutcomeTimedOut(callback_endpoint.callback_id)
        if not woken and not callback_endpoint.get_outcome():
            return callback.HeartbeatTimedOut()
