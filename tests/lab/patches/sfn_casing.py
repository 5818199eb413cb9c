"""Parameter names between Step Functions' casing and the SDK's (`StateMachineArn` and `stateMachineArn`).

moto leaves `_normalise_parameters` and `_normalise_response` empty, so that sync:2 finds no `ExecutionArn`. The names
come from botocore's models. Dates become the text that the SDK integrations of AWS return.
"""

from __future__ import annotations

import datetime
import functools
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.utils import camel_to_snake_case

from .pins import replace

# service names of SDK integrations that are not botocore's
_SERVICES = {"sfn": "stepfunctions", "states": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
_loader = Loader()


def boto_name(service: str) -> str:
    return _SERVICES.get(service, service)


@functools.cache
def _service(service: str) -> tuple[ServiceModel, dict[str, str]]:
    try:
        model = ServiceModel(_loader.load_service_model(service, "service-2"), service)
    except Exception as error:
        raise LookupError(f"no service {service!r}") from error
    return model, {camel_to_snake_case(name): name for name in model.operation_names}


@functools.cache
def operation(service: str, action: str) -> OperationModel:
    """The model of `describeVolumes` or `describe_volumes` of a botocore service; LookupError if there is none."""
    model, names = _service(service)
    name = names.get(camel_to_snake_case(action))
    if name is None:
        raise LookupError(f"no API action {action!r} in {service!r}")
    return model.operation_model(name)


def json_value(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        utc = value.astimezone(datetime.UTC)
        return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: json_value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [json_value(each) for each in value]
    return value


def _model(task: StateTaskService, service: str | None, action: str | None) -> OperationModel:
    return operation(task._get_boto_service_name(service), task._get_boto_service_action(action))


def _parameters(
    self: StateTaskService,
    parameters: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    shape = _model(self, boto_service_name, service_action_name).input_shape
    if shape is not None:
        self._to_boto_request(parameters, shape)


def _response(
    self: StateTaskService,
    response: Any,
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    shape = _model(self, boto_service_name, service_action_name).output_shape
    if shape is None or not isinstance(response, dict):
        return
    self._from_boto_response(response, shape)
    for key, value in list(response.items()):
        response[key] = json_value(value)


def install() -> None:
    replace(StateTaskService, "_normalise_parameters", _parameters)
    replace(StateTaskService, "_normalise_response", _response)
    overrides = replace(StateTaskService, "_SERVICE_NAME_SFN_TO_BOTO_OVERRIDES", _SERVICES)
    if not overrides.items() <= _SERVICES.items():
        raise AssertionError(f"moto has other service names by now: {overrides}")
