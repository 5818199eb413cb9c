"""What the verbs and the short words of statemachine/*.yaml become in Amazon States Language (statemachine/README.md).

A verb takes its own keys from the state's source, and returns ASL in which expressions may still be short.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from read_template import function_seconds


class SourceError(ValueError):
    """A source that cannot be expanded; the text names the file and the state."""


# ── expressions ───────────────────────────────────────────────────────────────────────────────────────────────────────

# What an expression may say for short.
WORDS = {
    "entered": "$states.context.State.EnteredTime",
    "retries": "$states.context.State.RetryCount",
    "execution": "$states.context.Execution",
    "input": "$states.input",
    "result": "$states.result",
    "payload": "$states.result.Payload",
    "caught": "$states.errorOutput",
}
WORD = re.compile(r"\$(" + "|".join(WORDS) + r")\b")

# What an expression may call. A function's and a child's error stand as JSON inside the Cause of what was caught. AWS
# cuts a Cause at 32,768 characters, and $parse of a JSON text that was cut would end the execution: such a text is
# taken as it is.
# `is_cluster`: the rule for a cluster's name, as functions/domain/src/names.rs has it. `child_of`: a child is named
# after its parent, so that it starts once; a name has at most 80 characters, and a hash tells long ones apart.
WHOLE = "$substring($text, 0, 1) = '{' and $substring($text, -1) = '}' and $length($text) < 32000"
CALLS = {
    "error_of": f"( $text := @.Cause; $inner := {WHOLE} ? $parse($text) : {{}};"
    " $exists($inner.Error) ? $inner.Error : @.Error )",
    "cause_of": "( $text := $exists(@.Cause) ? @.Cause : 'no cause was given';"
    f" $inner := {WHOLE} ? $parse($text) : {{}};"
    " $exists($inner.Cause) ? $inner.Cause : $exists($inner.errorMessage) ? $inner.errorMessage : $text )",
    "is_cluster": "( $type(@) = 'string' and $length(@) <= 40 and $contains(@, /^[a-z]/)"
    " and $not($contains(@, /[^a-z0-9-]/)) and $not($contains(@ & '-', /-r-|--$/)) )",
    "child_of": "( $length(@) <= 64 ? @ : $substring(@, 0, 47) & '-' & $substring($hash(@, 'SHA-256'), 0, 16) )",
}
CALL = re.compile(r"\$(" + "|".join(CALLS) + r")\((\$[\w.\[\]]+)\)")
# Whether the input is an object with a cluster's name in it and no key but these.
ASKS = re.compile(r"\$asks_only\(([^()]*)\)")
ASKED = "$type($input) = 'object' and $is_cluster($input.cluster) and $count($keys($input)[$not($ in [{keys}])]) = 0"


def expressions(value: Any) -> Any:
    """The value with every text that begins with `$` as a JSONata expression, and what is short written out."""
    if isinstance(value, dict):
        return {key: expressions(each) for key, each in value.items()}
    if isinstance(value, list):
        return [expressions(each) for each in value]
    if not isinstance(value, str):
        return value
    if re.match(r"\$[a-z]", value):
        value = "{% " + value + " %}"
    if not value.startswith("{%"):
        return value
    value = ASKS.sub(lambda asks: ASKED.format(keys=asks[1]), value)
    value = CALL.sub(lambda call: CALLS[call[1]].replace("@", call[2]), value)
    return WORD.sub(lambda word: WORDS[word[1]], value)


def kept(keep: str | dict[str, str | None]) -> dict[str, Any]:
    """`Assign` for the function's answer: `{id, intent: intent_json}` keeps fields of it, a bare name all of it."""
    if isinstance(keep, str):
        return {keep: "$payload"}
    fields = {name: name if field is None else field for name, field in keep.items()}
    return {
        name: f"$payload.{field}" if isinstance(field, str) and re.fullmatch(r"[a-z][\w.]*", field) else field
        for name, field in fields.items()
    }


# ── errors ────────────────────────────────────────────────────────────────────────────────────────────────────────────

