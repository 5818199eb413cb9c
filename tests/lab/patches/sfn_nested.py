"""Executions started by a task: who started whom, .sync without polling, and the child of an aborted task is stopped.

moto describes the child every half second and leaves it running when the parent is stopped. The developer guide
(service integration patterns, .sync): when such a task is aborted, because the execution is stopped, or another branch
or iteration fails, Step Functions calls StopExecution for the child, as a best effort. That an attempt which timed out
is treated alike is our reading, since its result is not awaited any more either.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment

from . import sfn_clients, sfn_interrupts
from .pins import replace
from .sfn_interrupts import Interrupted
from .sfn_runs import RUNS, expect_child, expected_parent

POLL_SECONDS = 60.0  # lab seconds between looks at a child: its end wakes the task, this is for one that is no run
_log = logging.getLogger("lab.sfn")


def _announce_child(cls: type) -> None:
    original = replace(cls, "_eval_service_task", lambda self, **kwargs: service_task(self, **kwargs))

    def service_task(self: Any, *, env: Environment, normalised_parameters: dict[str, Any], **kwargs: Any) -> None:
        starts = self._get_boto_service_name() == "stepfunctions"
        if starts and self._get_boto_service_action() == "start_execution":
            name = normalised_parameters.setdefault("name", str(uuid.uuid4()))
            expect_child(name, env.states.context_object.context_object_data["Execution"]["Id"])
            try:
                original(self, env=env, normalised_parameters=normalised_parameters, **kwargs)
            finally:
                expected_parent(name)  # no longer, should the start have failed
        else:
            original(self, env=env, normalised_parameters=normalised_parameters, **kwargs)


def _wait_for_child(build: str) -> None:
    original = replace(StateTaskServiceSfn, build, lambda self, **kwargs: resolver(self, **kwargs))

    def resolver(self: Any, *, env: Environment, **kwargs: Any) -> Callable[[], Any]:
        arn = env.stack[-1]["ExecutionArn"]
        look = original(self, env=env, **kwargs)

        def resolve() -> Any:
            while (result := look()) is None:
                ended = threading.Event()
                if run := RUNS.get(arn):
                    run.watch(ended)
                sfn_interrupts.wait(env, ended, POLL_SECONDS)
                if not env.is_running():
                    raise Interrupted
            return result

        return resolve


def _stop_with_the_task() -> None:
    """However early or late the task is aborted once its child was started, the child is stopped."""
    original = replace(StateTaskServiceSfn, "_eval_integration_pattern", lambda self, **kwargs: pattern(self, **kwargs))

    def pattern(self: Any, *, env: Environment, state_credentials: Any, **kwargs: Any) -> None:
        started: dict[str, Any] = env.stack[-1]
        try:
            original(self, env=env, state_credentials=state_credentials, **kwargs)
        finally:
            synchronous = self.resource.condition in (ResourceCondition.Sync, ResourceCondition.Sync2)
            if synchronous and not env.is_running():
                region = kwargs["resource_runtime_part"].region
                _stop_child(sfn_clients.client_for(region, "stepfunctions", state_credentials), started["ExecutionArn"])


def _stop_child(client: Any, arn: str) -> None:
    """Best effort, and with the rights of the parent's role, as on AWS."""
    try:
        client.stop_execution(executionArn=arn)
    except (ClientError, BotoCoreError) as error:
        _log.info("the child %s was not stopped: %s", arn, error)


def install() -> None:
    _announce_child(StateTaskServiceSfn)
    _announce_child(StateTaskServiceAwsSdk)
    _stop_with_the_task()
    _wait_for_child("_build_sync_resolver")
    _wait_for_child("_build_sync2_resolver")
