"""Deliveries by EventBridge Scheduler and by EventBridge rules, each through the role that AWS would use.

ministack starts the target itself and asks no role. Here a delivery is an API call like any other: signed with a
session of the target's role, so that it is authorised, recorded and hit by faults; a reply that is lost makes the
service try again, which is where duplicates come from.
"""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .. import context
from ..events import execution_name
from ..iam import RoleError, service_session

# After these a repeat cannot help ("EventBridge Scheduler: retry policy": permission errors go to the DLQ at once).
PERMANENT = frozenset(
    {
        *("AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "ResourceNotFoundException"),
        *("StateMachineDoesNotExist", "InvalidExecutionInput", "InvalidName", "ValidationException"),
    }
)


class Undelivered(Exception):
    """A target did not take it: AWS's error code, and whether another attempt can help."""

    def __init__(self, code: str, message: str, again: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.again = code, message, again


def client(service: str, credentials: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=context.lab.endpoint,
        region_name=context.REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60, parameter_validation=False),
    )


ROOT = {"AccessKeyId": "test", "SecretAccessKey": "test"}  # a service that needs no role of the customer's


def deliver(arn: str, payload: str, credentials: dict[str, str], parameters: dict[str, Any] | None = None) -> None:
    """One attempt to hand `payload` (JSON text) to the target; Undelivered with AWS's code if it is not taken."""
    parts = arn.split(":")
    service, parameters = parts[2], parameters or {}
    try:
        if service == "states":
            client("stepfunctions", credentials).start_execution(stateMachineArn=arn, input=payload, **execution_name())
        elif service == "lambda":
            client("lambda", credentials).invoke(FunctionName=arn, InvocationType="Event", Payload=payload.encode())
        elif service == "sns":
            client("sns", credentials).publish(TopicArn=arn, Message=payload)
        elif service == "sqs":
            sqs = client("sqs", credentials)
            url = f"{context.lab.endpoint}/{parts[4]}/{parts[5]}"
            extra = {k: v for k, v in parameters.items() if k == "MessageGroupId"}
            sqs.send_message(QueueUrl=url, MessageBody=payload, **extra)
        elif service == "scheduler" and parts[5:6] == ["aws-sdk"]:
            # arn:aws:scheduler:::aws-sdk:<service>:<action>, the universal target
            sdk = client({"sfn": "stepfunctions"}.get(parts[6], parts[6]), credentials)
            method = next((m for m in dir(sdk) if m.replace("_", "") == parts[7].lower()), None)
            if method is None:
                raise Undelivered("ValidationException", f"no API action {parts[6]}:{parts[7]}", False)
            getattr(sdk, method)(**json.loads(payload))
        else:
            raise Undelivered("ValidationException", f"the lab delivers nothing to {arn}", False)
    except ClientError as error:
        found = error.response["Error"]
        raise Undelivered(found["Code"], found["Message"], found["Code"] not in PERMANENT) from error
    except BotoCoreError as error:  # the reply was lost: the service cannot know whether it was taken
        raise Undelivered("ConnectionClosed", str(error), True) from error


def group_arn(name: str) -> str:
    """What Scheduler names as `aws:SourceArn` when it assumes a role: the group (user guide, confused deputy)."""
    return f"arn:aws:scheduler:{context.REGION}:{context.ACCOUNT}:schedule-group/{name}"


def through_role(role_arn: str, service: str, source_arn: str, session: str) -> dict[str, str]:
    """Credentials of the target's role; Undelivered if `service` may not assume it."""
    try:
        return service_session(role_arn, service, session, source_arn)
    except RoleError as error:
        raise Undelivered("AccessDeniedException", str(error), False) from error


def note(via: str, name: str, arn: str, outcome: str, **more: Any) -> None:
    """One `delivery` entry: via schedule | rule; outcome delivered | failed | dropped."""
    context.lab.record.add("delivery", via=via, name=name, target=arn, outcome=outcome, **more)


def count(namespace: str, metric: str, dimensions: dict[str, str]) -> None:
    from ministack.services import cloudwatch

    cloudwatch.record_metric(namespace, metric, 1, "Count", dimensions)
    cloudwatch._evaluate_all_alarms()
