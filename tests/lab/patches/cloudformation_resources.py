"""CloudFormation deploys what a stack of ours holds, and fails where AWS fails.

Patches the table `ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS`. ministack knows no
`AWS::SSM::Document`, writes state machines and schedules into its stores without looking at them (a definition that
does not parse, a schedule without its time zone), and gives a function whose code is missing an answer of its own.
A handler takes (logical_id, props, stack_name) and returns (physical id, attributes); it fails by raising ValueError.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import ministack.services.cloudformation.provisioners as provisioners
import ministack.services.dynamodb as dynamodb
import ministack.services.lambda_svc as lambda_svc
import ministack.services.scheduler as scheduler
import ministack.services.stepfunctions as stepfunctions

from ..iam import RoleError, trusts
from .scheduler_delivery import group_arn

Made = tuple[str, dict[str, Any]]
HANDLERS = provisioners._RESOURCE_HANDLERS
physical_name: Callable[..., str] = provisioners._physical_name


def _checked(kind: str, response: tuple[int, Any, bytes]) -> dict[str, Any]:
    """The body of a service's answer; ValueError with the service's own words if it refused."""
    status, _, body = response
    value = json.loads(body or b"{}")
    if status >= 400:
        raise ValueError(f"{kind}: {value.get('message') or value.get('Message') or value} ({value.get('__type')})")
    return value


def _assumable(kind: str, role_arn: str, service: str, source_arn: str = "") -> None:
    try:
        trusts(role_arn, service, source_arn)
    except RoleError as error:
        raise ValueError(f"{kind}: the role cannot be assumed: {error}") from error


# --- AWS::Lambda::Function

FUNCTION = "AWS::Lambda::Function"
_stock_function = dict(HANDLERS[FUNCTION])


def create_function(logical_id: str, props: dict[str, Any], stack: str) -> Made:
    name = props.get("FunctionName") or physical_name(stack, logical_id, max_len=64)
    if name in lambda_svc._functions:
        raise ValueError(f"{FUNCTION}: {name} already exists (AlreadyExists)")
    _assumable(FUNCTION, str(props.get("Role") or ""), "lambda.amazonaws.com")
    code = props.get("Code") or {}
    if not (code.get("ZipFile") or code.get("ImageUri")):
        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        blob = lambda_svc._fetch_code_from_s3(bucket, key, version_id=code.get("S3ObjectVersion")) if key else None
        if not blob:
            raise ValueError(f"{FUNCTION}: the code s3://{bucket}/{key} does not exist (NoSuchKey)")
        if refused := lambda_svc._reject_unreadable_zip(blob):
            _checked(FUNCTION, refused)
    made = _stock_function["create"](logical_id, props, stack)
    if props.get("ReservedConcurrentExecutions") is not None:  # ministack's template path drops it
        wanted = {"ReservedConcurrentExecutions": int(props["ReservedConcurrentExecutions"])}
        _checked(FUNCTION, lambda_svc._put_function_concurrency(name, wanted))
    return made


# --- AWS::DynamoDB::Table

TABLE = "AWS::DynamoDB::Table"
_stock_table = dict(HANDLERS[TABLE])


def create_table(logical_id: str, props: dict[str, Any], stack: str) -> Made:
    """ministack takes over a table that is there. CloudFormation refuses: a retained table is in the way."""
    name = props.get("TableName")
    if name and name in dynamodb._tables:
        raise ValueError(f"{TABLE}: {name} already exists (AlreadyExists)")
    return _stock_table["create"](logical_id, props, stack)


# --- AWS::StepFunctions::StateMachine

MACHINE = "AWS::StepFunctions::StateMachine"
_stock_machine = dict(HANDLERS[MACHINE])


def create_machine(logical_id: str, props: dict[str, Any], stack: str) -> Made:
    """Through CreateStateMachine first, which parses the definition; ministack then completes the record."""
    name = props.get("StateMachineName") or physical_name(stack, logical_id, max_len=80)
    _assumable(MACHINE, str(props.get("RoleArn") or ""), "states.amazonaws.com")
    request = {
        "name": name,
        "definition": provisioners._sfn_definition(props),
        "roleArn": props["RoleArn"],
        "type": props.get("StateMachineType", "STANDARD"),
    }
    arn = f"arn:aws:states:{provisioners.get_region()}:{provisioners.get_account_id()}:stateMachine:{name}"
    if arn in stepfunctions._state_machines:
        raise ValueError(f"{MACHINE}: {name} already exists (AlreadyExists)")
    _checked(MACHINE, stepfunctions._create_state_machine(request))
    return _stock_machine["create"](logical_id, props, stack)


# --- AWS::Scheduler::Schedule

SCHEDULE = "AWS::Scheduler::Schedule"
SCHEDULE_PROPERTIES = (
    *("GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target", "State"),
    *("Description", "StartDate", "EndDate", "KmsKeyArn"),
)


def _schedule(props: dict[str, Any]) -> dict[str, Any]:
    return {name: props[name] for name in SCHEDULE_PROPERTIES if props.get(name) is not None}


def _schedulable(props: dict[str, Any]) -> None:
    role = str((props.get("Target") or {}).get("RoleArn") or "")
    _assumable(SCHEDULE, role, "scheduler.amazonaws.com", group_arn(props.get("GroupName") or "default"))


def create_schedule(logical_id: str, props: dict[str, Any], stack: str) -> Made:
    name = props.get("Name") or physical_name(stack, logical_id, max_len=64)
    _schedulable(props)
    made = _checked(SCHEDULE, scheduler._create_schedule(name, _schedule(props)))
    return name, {"Arn": made["ScheduleArn"]}


def update_schedule(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str) -> Made:
    name = new.get("Name") or physical_name(stack, logical_id, max_len=64)
    if (name, new.get("GroupName")) != (physical_id, old.get("GroupName")):  # both replace
        made = create_schedule(logical_id, new, stack)
        delete_schedule(physical_id, old)
        return made
    _schedulable(new)
    made = _checked(SCHEDULE, scheduler._update_schedule(physical_id, _schedule(new)))
    return physical_id, {"Arn": made["ScheduleArn"]}


def delete_schedule(physical_id: str, props: dict[str, Any]) -> None:
    scheduler._delete_schedule(physical_id, {"groupName": props.get("GroupName", "default")})


def install() -> None:
    HANDLERS[FUNCTION] = {**_stock_function, "create": create_function}
    HANDLERS[TABLE] = {**_stock_table, "create": create_table}
    HANDLERS[MACHINE] = {**_stock_machine, "create": create_machine}
    HANDLERS[SCHEDULE] = {
        "create": create_schedule,
        "update": update_schedule,
        "update_with_logical_id": True,
        "delete": delete_schedule,
    }