ALL = "States.ALL"
CHANGED = "DynamoDB.ConditionalCheckFailedException"
# What Lambda answers for itself, as the developer guide lists it ("Handle transient Lambda service exceptions"), and
# how a function ends that was killed. What it says of a wrong call (ResourceNotFoundException and the like) is none of
# it.
LAMBDA = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.ResourceConflictException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
]
# What refuses a StartExecution for a while, or loses it. AWS writes some of the names with the suffix and some without.
STEP_FUNCTIONS = [
    "StepFunctions.AWSStepFunctionsException",
    "StepFunctions.SdkClientException",
    *(
        f"StepFunctions.{name}{suffix}"
        for name in (
            "ExecutionLimitExceeded",
            "KmsThrottling",
            "Throttling",
            "ServiceUnavailable",
            "InternalFailure",
            "InternalServerError",
            "InternalServer",
        )
        for suffix in ("", "Exception")
    ),
]
# Four repeats: few enough for the longest history (statemachine/README.md). Together they last 2 min 42 s, so that a
# throttling of a minute or two does not end an operation.
PATIENCE = {"IntervalSeconds": 2, "BackoffRate": 4.0, "MaxAttempts": 4, "MaxDelaySeconds": 120}
# A retry list by name. `aws`: what a repeat may cure; a function's own verdict is none of it.
RETRIES: dict[str, list[dict[str, Any]]] = {
    "aws": [{"ErrorEquals": ["AwsUnavailable", *LAMBDA]} | PATIENCE],
    "lock": [
        {"ErrorEquals": [CHANGED], "MaxAttempts": 0},
        {"ErrorEquals": [ALL], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 5, "MaxDelaySeconds": 20},
    ],
    # Names and inputs are the same in a repeat, so that no second child starts. A child that failed is
    # States.TaskFailed.
    "start": [
        {
            "ErrorEquals": STEP_FUNCTIONS,
            "IntervalSeconds": 2,
            "BackoffRate": 2.0,
            "MaxAttempts": 8,
            "MaxDelaySeconds": 60,
        }
    ],
    "any": [{"ErrorEquals": [ALL], "IntervalSeconds": 2, "BackoffRate": 2.0, "MaxAttempts": 4}],
    "none": [],
}


def retries(retry: str | list[Any]) -> list[dict[str, Any]]:
    return [
        each
        for entry in ([retry] if isinstance(retry, str) else retry)
        for each in (RETRIES[entry] if isinstance(entry, str) else [entry])
    ]


def failed(error: Any, target: str, branch: bool) -> dict[str, Any]:
    """Keep the error as it came and go on. A branch cannot assign the machine's variables: it ends with `failed`."""
    return {"Output" if branch else "Assign": {"failed" if branch else "failure": error}, "Next": target}


def catches(state: dict[str, Any], branch: bool) -> list[dict[str, Any]]:
    """`lost`: where to go when the lock is not as expected. `else`: where to go on any error, which is kept as
    `failure`; or a mapping of errors to targets, `any` last. `ignore`: where to go on any error, which is forgotten.
    """
    out: list[dict[str, Any]] = []
    if "lost" in state:
        out.append({"ErrorEquals": [CHANGED], "Output": {}, "Next": state.pop("lost")})
    targets = state.pop("else", {})
    for errors, target in ({"any": targets} if isinstance(targets, str) else targets).items():
        caught = {"ErrorEquals": [ALL] if errors == "any" else errors.split(", ")}
        out.append(caught | (failed("$caught", target, branch) if isinstance(target, str) else target))
    out.sort(key=lambda each: ALL in each["ErrorEquals"])
    if "ignore" in state:
        out.append({"ErrorEquals": [ALL], "Output": {}, "Next": state.pop("ignore")})
    return out


# ── verbs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

# What a state waits for a function beyond the function's own timeout, so that no repeat runs beside the first.
MARGIN_SECONDS = 20
# What a state waits for a child beyond the child's own timeout.
CHILD_MARGIN_SECONDS = 3600


# Of our events. Their details' schemas are in infra/events.
SOURCE = "mirrorsnap"
TRACE = {"execution": "$execution.Id", "state": "$states.context.State.Name"}


def pascal(name: str) -> str:
    return "".join(word.title() for word in name.split("-"))


def fenced(state: dict[str, Any]) -> dict[str, Any]:
    """The cluster and the lock, by which what is called is fenced; `fence: none`: without the lock; `fence: fleet`:
    neither, since it is about all clusters."""
    fields = {"lock": ["cluster", "lock"], "none": ["cluster"], "fleet": []}[state.pop("fence", "lock")]
    return {field: f"${field}" for field in fields}


