"""Who may do what in EC2 and SSM: every resource that a call touches is authorised on its own, as AWS does.

ministack checks one resource per call and knows no condition keys of EC2 and SSM, so that a condition on
`aws:ResourceTag` or `aws:RequestTag` always denies and a missing one never does. `enforce` below takes its place for
these two services; `iam_resources` says what a call touches. Which keys belong to which resource is in AWS's Service
Authorization Reference; what a function, a state machine or a schedule of ours needs is covered, everything else goes
to ministack's own check as it stands.
"""

from __future__ import annotations

import contextvars
import functools
import hashlib
import json
import time
from typing import Any

import ministack.core.iam_actions as iam_actions
import ministack.core.iam_evaluator as evaluator

from . import context, witness
from .gateway import current_call
from .iam_resources import Check, block_checks, checks_for, event_checks, key_checks, schedule_checks
from .patches.pins import replace

_stock_enforce = evaluator.enforce
_stock_denied = iam_actions.access_denied_response
# action and resource of the check that denied the call being served: its message names them
_denied: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("lab_denied", default=None)


def _asked(access_key_id: str, action: str, *rest: Any) -> Any:
    """ministack's answer; what it allows a role is left for the references."""
    denied = _stock_enforce(access_key_id, action, *rest)
    if witness.witness and denied is None and (call := current_call()):
        witness.witness.allowed(call.caller, action)
    return denied


def enforce(
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """None if allowed, else ministack's AuthError or EvalResult, of the first resource that is denied."""
    call = current_call()
    _denied.set(None)
    checks: list[Check] | None = None
    if service in ("ec2", "ssm") and call is not None and call.service == service:
        with context.lab.lock:
            checks = checks_for(call, region)
    if service == "scheduler" and call is not None:
        checks = schedule_checks(call, resource_arn)
    if service == "ebs" and call is not None:
        with context.lab.lock:
            checks = block_checks(call, region)
    if service == "events" and call is not None:
        checks = event_checks(call, resource_arn)
    if checks is None:
        return _asked(access_key_id, iam_action, service, region, resource_arn, service_context)
    for check in checks:
        of = "kms" if check.action.startswith("kms:") else service
        result = _asked(access_key_id, check.action, of, region, check.arn, check.keys)
        if result is not None:
            _denied.set((check.action, check.arn))
            return result
    if service == "ec2" and call is not None:
        # A key that the caller may not use does not refuse the call: what was asked for comes to nothing.
        with context.lab.lock:
            keys = key_checks(call, region)
        call.denied_keys = frozenset(
            check.arn
            for check in keys
            if _asked(access_key_id, check.action, "kms", region, check.arn, check.keys) is not None
        )
    return None


def access_denied_response(service: str, action: str, principal_arn: str, request_id: str, **rest: Any) -> tuple:
    """ministack's denial, with the action and the resource that were really denied.

    EC2's own message names them too, with an encoded message that is left out here.
    """
    if (denied := _denied.get()) and service in ("ec2", "ssm", "scheduler") and not rest.get("error_code"):
        action, rest["resource_arn"] = denied
        if service == "ec2" and not rest.get("message"):
            text = iam_actions.identity_denial_message(
                action, principal_arn, denied[1], rest.get("explicit_deny", False)
            )
            rest["message"] = f"You are not authorized to perform this operation. {text}."
    return _stock_denied(service, action, principal_arn, request_id, **rest)


class RoleError(Exception):
    """A service cannot act through a role; the text says why, as AWS's own messages do."""


def _role(role_arn: str) -> dict[str, Any]:
    from ministack.services import iam

    role = iam._roles.get(role_arn.rsplit("/", 1)[-1]) if role_arn else None
    if role is None or role.get("Arn") != role_arn:
        raise RoleError(f"role {role_arn or '(none)'} does not exist")
    return role


def trusts(role_arn: str, service: str, source_arn: str = "") -> None:
    """RoleError unless the role's trust policy lets `service` ("scheduler.amazonaws.com") assume it.

    ministack lets the account's root pass for any service principal, and its own deliveries run as root, so a
    role for another service would do there.
    """
    document = _role(role_arn).get("AssumeRolePolicyDocument") or "{}"
    policy = json.loads(document) if isinstance(document, str) else document
    statements = policy.get("Statement") or []
    keys = {"aws:sourceaccount": context.ACCOUNT, "aws:sourcearn": source_arn}
    ctx = evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=context.ACCOUNT,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=context.REGION,
        service_context={k: v for k, v in keys.items() if v},
    )
    effects = set()
    for statement in [statements] if isinstance(statements, dict) else statements:
        actions = statement.get("Action") or []
        if (
            evaluator._service_principal_matches(statement.get("Principal"), service)
            and evaluator._action_matches(ctx.action, [actions] if isinstance(actions, str) else actions, [])
            and evaluator._conditions_met(statement.get("Condition") or {}, ctx)
        ):
            effects.add(statement.get("Effect"))
    if effects != {"Allow"}:
        raise RoleError(f"the trust policy of {role_arn} does not let {service} assume it")


def service_session(role_arn: str, service: str, session: str, source_arn: str = "") -> dict[str, str]:
    """Credentials of a session in which `service` acts through the role, as STS returns them; RoleError if refused."""
    trusts(role_arn, service, source_arn)
    from ministack.services import sts

    digest = hashlib.sha256(f"{role_arn}:{service}:{session}:{time.monotonic()}".encode()).hexdigest()
    keys = {"AccessKeyId": f"ASIA{digest[:16].upper()}", "SecretAccessKey": digest, "SessionToken": f"lab-{digest}"}
    role_name = role_arn.rsplit("/", 1)[-1]
    sts.register_session(
        keys["AccessKeyId"],
        {
            "Arn": f"arn:aws:sts::{context.ACCOUNT}:assumed-role/{role_name}/{session[:64]}",
            "UserId": f"{role_name}:{session[:64]}",
            "SecretAccessKey": keys["SecretAccessKey"],
            "SessionToken": keys["SessionToken"],
        },
    )
    return keys


def install() -> None:
    parse = evaluator.parse_policy_document
    parse_text = functools.lru_cache(maxsize=512)(parse)
    # Each request asks several times for all policies of its caller.
    replace(evaluator, "parse_policy_document", lambda doc: (parse_text if isinstance(doc, str) else parse)(doc))
    evaluator.enforce = enforce
    iam_actions.access_denied_response = access_denied_response
