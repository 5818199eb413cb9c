"""Every statement of the template's roles and policies against the Service Authorization Reference.

python -m references.roles TEMPLATE    names what the reference does not know of the built template's statements

An action that does not exist, a resource that none of the statement's actions has, a condition key that is not in the
request: each of them grants nothing, and CloudFormation deploys it all the same.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import iam_data
from .reasons import REASONS

ACCOUNT, REGION = "111122223333", "eu-west-1"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack/1",
}
# The ARN of a resource of the template, `*` for its name.
ARNS = {
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/*",
    "AWS::Serverless::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*",
    "AWS::Serverless::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:*",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:*",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:*",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*",
    "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/*",
    "AWS::Scheduler::Schedule": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/*",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/*",
}
# Parameters that are ARNs.
GIVEN = {"EncryptionKey": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"}
# A reference to one of these is its name, not its ARN.
NAMED = ("AWS::SSM::Document",)
# What an operator may compare, by the type of the key. `Null` asks of any key whether it is there.
OPERATORS = {
    "String": ("String", "Null"),
    "ARN": ("Arn", "String", "Null"),
    "Bool": ("Bool", "Null"),
    "Numeric": ("Numeric", "Null"),
    "Date": ("Date", "Null"),
    "ArrayOfString": ("ForAllValues:String", "ForAnyValue:String", "Null"),
    "ArrayOfARN": ("ForAllValues:Arn", "ForAnyValue:Arn", "ForAllValues:String", "ForAnyValue:String", "Null"),
}


@dataclass(frozen=True)
class Statement:
    owner: str  # the template's resource
    text: dict[str, Any]
    resources: tuple[str, ...]  # ARNs, with `*`
    trust: bool  # of an assume-role policy, which names no resource

    @property
    def actions(self) -> list[str]:
        return listed(self.text.get("Action", []))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def arn(value: Any, template: dict[str, Any]) -> str:
    """A resource of a statement as text; KeyError where nothing is known of what it refers to."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Sub":
        text = argument if isinstance(argument, str) else argument[0]
        given = {} if isinstance(argument, str) else argument[1]

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if name in PSEUDO:
                return PSEUDO[name]
            if name in given or name in template.get("Parameters", {}):
                return "*"
            if template["Resources"].get(name, {}).get("Type") in NAMED:
                return "*"
            return arn({"Ref": name.removesuffix(".Arn")}, template)

        return re.sub(r"\$\{([^}]+)\}", fill, text)
    name = argument[0] if function == "Fn::GetAtt" else argument
    if function == "Fn::GetAtt" and argument[1] != "Arn":
        raise KeyError(f"{name}.{argument[1]}")
    if known := PSEUDO.get(name) or GIVEN.get(name):
        return known
    return ARNS[template["Resources"][name]["Type"]]


def statements(template: dict[str, Any]) -> Iterator[Statement]:
    def found(value: Any, trust: bool) -> Iterator[tuple[dict[str, Any], bool]]:
        if isinstance(value, list):
            for each in value:
                yield from found(each, trust)
        elif isinstance(value, dict):
            for key, inner in value.items():
                if key == "Statement":
                    for each in listed(inner):
                        yield each, trust
                else:
                    yield from found(inner, trust or key == "AssumeRolePolicyDocument")

    for owner, resource in template["Resources"].items():
        for text, trust in found(resource.get("Properties", {}), False):
            arns = tuple(arn(each, template) for each in listed(text.get("Resource", [])))
            yield Statement(owner, text, arns, trust)


# A `*` in the place of a region is any region, and no more than that.
ANY_REGION = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:\*:")


@functools.cache
def overlap(one: str, other: str) -> bool:
    """Whether there is a text that both patterns match; `*` is any text."""
    if not one or not other:
        return not (one or other).strip("*")
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return one[0] == other[0] and overlap(one[1:], other[1:])


def pattern(kind: iam_data.ResourceType) -> str:
    known = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT}
    return re.sub(r"\$\{(\w+)\}", lambda match: known.get(match[1], "*"), kind.arn)


