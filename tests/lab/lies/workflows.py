"""Lies about Step Functions, EventBridge, Scheduler and DynamoDB."""

from __future__ import annotations

import datetime
import json
from typing import Any

import ministack.services.dynamodb as dynamodb
import ministack.services.stepfunctions as sfn
from ministack.core.responses import error_response_json, json_response

from .. import context, events, gateway
from ..patches import scheduler_rules, scheduler_schedules, sfn_jsonata
from ..wire import Response
from . import lie

SHORT = 1024  # characters of a cause that is cut
LATE = 3.0  # s for which a consistent read shows what was there before a write


def _running(data: dict[str, Any]) -> dict[str, Any] | None:
    """The running execution that StartExecution names."""
    end = f":execution:{str(data.get('stateMachineArn')).rsplit(':', 1)[-1]}:{data.get('name')}"
    return next((e for arn, e in sfn._executions.items() if arn.endswith(end) and e["status"] == "RUNNING"), None)


@lie("same-name-refused")
def _same_name_refused() -> None:
    true = sfn._start_execution

    def start(data: dict[str, Any]) -> Any:
        if there := _running(data):
            text = f"Execution Already Exists: '{there['executionArn']}'"
            return error_response_json("ExecutionAlreadyExists", text, 400)
        return true(data)

    sfn._start_execution = start


@lie("same-name-takes-other-input")
def _same_name_takes_other_input() -> None:
    true = sfn._start_execution

    def start(data: dict[str, Any]) -> Any:
        there = _running(data)
        return true({**data, "input": there["input"]} if there else data)

    sfn._start_execution = start


def _described_as(change: Any) -> None:
    true = sfn._describe_execution

    def describe(data: dict[str, Any]) -> Any:
        status, headers, body = true(data)
        return json_response(change(json.loads(body))) if status == 200 else (status, headers, body)

    sfn._describe_execution = describe


@lie("abort-is-failed")
def _abort_is_failed() -> None:
    _described_as(lambda answer: answer | ({"status": "FAILED"} if answer["status"] == "ABORTED" else {}))


@lie("cause-short")
def _cause_short() -> None:
    _described_as(lambda answer: answer | ({"cause": answer["cause"][:SHORT]} if answer.get("cause") else {}))


@lie("jsonata-eval")
def _jsonata_eval() -> None:
    true = sfn_jsonata._parse

    def parse(expression: str) -> Any:
        parsed = true(expression)
        parsed.register_lambda("eval", lambda text: sfn_jsonata.evaluate(text, {}))
        return parsed

    sfn_jsonata._parse = parse


@lie("event-input-parsed")
def _event_input_parsed() -> None:
    true = events.emit

    def emit(source: str, detail_type: str, detail: dict[str, Any], resources: Any = ()) -> None:
        if isinstance(detail.get("input"), str):
            detail = detail | {"input": json.loads(detail["input"])}
        true(source, detail_type, detail, resources)

    events.emit = emit


@lie("event-detail-alone")
def _event_detail_alone() -> None:
    true = scheduler_rules._payload

    def payload(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any) -> str:
        text = true(target, event, rule, view)
        asked = any(target.get(name) for name in ("Input", "InputPath", "InputTransformer"))
        return text if asked else json.dumps(json.loads(text)["detail"])

    scheduler_rules._payload = payload


@lie("scheduled-time-of-delivery")
def _scheduled_time_of_delivery() -> None:
    true = scheduler_schedules.substitute

    def substitute(text: str, arn: str, due: float, execution: str, attempt: int) -> str:
        now = datetime.datetime.fromtimestamp(context.lab.clock.time(), tz=datetime.UTC)
        text = text.replace("<aws.scheduler.scheduled-time>", now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        return true(text, arn, due, execution, attempt)

    scheduler_schedules.substitute = substitute


@lie("condition-unchecked")
def _condition_unchecked() -> None:
    true = gateway._inner

    async def inner(*arguments: Any) -> Response:
        """Whoever lost a conditional write hears that it was made."""
        response = await true(*arguments)
        if response[0] == 400 and b"ConditionalCheckFailed" in response[2]:
            headers = {k: v for k, v in response[1].items() if k.lower() not in ("content-length", "x-amz-crc32")}
            return 200, headers, b"{}"
        return response

    gateway._inner = inner


@lie("consistent-read-late")
def _consistent_read_late() -> None:
    true_read, before = dynamodb._get_item, dict[str, tuple[float, Any]]()

    def key_of(data: dict[str, Any]) -> str:
        item = data.get("Key") or data.get("Item") or {}
        return json.dumps([data["TableName"], {name: item.get(name) for name in names_of(data)}], sort_keys=True)

    def names_of(data: dict[str, Any]) -> list[str]:
        table = dynamodb._tables[data["TableName"]]
        return [name for name in (table["pk_name"], table["sk_name"]) if name]

    def noting(true: Any) -> Any:
        def write(data: dict[str, Any]) -> Any:
            item = data.get("Key") or data.get("Item") or {}
            read = {"TableName": data["TableName"], "Key": {name: item[name] for name in names_of(data)}}
            old = true_read({**read, "ConsistentRead": True})
            answer = true(data)
            if answer[0] == 200:
                before[key_of(data)] = context.lab.clock.monotonic(), old
            return answer

        return write

    def read(data: dict[str, Any]) -> Any:
        at, old = before.get(key_of(data), (-LATE, None))
        return old if context.lab.clock.monotonic() - at < LATE else true_read(data)

    dynamodb._put_item, dynamodb._update_item = noting(dynamodb._put_item), noting(dynamodb._update_item)
    dynamodb._get_item = read
