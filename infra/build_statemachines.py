"""Expand the state machines from their YAML sources in statemachine/ into plain Amazon States Language.

A source names its states in the order in which they follow one another; a state without `then` goes on to the next. A
state is plain ASL, or one of the verbs `call`, `node`, `lock` and `run`, which statemachine/README.md shows with the
ASL that each becomes. A run of states that several machines share is a fragment: `use: lock.yaml#take`.

    build_statemachines.py OUT_DIR     one <name>.asl.json a machine

Names in ${…} stay: CloudFormation's DefinitionSubstitutions fill them in (infra/build.py).
"""

from __future__ import annotations

import copy
import functools
import itertools
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SOURCES = Path(__file__).resolve().parent.parent / "statemachine"

# What an expression may say for short.
WORDS = {
    "entered": "$states.context.State.EnteredTime",
    "retries": "$states.context.State.RetryCount",
    "execution": "$states.context.Execution",
    "input": "$states.input",
    "result": "$states.result",
    "payload": "$states.result.Payload",
}
WORD = re.compile(r"\$(" + "|".join(WORDS) + r")\b")

# The error as a person reads it: a function's and a child's stand as JSON inside the Cause.
READABLE = (
    "( $cause := $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : 'no cause was given';"
    " $inner := $substring($cause, 0, 1) = '{' ? $parse($cause) : {};"
    " {'error': $exists($inner.Error) ? $inner.Error : $states.errorOutput.Error,"
    " 'cause': $exists($inner.Cause) ? $inner.Cause : $exists($inner.errorMessage) ? $inner.errorMessage : $cause} )"
)

ALL = "States.ALL"
CHANGED = "DynamoDB.ConditionalCheckFailedException"
# A retry list by name. `aws`: what a repeat may cure; a function's own verdict is none of it.
RETRIES: dict[str, list[dict[str, Any]]] = {
    "aws": [
        {
            "ErrorEquals": [
                "AwsUnavailable",
                "Lambda.ServiceException",
                "Lambda.AWSLambdaException",
                "Lambda.SdkClientException",
                "Lambda.TooManyRequestsException",
                "Runtime.ExitError",
                "Sandbox.Timedout",
                "States.Timeout",
            ],
            "IntervalSeconds": 2,
            "BackoffRate": 2.0,
            "MaxAttempts": 4,
            "MaxDelaySeconds": 30,
        }
    ],
    "lock": [
        {"ErrorEquals": [CHANGED], "MaxAttempts": 0},
        {"ErrorEquals": [ALL], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 5, "MaxDelaySeconds": 20},
    ],
    "any": [{"ErrorEquals": [ALL], "IntervalSeconds": 2, "BackoffRate": 2.0, "MaxAttempts": 4}],
}
NOTHING = "{% {} %}"


class SourceError(ValueError):
    """A source that cannot be expanded; the text names the file and the state."""


class Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice in one mapping is an error: the second state would replace the first."""


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict:
    loader.flatten_mapping(node)
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    if twice := {str(key) for key in keys if keys.count(key) > 1}:
        where = f"{Path(node.start_mark.name).name}:{node.start_mark.line + 1}"
        raise SourceError(f"{where}: {', '.join(sorted(twice))} stands twice")
    return {key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)}


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@functools.cache
def load(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as stream:
        return yaml.load(stream, Loader)


def read(name: str) -> dict[str, Any]:
    """A source, as it stands in the file."""
    path = SOURCES / name
    if not path.is_file():
        raise SourceError(f"{name}: there is no such file in {SOURCES.name}")
    return copy.deepcopy(load(path))


# ── expressions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def expressions(value: Any) -> Any:
    """The value with every text that begins with `$` as a JSONata expression, and the short words written out."""
    if isinstance(value, dict):
        return {key: expressions(each) for key, each in value.items()}
    if isinstance(value, list):
        return [expressions(each) for each in value]
    if not isinstance(value, str):
        return value
    if re.match(r"\$[a-z]", value):
        value = "{% " + value + " %}"
    return WORD.sub(lambda word: WORDS[word[1]], value) if value.startswith("{%") else value


def kept(keep: str | dict[str, str | None]) -> dict[str, Any]:
    """`Assign` for the function's answer: `{id, intent: intent_json}` keeps fields of it, a bare name all of it."""
    if isinstance(keep, str):
        return {keep: "$payload"}
    fields = {name: name if field is None else field for name, field in keep.items()}
    return {
        name: f"$payload.{field}" if isinstance(field, str) and re.fullmatch(r"[a-z][\w.]*", field) else field
        for name, field in fields.items()
    }


