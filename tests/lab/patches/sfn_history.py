"""The history of an execution: into the lab's log, into its bill, within AWS's limit, and never after its end.

moto lets a task that timed out or was aborted write TaskSucceeded later on; here a closed attempt writes nothing, and
may not begin anything either. Each state entered is reported to `phases`, where aborts and node faults wait for it.
"""

from __future__ import annotations

import datetime
import threading
from typing import Any

from moto.core.utils import iso_8601_datetime_with_milliseconds
from moto.stepfunctions.parser.api import ExecutionFailedEventDetails
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager

from .. import context, phases
from ..control import op
from . import sfn_interrupts
from .pins import replace
from .sfn_interrupts import Interrupted
from .sfn_runs import Run, operation_of, outermost_running

ENDS = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"})
BEGINNINGS = ("Scheduled", "Started", "Entered")
ABORT_SECONDS = 2.0  # real: how long a state that is aborted at its entry waits for the abort to reach it

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html; a test lowers it
_limits = {"history_events": 25_000}


@op("history_limit")
def history_limit(events: int | None = None) -> int:
    """The number of history events at which an execution fails; set it to see that without writing 25,000."""
    if events is not None:
        _limits["history_events"] = int(events)
    return _limits["history_events"]


def plain(value: Any) -> Any:
    """`value` as JSON has it: enums by value, dates as ISO 8601."""
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return getattr(value, "value", value)


def _record(run: Run, event: dict[str, Any]) -> None:
    details: dict[str, Any] = next((v for k, v in event.items() if k.endswith("Details") and v), {})
    extra = {k: details[k] for k in ("error", "cause", "resource") if details.get(k) is not None}
    state = details.get("name") if event["type"].endswith(("StateEntered", "StateExited")) else None
    if state is not None:
        extra["state"] = state
    context.lab.record.add("sfn", execution=run.arn, machine=run.machine, event=event["type"], **extra)


def _add_event(
    self: EventManager,
    context: EventHistoryContext,
    event_type: Any,
    event_details: dict[str, Any] | None = None,
    timestamp: datetime.datetime | None = None,
    update_source_event_id: bool = True,
) -> int:
    run: Run = self.lab_run
    kind = str(plain(event_type))
    full = False
    with self._mutex:
        if getattr(context, "lab_closed", False) or run.over:
            if kind.endswith(BEGINNINGS):
                raise Interrupted
            return context.last_published_event_id
        events: list[dict[str, Any]] = self._history_event_list
        full = len(events) >= _limits["history_events"] - 1 and kind not in ENDS
        if not full:
            event = {**plain(event_details or {})}
            event |= {"id": self._event_id_gen.get(), "previousEventId": context.source_event_id, "type": kind}
            event["timestamp"] = iso_8601_datetime_with_milliseconds(timestamp or self._get_current_timestamp())
            context.last_published_event_id = event["id"]
            if update_source_event_id:
                context.source_event_id = event["id"]
            events.append(event)
            _record(run, event)
    if full:
        cause = f"The execution reached the maximum number of history events ({_limits['history_events']})."
        run.env.set_error(ExecutionFailedEventDetails(error="States.Runtime", cause=cause))
        raise Interrupted
    if kind.endswith("StateEntered"):
        run.count_transition()
        phases.enter(str(event["stateEnteredEventDetails"]["name"]), run.arn, operation_of(run).arn)
        if not run.env.is_running():
            raise Interrupted
    return event["id"]


def _abort_at(phase: str, execution_arn: str) -> None:
    """The fault `{execution: abort, at: <phase>}`: the outermost execution of the chain is stopped, as StopExecution
    does, and the state that was entered waits for the end of its own execution before it does anything."""
    from . import sfn_executions, sfn_runs

    lab = context.lab
    if lab.faults.take("execution", lambda spec: spec.get("at") == phase, execution=execution_arn, at=phase) is None:
        return
    run = sfn_runs.RUNS[execution_arn]
    sfn_executions.abort(outermost_running(run), "Lab.Abort", f"aborted at {phase} by a fault")
    sfn_interrupts.wait(run.env, threading.Event(), lab.clock.lab(ABORT_SECONDS))


def install() -> None:
    replace(EventManager, "add_event", _add_event)
    # moto logs every failure of a task with a dump of the whole definition; the history says it better
    for name in ("_log_failure_event_exception", "_log_exception"):
        replace(EvalComponent, name, lambda self, **_: None)
    phases.on_phase(_abort_at)
