"""The SDK clients of tasks: this lab's endpoint, with the rights of the state machine's role.

moto's clients call localhost with fixed keys. A client takes 5 to 300 ms to make, so there is one for each role and
service. A role is assumed in-process, without expiry: that Step Functions may assume it was checked when the
machine was created, and a role that has gone since has no rights.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from ministack.services import sts
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as aws_sdk
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events import (
    StateTaskServiceEvents,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.utils import boto_client

from .. import context
from .pins import replace, replace_everywhere

# The class names of the Java SDK, which error names of SDK integrations begin with (`Ec2.Ec2Exception`).
_ERROR_PREFIXES = {
    "ec2": "Ec2",
    "ssm": "Ssm",
    "cloudwatch": "CloudWatch",
    "sns": "Sns",
    "sqs": "Sqs",
    "lambda": "Lambda",
    "eventbridge": "EventBridge",
    "scheduler": "Scheduler",
    "iam": "Iam",
    "sts": "Sts",
}
# and of the optimised integrations
_OPTIMISED_PREFIXES = {"dynamodb": "DynamoDB", "lambda": "Lambda", "states": "StepFunctions", "sns": "SNS"}
_clients: dict[tuple[str, str, str], Any] = {}
_lock = threading.Lock()
_session = boto3.Session()


def _credentials(role_arn: str) -> dict[str, str]:
    """Keys of a session of the role, always the same ones for one role."""
    digest = hashlib.sha256(f"states:{role_arn}".encode()).hexdigest()
    keys = {
        "aws_access_key_id": f"ASIA{digest[:16].upper()}",
        "aws_secret_access_key": hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        "aws_session_token": hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
    }
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    session = f"states-{digest[:16]}"
    sts.register_session(
        keys["aws_access_key_id"],
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            "UserId": f"{role}:{session}",
            "SecretAccessKey": keys["aws_secret_access_key"],
            "SessionToken": keys["aws_session_token"],
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        },
    )
    return keys


def _fill_request_id(parsed: dict[str, Any], **_: Any) -> None:
    """moto reads a request id out of every error, which ministack's denials do not carry."""
    parsed.setdefault("ResponseMetadata", {}).setdefault("RequestId", str(uuid.uuid4()))


def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
    role = getattr(state_credentials, "role_arn", None)
    if not role:
        raise PermissionError(f"a task calls {service} without a role")
    key = (region, service, role)
    with _lock:
        if key not in _clients:
            client = _session.client(
                service,
                region_name=region,
                endpoint_url=context.lab.endpoint,
                config=Config(
                    parameter_validation=False,  # AWS's services answer for themselves
                    retries={"total_max_attempts": 1},  # repeats are the machine's to declare
                    read_timeout=3600,
                    max_pool_connections=64,
                    inject_host_prefix=False,
                ),
                **_credentials(role),
            )
            client.meta.events.register("after-call", _fill_request_id)
            _clients[key] = client
        return _clients[key]


def _client_errors() -> None:
    """A reply that never came is `<Service>.SdkClientException`, which Retry can name; moto: States.Runtime."""
    for cls in [StateTaskService, *_subclasses(StateTaskService)]:
        if "_from_error" in vars(cls):
            _wrap_from_error(cls)


def _subclasses(cls: type) -> list[type]:
    return [each for sub in cls.__subclasses__() for each in (sub, *_subclasses(sub))]


def _wrap_from_error(cls: type) -> None:
    original = replace(cls, "_from_error", lambda self, env, ex: from_error(self, env, ex))

    def from_error(self: Any, env: Any, ex: Exception) -> FailureEvent:
        if not isinstance(ex, HTTPClientError):
            return original(self, env, ex)
        details = {
            "error": f"{_prefix(self)}.SdkClientException",
            "cause": f"Unable to execute HTTP request: {ex}",
            "resource": self._get_sfn_resource(),
            "resourceType": self._get_sfn_resource_type(),
        }
        return FailureEvent(env, CustomErrorName(details["error"]), "TaskFailed", {"taskFailedEventDetails": details})


def _prefix(task: StateTaskService) -> str:
    if isinstance(task, aws_sdk.StateTaskServiceAwsSdk):
        return task._normalise_service_error_name(task.resource.api_name)
    return _OPTIMISED_PREFIXES.get(task.resource.service_name, task.resource.service_name.capitalize())


def _event_errors() -> None:
    """A refused PutEvents is `EventBridge.<Code>Exception`, which Catch can name; in moto nothing catches it."""
    original = replace(StateTaskServiceEvents, "_from_error", lambda self, env, ex: from_error(self, env, ex))

    def from_error(self: Any, env: Any, ex: Exception) -> FailureEvent:
        if not isinstance(ex, ClientError):
            return original(self, env, ex)
        code, message = (ex.response["Error"].get(key, "") for key in ("Code", "Message"))
        details = {
            "error": f"EventBridge.{code.removesuffix('Exception')}Exception",
            "cause": f"{message} (Service: EventBridge; Error Code: {code})",
            "resource": self._get_sfn_resource(),
            "resourceType": self._get_sfn_resource_type(),
        }
        return FailureEvent(env, CustomErrorName(details["error"]), "TaskFailed", {"taskFailedEventDetails": details})


def _one_exception_suffix() -> None:
    """`StepFunctions.AccessDeniedException`, not `…ExceptionException`: moto appends the word to every code."""
    original = replace(StateTaskServiceSfn, "_from_error", lambda self, env, ex: from_error(self, env, ex))

    def from_error(self: Any, env: Any, ex: Exception) -> FailureEvent:
        code = getattr(ex, "response", {}).get("Error", {}).get("Code", "")
        if code.endswith("Exception"):
            ex.response["Error"]["Code"] = code.removesuffix("Exception")
        return original(self, env, ex)


def install() -> None:
    aws_sdk._SERVICE_ERROR_NAMES.update(_ERROR_PREFIXES)
    replace_everywhere("moto.stepfunctions", "boto_client_for", client_for, boto_client.boto_client_for)
    _one_exception_suffix()
    _event_errors()
    _client_errors()