# ── verbs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def pascal(name: str) -> str:
    return "".join(word.title() for word in name.split("-"))


def fenced(state: dict[str, Any]) -> dict[str, Any]:
    """The cluster and, unless `fence: none` says otherwise, the lock, by which what is called is fenced."""
    return {"cluster": "$cluster"} | ({} if state.pop("fence", "lock") == "none" else {"lock": "$lock"})


def call(state: dict[str, Any]) -> dict[str, Any]:
    """One of our functions."""
    return {
        "Resource": "arn:aws:states:::lambda:invoke",
        "TimeoutSeconds": 120,
        "Arguments": {
            "FunctionName": "${" + pascal(state.pop("call")) + "Function}",
            "Payload": fenced(state) | state.pop("with", {}),
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
        "SET holder = :me, since = :now, epoch = epoch + :one",
        "attribute_not_exists(#hold) AND attribute_not_exists(holder) AND attribute_exists(intent)",
        ME | NOW | {":one": {"N": "1"}},
        **TAKEN,
    )
    | ours("$number($result.Attributes.epoch.N)"),
    "take-over": update(
        "SET holder = :me, since = :now, epoch = :epoch",
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
    "release": update("REMOVE holder, since, intent", OURS, ME | EPOCH),
}


def lock(state: dict[str, Any]) -> dict[str, Any]:
    """One access to the cluster's item of lock and intent, on condition that it is ours or may become ours."""
    out = copy.deepcopy(LOCK[state.pop("lock")])
    if "intent" in state:
        out["Arguments"]["ExpressionAttributeValues"][":intent"]["S"] = state.pop("intent")
    out["Arguments"] |= {"TableName": "${Table}", "Key": KEY}
    return out | {"TimeoutSeconds": 60, "Retry": "lock"}


# Of a child: the seconds that it may take, with what its own states wait besides, and how much of its parent's name
# goes into its own.
CHILDREN = {"converge": (262800, 66), "recover": (266400, 70)}


def run(state: dict[str, Any]) -> dict[str, Any]:
    """A machine of ours as a child, waited for. Its name is its parent's with `as` behind it, so that it runs once."""
    machine, suffix = state.pop("run"), state.pop("as")
    seconds, length = CHILDREN[machine]
    return {
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "TimeoutSeconds": seconds,
        "Arguments": {
            "StateMachineArn": "${" + pascal(machine) + "StateMachine}",
            "Name": f"$substring($execution.Name, 0, {length}) & '-{suffix}'",
            "Input": fenced(state) | {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "$execution.Id"},
        },
    }


VERBS = {"call": call, "node": node, "lock": lock, "run": run}


# ── states ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def catches(state: dict[str, Any]) -> list[dict[str, Any]]:
    """`lost`: where to go when the lock is not as expected. `else`: where to go on any error, which is kept as
    `failure`; or a mapping of errors to targets, `any` last. `ignore`: where to go on any error, which is forgotten.
    """
    out: list[dict[str, Any]] = []
    if "lost" in state:
        out.append({"ErrorEquals": [CHANGED], "Next": state.pop("lost")})
    targets = state.pop("else", {})
    for errors, target in ({"any": targets} if isinstance(targets, str) else targets).items():
        caught = {"ErrorEquals": [ALL] if errors == "any" else errors.split(", ")}
        if isinstance(target, str):
            target = {"Assign": {"failure": "{% " + READABLE + " %}"}, "Next": target}
        out.append(caught | target)
    if "ignore" in state:
        out.append({"ErrorEquals": [ALL], "Output": NOTHING, "Next": state.pop("ignore")})
    return out


def retries(retry: str | list[Any]) -> list[dict[str, Any]]:
    return [
        each
        for entry in ([retry] if isinstance(retry, str) else retry)
        for each in (RETRIES[entry] if isinstance(entry, str) else [entry])
    ]


@dataclass
class Machine:
    """One source and what its states became."""

    name: str

    def states(self, sources: dict[str, Any]) -> dict[str, Any]:
        """`StartAt` and `States` of a machine, a branch or an item processor."""
        flat = self.flat(sources)
        pairs = itertools.pairwise([*flat, None])
        states = {name: self.state(name, dict(flat[name]), after) for name, after in pairs}
        return {"StartAt": next(iter(flat)), "States": states}

    def flat(self, sources: dict[str, Any]) -> dict[str, Any]:
        """The states with each `use` replaced by its fragment's states."""
        out: dict[str, Any] = {}
        for name, source in sources.items():
            new = self.flat(self.fragment(name, source)) if "use" in source else {name: source}
            if twice := out.keys() & new.keys():
                raise SourceError(f"{self.name}: {', '.join(sorted(twice))} stands twice")
            out |= new
        return out

    def fragment(self, name: str, use: dict[str, Any]) -> dict[str, Any]:
        """A fragment's states, with what stands beside `use` in its holes: `then: Inspect` replaces `<then>`."""
        file, _, part = use["use"].partition("#")
        fragments = read(file)
        if part not in fragments:
            raise SourceError(f"{self.name}, {name}: {file} has no {part}")
        text = json.dumps(fragments[part])
        for hole, target in use.items():
            text = text.replace(json.dumps(f"<{hole}>"), json.dumps(target))
        if hole := re.search(r'"<\w+>"', text):
            raise SourceError(f"{self.name}, {name}: {use['use']} wants to know {hole[0]}")
        states = json.loads(text)
        if next(iter(states)) != name:
            raise SourceError(f"{self.name}, {name}: {use['use']} begins with {next(iter(states))}")
        return states

    def state(self, name: str, source: dict[str, Any], after: str | None) -> dict[str, Any]:
        """The ASL of one state; `after`: the one that stands behind it in the source."""
        verbs = VERBS.keys() & source.keys()
        out: dict[str, Any] = {"Type": source.get("Type", "Task")}
        if "about" in source:
            out["Comment"] = source.pop("about")
        try:
            out |= VERBS[verbs.pop()](source) if verbs else {}
            out["Retry"] = retries(source.pop("retry", out.get("Retry", [])))
        except KeyError as error:
            raise SourceError(f"{self.name}, {name}: {error} is missing or unknown") from None
        if "keep" in source:
            out["Assign"] = kept(source.pop("keep"))
        for word, field in (("timeout", "TimeoutSeconds"), ("then", "Next")):
            if word in source:
                out[field] = source.pop(word)
        catch = catches(source)
        out |= {key: source.pop(key) for key in list(source) if key[:1].isupper()}
        if source:
            raise SourceError(f"{self.name}, {name}: nothing is known of {', '.join(sorted(source))}")
        if out["Type"] == "Task":
            out.setdefault("Output", NOTHING)
        if catch:
            out["Catch"] = catch
        if not out["Retry"]:
            del out["Retry"]
        branches, item = out.pop("Branches", None), out.pop("ItemProcessor", None)
        out = expressions(out)
        if branches:
            out["Branches"] = [self.states(branch) for branch in branches]
        if item:
            out["ItemProcessor"] = {"ProcessorConfig": {"Mode": "INLINE"}} | self.states(item)
        if out["Type"] not in ("Choice", "Succeed", "Fail") and "End" not in out:
            out.setdefault("Next", after)
            if out["Next"] is None:
                raise SourceError(f"{self.name}, {name}: no state follows")
        return out


def expand(name: str) -> dict[str, Any]:
    """The ASL of statemachine/<name>.yaml."""
    source = read(f"{name}.yaml")
    head = {"Comment": source["about"], "QueryLanguage": "JSONata", "TimeoutSeconds": source["timeout"]}
    return head | Machine(name).states(source["states"])


def machines() -> dict[str, dict[str, Any]]:
    """Every machine, by name. A source without `states` holds fragments."""
    names = [path.stem for path in sorted(SOURCES.glob("*.yaml")) if "states" in read(path.name)]
    return {name: expand(name) for name in names}


def files() -> dict[str, str]:
    """What is deployed: the name and the text of each file."""
    return {f"{name}.asl.json": json.dumps(each, indent=1) + "\n" for name, each in machines().items()}


def main(argv: list[str]) -> int:
    if len(argv) != 1 or argv[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(argv[0])
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (out / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SourceError as error:
        sys.exit(f"build_statemachines: {error}")