def touched(action: iam_data.Action, resources: tuple[str, ...]) -> list[iam_data.ResourceType]:
    """The resource types of an action that a statement with these resources speaks of."""
    here = [each.replace(":*:", f":{REGION}:", 1) if ANY_REGION.match(each) else each for each in resources]
    return [kind for kind in action.types if any(overlap(pattern(kind), each) for each in here)]


def expanded(name: str) -> list[str]:
    """The actions that a name with `*` means."""
    if "*" not in name:
        return [name]
    return [each for each in iam_data.names(name.partition(":")[0]) if fnmatch.fnmatchcase(each, name)]


def conditions(text: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for operator, keys in text.get("Condition", {}).items():
        for key in keys:
            yield operator, key


def of_key(operator: str, key: str, actions: list[iam_data.Action], resources: tuple[str, ...]) -> Iterator[str]:
    name = iam_data.base(key)
    if name in iam_data.global_keys():
        return
    for action in actions:
        for kind in touched(action, resources) or [None]:
            if name not in action.keys | (kind.keys if kind else frozenset()):
                yield f"{action.name}: {key} is not in its request{f' for a {kind.name}' if kind else ''}"
        types = iam_data.key_types(action.name.partition(":")[0])
        allowed = OPERATORS.get(types.get(name, ""), ())
        if types.get(name) and not operator.removesuffix("IfExists").startswith(allowed):
            yield f"{action.name}: {key} is of type {types[name]}, which {operator} does not compare"


def of_statement(statement: Statement) -> Iterator[str]:
    known: list[iam_data.Action] = []
    for name in statement.actions:
        found = [iam_data.action(each) for each in expanded(name)]
        if not found or None in found:
            yield f"{name}: there is no such action"
        elif "*" not in name and found[0] and found[0].name != name:
            yield f"{name}: AWS writes {found[0].name}"
        known += [each for each in found if each]
    if not statement.trust and statement.text.get("Effect") == "Allow":
        for action in known:
            if "*" in statement.resources and action.types:
                yield f"{action.name}: granted on every resource"
            elif "*" not in statement.resources and not touched(action, statement.resources):
                yield f"{action.name}: is never asked for {', '.join(statement.resources)}"
        for each in statement.resources:
            if known and each != "*" and not any(touched(action, (each,)) for action in known):
                yield f"{each}: no action of the statement has such a resource"
    for operator, key in conditions(statement.text):
        yield from of_key(operator, key, known, statement.resources)


def uncovered(owned: list[Statement]) -> Iterator[str]:
    """Required resource types that a role's statements leave out, though they grant the action on another one."""
    granted: dict[str, set[str]] = {}
    for statement in owned:
        if statement.text.get("Effect") != "Allow" or statement.trust:
            continue
        for name in statement.actions:
            for action in filter(None, map(iam_data.action, expanded(name))):
                granted.setdefault(action.name, set()).update(
                    kind.name for kind in touched(action, statement.resources)
                )
    for name, kinds in granted.items():
        action = iam_data.action(name)
        assert action
        for kind in action.types:
            if kind.required and kind.name not in kinds:
                yield f"{name}: not granted on any {kind.name}, which it requires"
            for each in kind.dependent if kind.name in kinds else ():
                if each not in granted:
                    yield f"{name}: needs {each} for a {kind.name}, which is not granted"
        for each in action.dependent:
            if each not in granted:
                yield f"{name}: needs {each}, which is not granted"


def problems(template: dict[str, Any]) -> list[str]:
    """What the reference does not know, less what reasons.py explains, and the reasons that explain nothing."""
    owned: dict[str, list[Statement]] = {}
    for statement in statements(template):
        owned.setdefault(statement.owner, []).append(statement)
    if not owned:
        return ["there is not one statement in the template: nothing was judged"]
    found: dict[str, list[str]] = {}  # what -> owners
    for owner, each in owned.items():
        for problem in [*(text for statement in each for text in of_statement(statement)), *uncovered(each)]:
            found.setdefault(problem, []).append(owner)
    out = [f"{', '.join(dict.fromkeys(owners))}: {what}" for what, owners in found.items() if what not in REASONS]
    return out + [f"reasons.py: nothing is found any more of {what}" for what in REASONS.keys() - found.keys()]


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    found = problems(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
