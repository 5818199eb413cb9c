"""docs/permissions.md out of the template: what each role may do, and why each `*` is there.

    permissions_page.py            write the page
    permissions_page.py --check    say whether it is current

A `*` in a resource needs a reason: the action has no resource in IAM, a tag limits it, its name begins with the
stack's, or permission_reasons.py says why. The page is not made without one.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import build
from permission_reasons import REASONS, Reason

PAGE = Path(__file__).resolve().parent.parent / "docs" / "permissions.md"
TAG = re.compile(r"(aws:ResourceTag|aws:RequestTag|ssm:resourceTag)/(mirrorsnap:[a-z-]+)$")
NO_RESOURCE = "IAM knows no resource for it"
BY_TAG = "the tag is the boundary"
BY_NAME = "the stack's own"
INTRO = """# What each role may do

<!-- Made from infra/template.yaml by `make permissions`; `make lint` says when it is not current. -->

Each function, each state machine and each rule has a role of its own. This page is made from the template that is
deployed. Nothing is granted that no test in the lab uses, but for [what has another
reason](../tests/references/unused.yaml).

**Tags are the boundary.** IAM has no other way to say *the nodes of a cluster and their snapshots*. What changes an
instance or a snapshot is allowed where that has the tag `mirrorsnap:cluster`, whatever the value: the functions compare
the value with the cluster's name. So whoever may set that tag decides what mirrorsnap may stop, and whoever may set
`mirrorsnap:restore-id` on a volume decides what it may delete. Keep `ec2:CreateTags` and `ec2:DeleteTags` of
`mirrorsnap:*` from everybody else, for example by a service control policy.

A `*` in a resource is there for one of these reasons:

| reason | meaning |
|---|---|
| IAM knows no resource for it | the action is allowed for all or for none. The Service Authorization Reference lists \
no resource type, and a test asks it |
| the tag is the boundary | the resource must have our tag, or the call must give it the tag |
| the stack's own | the name begins with the stack's name |
| anything else | is written beside it |

No role may pass a role on, change a policy, read a secret, or start a command document that is not the stack's.

With the parameter `SubnetIds` each function's role also has AWS's own policy `AWSLambdaVPCAccessExecutionRole`, by
which Lambda makes network interfaces. With `PermissionsBoundary` every role of the stack has that boundary.
"""


class Unexplained(Exception):
    """A `*` of the template has no reason, or a reason explains nothing; the text names it."""


@dataclass(frozen=True)
class Grant:
    """One row of the page."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[str, ...]
    tagged: bool  # a condition demands one of our tags

    def row(self, why: str) -> str:
        cells = (
            ", ".join(f"`{each}`" for each in self.actions),
            "<br>".join(f"`{each}`" for each in self.resources),
            "<br>".join(self.conditions),
            why,
        )
        return f"| {' | '.join(cells)} |"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


PSEUDO = {
    "StackName": "STACK",
    "AccountId": "ACCOUNT",
    "Region": "REGION",
    "URLSuffix": "amazonaws.com",
    "Partition": "aws",
}


def _plain(text: str) -> str:
    """A text of Fn::Sub with words instead of references."""
    return re.sub(r"\$\{(?:AWS::)?(\w+)\}", lambda found: PSEUDO.get(found[1], found[1]), text)


def _text(value: Any) -> str:
    """A value of a condition."""
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        ((function, argument),) = value.items()
        return _plain(f"${{{argument}}}" if function == "Ref" else str(argument))
    return str(value)


def _resource(value: Any) -> str:
    """A resource as people write it: `ec2 instance/*`, or the template's own resource by its name in there."""
    if value == "*":
        return "*"
    ((function, argument),) = value.items()
    if function in ("Ref", "Fn::GetAtt"):
        return argument if function == "Ref" else argument[0]
    _, _, service, _, _, *rest = _plain(argument).split(":")
    return f"{service} {':'.join(rest)}"


def _conditions(condition: dict[str, Any]) -> Iterator[str]:
    for operator, keys in condition.items():
        for key, value in keys.items():
            if (found := TAG.match(key)) and (operator, value) == ("StringLike", "*"):
                where = "the call gives it the tag" if found[1] == "aws:RequestTag" else "it has the tag"
                yield f"{where} `{found[2]}`"
            elif operator == "Null":
                yield f"`{key}` is {'absent' if str(value) == 'true' else 'there'}"
            else:
                yield f"{operator} `{key}`: `{_text(value)}`"


def grant(statement: dict[str, Any]) -> Grant:
    condition = statement.get("Condition", {})
    return Grant(
        tuple(listed(statement["Action"])),
        tuple(_resource(each) for each in listed(statement["Resource"])),
        tuple(_conditions(condition)),
        any(TAG.match(key) and value == "*" for key, value in condition.get("StringLike", {}).items()),
    )


