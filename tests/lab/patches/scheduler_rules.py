"""EventBridge rules deliver through the target's role or the target's own policy, in lab time.

Patches `ministack.services.eventbridge`: `_invoke_target` (ministack starts the target itself and asks nobody) and
the tick of scheduled rules, whose clock `events` has set. A delivery that is refused counts as FailedInvocations.
"""

from __future__ import annotations

import contextlib
import json
import threading
from contextvars import copy_context
from typing import Any

import ministack.core.iam_evaluator as evaluator
import ministack.services.eventbridge as eventbridge
from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region

from .. import context, events
from ..control import op
from .pins import replace
from .scheduler_delivery import ROOT, Undelivered, client, count, deliver, note, through_role

PRINCIPAL = "events.amazonaws.com"
# service of a target -> what its resource policy must allow EventBridge, where no role does
BY_POLICY = {"lambda": "lambda:InvokeFunction", "sns": "sns:Publish", "sqs": "sqs:SendMessage"}
ATTEMPTS = 185  # the default of a target's RetryPolicy

_stock_invoke = eventbridge._invoke_target
# Whether an InputTransformer puts a text into its template as it is. The user guide says both: quotation marks are
# added around a string, and "EventBridge doesn't escape values extracted by Input Path".
_transformers = {"raw": False}


@op("raw_transformers")
def raw_transformers(raw: bool | None = None) -> bool:
    """Whether texts that contain quotation marks break the JSON of an InputTransformer; set it to have it so."""
    if raw is not None:
        _transformers["raw"] = bool(raw)
    return _transformers["raw"]


def policy_allows(arn: str, rule_arn: str) -> None:
    """Undelivered unless the target's own policy lets EventBridge in, for this rule."""
    service = arn.split(":")[2]
    found = evaluator._resource_policy(service, arn)
    ctx = evaluator.EvalContext(
        principal_arn=PRINCIPAL,
        principal_type="Service",
        principal_account=context.ACCOUNT,
        action=BY_POLICY[service],
        resource_arn=arn,
        region=context.REGION,
        service_context={"aws:sourcearn": rule_arn, "aws:sourceaccount": context.ACCOUNT},
    )
    if found is None or evaluator.evaluate_resource_policy(found[0], ctx, service=PRINCIPAL).decision != "Allow":
        text = f"the resource policy of {arn} does not let {PRINCIPAL} do {BY_POLICY[service]} for {rule_arn}"
        raise Undelivered("AccessDenied", text, False)


def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
    """Deliver one event to one target; returns at once, since the caller may be the server's own loop."""
    arn = target.get("Arn", "")
    service = arn.split(":")[2] if arn.count(":") > 4 else ""
    if service not in ("states", *BY_POLICY):
        _stock_invoke(target, event, rule, view)
        return
    payload = _payload(target, event, rule, view)
    arguments = (target, rule, payload, get_account_id(), get_region())
    # in this context, which knows the event that is being delivered
    delivering = contextlib.ExitStack()
    delivering.enter_context(events.under_way())  # from here on, so that there is no gap before the thread runs
    call = (run, *arguments, delivering)
    threading.Thread(target=copy_context().run, args=call, name="lab-rule", daemon=True).start()


def _payload(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any) -> str:
    """What the target gets: its constant, a part of the event, a transformed event, or the event."""
    view = view or eventbridge._pattern_event_view(event)
    if target.get("InputTransformer"):
        return eventbridge._apply_input_transformer(target["InputTransformer"], rule, view)
    if target.get("Input"):
        return target["Input"]
    whole = view.event_with_detail()
    value: Any = whole
    for part in (target.get("InputPath") or "$").lstrip("$").strip(".").split("."):
        if part:
            if not isinstance(value, dict) or part not in value:
                return json.dumps(whole)
            value = value[part]
    return json.dumps(value)


def run(
    target: dict[str, Any],
    rule: dict[str, Any],
    payload: str,
    account: str,
    region: str,
    delivering: contextlib.AbstractContextManager[None],
) -> None:
    with delivering:
        _run(target, rule, payload, account, region)


def _run(target: dict[str, Any], rule: dict[str, Any], payload: str, account: str, region: str) -> None:
    set_request_account_id(account)
    set_request_region(region)
    lab, arn, name = context.lab, target["Arn"], rule.get("Name", "")
    policy = target.get("RetryPolicy") or {}
    attempts = 1 + int(policy.get("MaximumRetryAttempts", ATTEMPTS))
    oldest = lab.clock.time() + float(policy.get("MaximumEventAgeInSeconds", 86_400))
    dimensions = {"RuleName": name}
    for attempt in range(1, attempts + 1):
        count("AWS/Events", "InvocationAttempts", dimensions)
        try:
            role = target.get("RoleArn")
            if role or arn.split(":")[2] not in BY_POLICY:
                credentials = through_role(role or "", PRINCIPAL, rule.get("Arn", ""), f"rule-{name}")
            else:
                policy_allows(arn, rule.get("Arn", ""))
                credentials = ROOT
            deliver(arn, payload, credentials, target.get("SqsParameters"))
            count("AWS/Events", "Invocations", dimensions)
            note("rule", name, arn, "delivered", attempt=attempt)
            return
        except Undelivered as error:
            failure = error
        note("rule", name, arn, "failed", attempt=attempt, error=failure.code, text=failure.message)
        pause = min(60.0, 2.0 ** (attempt - 1))
        if not failure.again or attempt == attempts or lab.clock.time() + pause > oldest:
            break
        lab.clock.sleep(pause)
    count("AWS/Events", "FailedInvocations", dimensions)
    _drop(target, rule, payload, failure)


def _drop(target: dict[str, Any], rule: dict[str, Any], payload: str, failure: Undelivered) -> None:
    """To the target's DLQ, whose policy must let EventBridge send, else lost."""
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    dead: dict[str, Any] = {"dead_letter": None}
    if queue:
        parts = queue.split(":")
        texts = {"ERROR_CODE": failure.code, "ERROR_MESSAGE": failure.message, "RULE_ARN": rule.get("Arn", "")}
        attributes = {k: {"DataType": "String", "StringValue": v or "-"} for k, v in texts.items()}
        try:
            policy_allows(queue, rule.get("Arn", ""))
            url = f"{context.lab.endpoint}/{parts[4]}/{parts[5]}"
            client("sqs", ROOT).send_message(QueueUrl=url, MessageBody=payload, MessageAttributes=attributes)
            dead = {"dead_letter": queue}
        except Exception as error:  # it is in the log, as AWS has it in a metric
            dead["dead_letter_error"] = str(error)
    note("rule", rule.get("Name", ""), target["Arn"], "dropped", error=failure.code, **dead)


def install() -> None:
    eventbridge._invoke_target = invoke_target
    original = replace(eventbridge, "_render_placeholder", lambda *arguments: render(*arguments))

    def render(name: str, token: str, replacements: dict[str, Any], in_string: bool) -> str:
        value = replacements.get(name)
        if _transformers["raw"] and isinstance(value, str) and not in_string:
            return f'"{value}"'
        return original(name, token, replacements, in_string)

    replace(eventbridge, "time", context.lab.clock.host.module())  # its sleeps, which it computes itself
    eventbridge._SCHEDULER_TICK_INTERVAL = max(0.05, context.lab.clock.real(eventbridge._SCHEDULER_TICK_INTERVAL))