def call(state: dict[str, Any]) -> dict[str, Any]:
    """One of our functions."""
    name = state.pop("call")
    return {
        "Resource": "arn:aws:states:::lambda:invoke",
        "TimeoutSeconds": function_seconds()[name] + MARGIN_SECONDS,
        "Arguments": {
            "FunctionName": "${" + pascal(name) + "Function}",
            # For the function's log, which names the execution and the phase in every line.
            "Payload": fenced(state) | state.pop("with", {}) | {"trace": TRACE},
        },
        "Retry": "aws",
    }


def node(state: dict[str, Any]) -> dict[str, Any]:
    """One command document on one node: `run-node-step` with the step that a function planned."""
    step = {"step": state.pop("node"), "retry_count": "$retries"}
    state |= {"call": "run-node-step", "with": step | state.pop("with", {})}
    return call(state)


KEY = {"id": {"S": "{% 'lock#' & $cluster %}"}}
ME = {":me": {"S": "$lock.holder"}}
NOW = {":now": {"S": "$entered"}}
EPOCH = {":epoch": {"N": "$string($lock.epoch)"}}
OURS = "holder = :me AND epoch = :epoch"
HOLD = {"ExpressionAttributeNames": {"#hold": "hold"}}
TAKEN = {"ReturnValues": "ALL_NEW"} | HOLD


