"""Map: failed children fail a Distributed Map beyond the tolerated number, its events have an owner, and the states of
an iteration see `$states.context.Map`.

moto counts failed children and goes on, and forgets the item inside a Task. Children of a Distributed Map are still no
executions of their own here: a known gap.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor.distributed_item_processor_worker import (  # noqa: E501
    DistributedItemProcessorWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iterator.distributed_iterator_worker import (  # noqa: E501
    DistributedIteratorWorker,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from .pins import replace
from .sfn_runs import RUNS


def exceeded(failed: int, total: int, count: int, percentage: float) -> bool:
    """Whether `failed` of `total` children are more than tolerated. A tolerance of 0 beside another is none given."""
    if failed > count and (count > 0 or percentage <= 0):
        return True
    return percentage > 0 and failed * 100 > percentage * total


def _threshold_error(env: Environment) -> FailureEventException:
    error = StatesErrorName(typ=StatesErrorNameType.StatesExceedToleratedFailureThreshold)
    cause = "The specified tolerated failure threshold was exceeded"
    details = MapRunFailedEventDetails(error=error.error_name, cause=cause)
    event = EventDetails(mapRunFailedEventDetails=details)
    return FailureEventException(FailureEvent(env, error, HistoryEventType.MapRunFailed, event))


def _own_events() -> None:
    original = replace(DistributedIterationComponent, "_map_run", lambda self, **kwargs: map_run(self, **kwargs))

    def map_run(self: Any, *, env: Environment, eval_input: Any) -> None:
        env.event_manager.lab_run = RUNS[env.states.context_object.context_object_data["Execution"]["Id"]]
        eval_input.map_run_record.lab_items = len(env.stack[-1])
        original(self, env=env, eval_input=eval_input)


def _fail_beyond_tolerance(worker: type) -> None:
    original = replace(worker, "_eval_job", lambda self, env, job: eval_job(self, env, job))

    def eval_job(self: Any, env: Environment, job: Any) -> None:
        original(self, env, job)
        record = self._map_run_record
        failed = record.item_counter.failed.get() + record.item_counter.timed_out.get()
        if exceeded(failed, record.lab_items, record.tolerated_failure_count, record.tolerated_failure_percentage):
            job.job_output = _threshold_error(env)


def _item_in_context() -> None:
    original = replace(Environment, "as_inner_frame_of", classmethod(lambda cls, **kwargs: inner_frame(**kwargs)))

    def inner_frame(*, env: Environment, **kwargs: Any) -> Environment:
        frame = original(env=env, **kwargs)
        outer = env.states.context_object.context_object_data
        if "Map" in outer:
            frame.states.context_object.context_object_data["Map"] = outer["Map"]
        return frame


def install() -> None:
    _item_in_context()
    _own_events()
    _fail_beyond_tolerance(DistributedItemProcessorWorker)
    _fail_beyond_tolerance(DistributedIteratorWorker)
