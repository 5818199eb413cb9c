"""The one place that every API call passes: who calls, what, with which fault, and what came of it.

Wraps ministack's dispatcher (`ministack.app._dispatch_service_request`, a module attribute that it looks up per
request). Each call becomes one `api` entry in the log. Faults on calls are carried out here; the services know only
`current_call()`, from which a describe learns that it must answer as of some time ago.
"""

from __future__ import annotations

import contextvars
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import ministack.app as app
from ministack.core.router import extract_region

from . import context, witness
from .patches.answers import mended
from .wire import AwsError, Response, error_for

# service names of ministack's router -> prefix that IAM, the SDKs and the scenario format use
PREFIX = {"monitoring": "cloudwatch", "states": "states", "eventbridge": "events", "logs": "logs"}
STALE_SECONDS = 5.0  # how far back a stale describe looks: longer than any pause between a write and its check
NEVER_RECORDED = frozenset({"logs"})  # the lab's own plumbing would drown the log
# By service: what a request's path says, where the log and the policies need it.
PATHS: dict[str, Callable[[str], dict[str, Any]]] = {}
SECRETS = re.compile(r"(?i)secret|password|token$|^zipfile$|templatebody|policydocument")


@dataclass
class Call:
    service: str  # "ec2"
    action: str  # "CreateSnapshots"
    params: dict[str, Any]  # as sent: flat for query services, the JSON body for the others
    caller: str  # ARN of the principal
    request_id: str
    region: str = context.REGION  # that the request was signed for
    as_of: float | None = None  # a stale describe answers as of this lab time
    falls_back: str | None = None  # StateReason's code with which the instances that this call starts stop again
    denied_keys: frozenset[str] = frozenset()  # customer keys that the caller may not use for what the call needs
    notes: dict[str, Any] = field(default_factory=dict)  # what a service wants in the log beside the request

    @property
    def name(self) -> str:
        return f"{self.service}:{self.action}"


class DropReply(Exception):
    """Raised after a call was carried out whose reply must not reach the caller."""


_current: contextvars.ContextVar[Call | None] = contextvars.ContextVar("lab_call", default=None)


def current_call() -> Call | None:
    """The API call being served on this thread or task, if any."""
    return _current.get()


def _action(service: str, method: str, path: str, headers: dict, body: bytes, params: dict) -> str:
    from ministack.core.iam_actions import extract_iam_action

    target = headers.get("x-amz-target", "")
    if target:
        return target.rsplit(".", 1)[-1]
    if "Action" in params:
        return params["Action"][0]
    action = extract_iam_action(service, method, path, headers, body, params)
    return action.split(":", 1)[1] if action else f"{method} {path}"


def _params(headers: dict, body: bytes, params: dict) -> dict[str, Any]:
    if "json" in headers.get("content-type", "") or headers.get("x-amz-target"):
        try:
            value = json.loads(body or b"{}")
            return value if isinstance(value, dict) else {"body": value}
        except ValueError:
            return {}
    return {k: v[0] for k, v in params.items() if k not in ("Action", "Version")}


def _redacted(value: Any, key: str = "") -> Any:
    if key and SECRETS.search(key):
        return "…"
    if isinstance(value, dict):
        return {k: _redacted(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_redacted(v) for v in value]
    if isinstance(value, str) and len(value) > 4000:
        return value[:4000] + "…"
    return value


def _nothing(path: str) -> dict[str, Any]:
    return {}


def caller_arn(headers: dict, query_params: dict) -> str:
    from ministack.core.iam_evaluator import request_caller_arn

    try:
        return request_caller_arn(headers, query_params) or "anonymous"
    except Exception:
        return "anonymous"


def _error_code(status: int, body: bytes) -> str | None:
    if status < 400:
        return None
    if match := re.search(rb"<Code>([^<]+)</Code>", body):
        return match.group(1).decode()
    try:
        value = json.loads(body)
        return str(value.get("__type") or value.get("code") or value.get("Code") or status).rsplit("#", 1)[-1]
    except (ValueError, AttributeError):
        return str(status)


_inner = app._dispatch_service_request


async def dispatch(method, path, headers, body, query_params, request_id) -> Response:
    lab = context.lab
    raw = app._decompress_request_body(body, headers)
    params = app._routing_params(method, path, headers, raw, query_params)
    service = app.detect_service(method, path, headers, params)
    if "Action" not in params and "form-urlencoded" in headers.get("content-type", ""):
        params = {**params, **parse_qs(raw.decode("utf-8", "replace"))}
    service = PREFIX.get(service, service)
    call = Call(
        service=service,
        action=_action(service, method, path, headers, raw, params),
        params=_params(headers, raw, params) | PATHS.get(service, _nothing)(path),
        caller=caller_arn(headers, query_params),
        request_id=request_id,
        region=extract_region(headers, query_params),
    )
    token = _current.set(call)
    started = lab.clock.monotonic()
    try:
        effect = lab.faults.take("call", lambda spec: spec["call"] == call.name, call=call.name, caller=call.caller)
        response = await _carry_out(call, effect, method, path, headers, body, query_params)
    finally:
        _current.reset(token)
    status, _, answer = response
    if call.service not in NEVER_RECORDED:
        code = _error_code(status, answer) if isinstance(answer, bytes) else None
        lab.record.add(
            "api",
            call=call.name,
            caller=call.caller,
            params=_redacted(call.params),
            status=status,
            error=code,
            started=round(started, 4),
            request_id=request_id,
            **call.notes,
        )
    if witness.witness:
        request = (method, path, headers, raw)
        witness.witness.call(call.name, request, query_params, response, bool(call.notes.get("injected")))
    if effect == "lose_reply":
        raise DropReply(call.name)
    return response


async def _carry_out(call: Call, effect: Any, method, path, headers, body, query_params) -> Response:
    lab = context.lab
    if isinstance(effect, dict) and "delay" in effect:
        await lab.clock.asleep(float(effect["delay"]))
    elif isinstance(effect, dict) and "error" in effect:
        call.notes["injected"] = True
        return error_for(call.service, AwsError(str(effect["error"]), "injected by the lab", 400), call.request_id)
    elif effect == "stale":
        call.as_of = lab.clock.monotonic() - STALE_SECONDS
    elif isinstance(effect, dict) and "stale" in effect:
        call.as_of = lab.clock.monotonic() - float(effect["stale"])
    elif effect == "stops_again":
        call.falls_back = "Client.InternalError"
    elif isinstance(effect, dict) and "stops_again" in effect:
        call.falls_back = str(effect["stops_again"])
    elif effect == "capacity":
        call.notes["injected"] = True
        message = "We currently do not have sufficient capacity in the Availability Zone you requested."
        return error_for(call.service, AwsError("InsufficientInstanceCapacity", message, 500), call.request_id)
    return mended(call.name, await _inner(method, path, headers, body, query_params, call.request_id))


def install() -> None:
    app._dispatch_service_request = dispatch