def update(expression: str, condition: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    arguments = {"UpdateExpression": expression, "ConditionExpression": condition, "ExpressionAttributeValues": values}
    return {"Resource": "arn:aws:states:::dynamodb:updateItem", "Arguments": arguments | more}


def ours(epoch: str) -> dict[str, Any]:
    """`Assign` of the lock once it is ours under this epoch."""
    return {"Assign": {"lock": {"holder": "$lock.holder", "epoch": epoch}}}


# What may be done with the cluster's item of lock and intent (safety.md, rule 7). A refused condition is `lost`.
LOCK: dict[str, dict[str, Any]] = {
    "read": {
        "Resource": "arn:aws:states:::dynamodb:getItem",
        "Arguments": {"ConsistentRead": True},
        "Assign": {"item": "$exists($result.Item) ? $result.Item : {}"},
    },
    "take": update(
        "SET holder = :me, since = :now, epoch = if_not_exists(epoch, :zero) + :one",
        "attribute_not_exists(holder) AND attribute_not_exists(intent) AND attribute_not_exists(#hold)",
        ME | NOW | {":zero": {"N": "0"}, ":one": {"N": "1"}},
        **TAKEN,
    )
    | ours("$number($result.Attributes.epoch.N)"),
    "take-unfinished": update(
        "SET holder = :me, since = :now, epoch = epoch + :one REMOVE back_at",
        "attribute_not_exists(#hold) AND attribute_not_exists(holder) AND attribute_exists(intent)",
        ME | NOW | {":one": {"N": "1"}},
        **TAKEN,
    )
    | ours("$number($result.Attributes.epoch.N)"),
    "take-over": update(
        "SET holder = :me, since = :now, epoch = :epoch REMOVE back_at",
        "attribute_not_exists(#hold) AND ((holder = :dead AND epoch = :seen) OR (holder = :me AND epoch = :epoch))",
        ME
        | NOW
        | {":epoch": {"N": "$string($epoch)"}, ":dead": {"S": "$item.holder.S"}, ":seen": {"N": "$item.epoch.N"}},
        **HOLD,
    )
    | ours("$epoch"),
    "raise": update(
        "SET epoch = :next",
        "holder = :me AND (epoch = :epoch OR epoch = :next)",
        ME | EPOCH | {":next": {"N": "$string($lock.epoch + 1)"}},
    )
    | ours("$lock.epoch + 1"),
    "write-intent": update("SET intent = :intent", OURS, ME | EPOCH | {":intent": {"S": "$intent"}}),
    # The cluster is normal, and the operation goes on: the patrol then counts no time without redundancy.
    "note-back": update("SET back_at = :now", OURS, ME | EPOCH | NOW),
    "release": update("REMOVE holder, since, intent, back_at", OURS, ME | EPOCH),
}


def lock(state: dict[str, Any]) -> dict[str, Any]:
    """One access to the cluster's item of lock and intent, on condition that it is ours or may become ours."""
    out = copy.deepcopy(LOCK[state.pop("lock")])
    if "intent" in state:
        out["Arguments"]["ExpressionAttributeValues"][":intent"]["S"] = state.pop("intent")
    out["Arguments"] |= {"TableName": "${Table}", "Key": KEY}
    return out | {"TimeoutSeconds": 60, "Retry": "lock"}


def run(state: dict[str, Any]) -> dict[str, Any]:
    """A machine of ours as a child, waited for. Its name is its parent's with `as` behind it: it starts once."""
    machine, suffix, seconds = state.pop("run"), state.pop("as"), state.pop("child_seconds")
    return {
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "TimeoutSeconds": seconds + CHILD_MARGIN_SECONDS,
        "Arguments": {
            "StateMachineArn": "${" + pascal(machine) + "StateMachine}",
            "Name": f"$child_of($execution.Name) & '-{suffix}'",
            "Input": fenced(state)
            | state.pop("with", {})
            | {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "$execution.Id"},
        },
        "Retry": "start",
    }


# An SNS subject has less than 100 characters.
SUBJECT = 99


def subject(text: str) -> str:
    """A subject that SNS takes, whatever stands in it."""
    if not text.startswith("{%"):
        return text[:SUBJECT]
    return "{% $substring(" + text.removeprefix("{%").removesuffix("%}").strip() + f", 0, {SUBJECT}) %}}"


def below(text: str, more: str) -> str:
    """A message with a fixed text below it; `text` is an expression."""
    said = text.removeprefix("{%").removesuffix("%}").strip()
    return f"{{% ({said}) & {json.dumps(more, ensure_ascii=False)} %}}"


def aws(state: dict[str, Any]) -> dict[str, Any]:
    """An integration of Step Functions' own: `aws: sns:publish`. What it repeats is the service's."""
    name = state.pop("aws")
    retry = "start" if name == "states:startExecution" else "lock" if name.startswith("dynamodb:") else "any"
    return {"Resource": f"arn:aws:states:::{name}", "TimeoutSeconds": 60, "Retry": retry}


def publish(state: dict[str, Any]) -> dict[str, Any]:
    """A mail to whoever is told of alarms."""
    mail = state.pop("publish")
    return aws({"aws": "sns:publish"}) | {"Arguments": {"TopicArn": "${AlarmTopic}"} | mail}


def start(state: dict[str, Any]) -> dict[str, Any]:
    """A machine of ours that nobody waits for, about one backup."""
    machine = state.pop("start")
    name = state.pop("name", None) or f"$child_of($execution.Name) & '-{machine}'"
    by = {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "$execution.Id"}
    return aws({"aws": "states:startExecution"}) | {
        "Arguments": {
            "StateMachineArn": "${" + pascal(machine) + "StateMachine}",
            "Name": name,
            "Input": {"cluster": "$cluster"} | state.pop("with") | by,
        },
    }


# States of an operation whose event has the error.
BAD_ENDS = ("failed", "refused", "not-back")


def say(state: dict[str, Any]) -> dict[str, Any]:
    """An event of our own about an operation, in the state that `say` names. Whether it can be put or not, `then`."""
    said, following = state.pop("say"), state["then"]
    about = {"operation": "$kind", "id": "$id"} | state.pop("with", {})
    detail = {"cluster": "$cluster", "state": said} | about | {"execution": "$execution.Id", "at": "$entered"}
    if said in BAD_ENDS:
        cause = "{% $substring($cause_of($failure), 0, 4000) %}"
        detail |= {"error": "$error_of($failure)", "cause": cause}
    state["else"] = {"any": {"Output": state.get("Output", {}), "Next": following}}
    return event({"event": "Operation v1", "detail": detail})


def event(state: dict[str, Any]) -> dict[str, Any]:
    """An event of our own on the default bus. Whoever waits for nothing else does not wait for it long, either."""
    entry = {"Source": SOURCE, "DetailType": f"{SOURCE} {state.pop('event')}", "Detail": state.pop("detail")}
    return {
        "Resource": "arn:aws:states:::events:putEvents",
        "TimeoutSeconds": 10,
        "Arguments": {"Entries": [entry]},
    }


VERBS = {
    "call": call,
    "node": node,
    "lock": lock,
    "run": run,
    "start": start,
    "event": event,
    "say": say,
    "publish": publish,
    "aws": aws,
}
# What type of state it is, by what it has; else a Task.
TYPES = {"Choices": "Choice", "Branches": "Parallel", "Items": "Map", "every": "Wait", "Error": "Fail"}