def why(owner: str, found: Grant, used: set[Reason]) -> str:
    """Why each `*` among the resources is there; notes in `used` which reasons were asked."""
    out, conditions = [], "; ".join(found.conditions)
    for resource in found.resources:
        if "*" not in resource:
            continue
        reason = next((r for r in REASONS if r.explains(found.actions, resource, conditions)), None)
        if found.tagged:
            out.append(BY_TAG)
        elif "STACK" in resource:
            out.append(BY_NAME)
        elif reason:
            used.add(reason)
            out.append(reason.why)
        elif resource == "*":
            out.append(NO_RESOURCE)
        else:
            actions = ", ".join(found.actions)
            raise Unexplained(f"{owner}: nothing says why {actions} is granted on {resource} (permission_reasons.py)")
    return "<br>".join(dict.fromkeys(out))


SHARED = "AWS::IAM::Policy"  # of roles that it names


def statements_of(resource: dict[str, Any]) -> list[dict[str, Any]]:
    given = resource["Properties"]
    policies = [given] if resource["Type"] == SHARED else given.get("Policies", [])
    return [each for policy in policies for each in policy.get("PolicyDocument", policy)["Statement"]]


@dataclass(frozen=True)
class Role:
    """One section of the page."""

    logical_id: str  # of the resource that has the statements
    title: str
    said: str  # what its owner is for, or who takes it
    statements: list[dict[str, Any]]


def roles(template: dict[str, Any]) -> Iterator[Role]:
    resources = template["Resources"]
    for name, resource in resources.items():
        given = resource["Properties"]
        if resource["Type"] == "AWS::Serverless::Function":
            role = given["Role"]["Fn::GetAtt"][0]
            found = statements_of(resources[role])
            yield Role(role, f"Function {given['Handler']}", given["Description"], found)
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            title = f"State machine {_text(given['Name']).removeprefix('STACK-')}"
            yield Role(name, title, "", statements_of(resource))
        elif resource["Type"] == "AWS::IAM::Role" and not name.endswith("FunctionRole"):
            yield Role(name, f"Role {name}", _trust(resource), statements_of(resource))
        elif resource["Type"] == SHARED:
            owners = ", ".join(each["Ref"].removesuffix("Role") for each in given["Roles"])
            said = f"Only where the condition {resource['Condition']} holds. Of {owners}."
            yield Role(name, f"Policy {name}", said, statements_of(resource))


def _trust(resource: dict[str, Any]) -> str:
    statement = resource["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    limits = "; ".join(_conditions(statement.get("Condition", {})))
    return f"`{statement['Principal']['Service']}` takes it{f', if {limits}' if limits else ''}."


def page(template: dict[str, Any]) -> str:
    resources, used, out = template["Resources"], set(), [INTRO]
    for role in roles(template):
        out.append(f"## {role.title}\n")
        if role.said:
            out.append(f"{role.said}\n")
        out += ["| may | on | if | why `*` |", "|---|---|---|---|"]
        for each in role.statements:
            found = grant(each)
            out.append(found.row(why(role.logical_id, found, used)))
        out.append("")
    out.append(_of_others(resources))
    if idle := [reason for reason in REASONS if reason not in used]:
        listed_ = "; ".join(f"{', '.join(each.actions)} on {each.resource}" for each in idle)
        raise Unexplained(f"permission_reasons.py: nothing is explained any more by {listed_}")
    return "\n".join(out)


def _of_others(resources: dict[str, Any]) -> str:
    out = ["## What resources allow others\n"]
    for name, resource in resources.items():
        if not resource["Type"].endswith("Policy") or resource["Type"] == SHARED:
            continue
        for each in resource["Properties"]["PolicyDocument"]["Statement"]:
            limits = "; ".join(_conditions(each.get("Condition", {})))
            what = ", ".join(f"`{action}`" for action in listed(each["Action"]))
            out.append(f"- {name}: `{_text(list(each['Principal'].values()))}` may {what}, if {limits}.")
    return "\n".join(out) + "\n"


def main(argv: list[str]) -> int:
    if argv not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    # The way through JSON makes of each alias of the YAML a value of its own.
    try:
        wanted = page(json.loads(json.dumps(build.build())))
    except Unexplained as error:
        print(f"docs/permissions.md: {error}", file=sys.stderr)
        return 1
    if not argv:
        PAGE.write_text(wanted, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text("utf-8") != wanted:
        print("docs/permissions.md is not current; run `make permissions`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
