"""Whether scenarios and tests of the deployed product used each action that a role of the template holds.

    python -m references.uses gather DIRECTORY FILE    what the policies allowed each role in labs (lab/witness.py)
    python -m references.uses check TEMPLATE FILE …    which granted actions none of these files has

An action that nothing in the lab can use, or only by chance, stands in unused.yaml with its reason.
"""

from __future__ import annotations

import fnmatch
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from . import iam_data, roles

EXCEPTIONS = Path(__file__).resolve().parent / "unused.yaml"
# CloudFormation and the lab call a role STACK-LogicalId-RANDOM.
_LOGICAL = re.compile(r"-(\w+Role)-")

Held = dict[str, set[str]]  # role, by its logical id -> actions


@dataclass(frozen=True)
class Exempt:
    """Actions that these roles hold and no scenario needs to use."""

    roles: str  # a pattern
    actions: tuple[str, ...]
    why: str

    def covers(self, role: str, action: str) -> bool:
        return fnmatch.fnmatchcase(role, self.roles) and action in self.actions


def exceptions() -> list[Exempt]:
    found = yaml.safe_load(EXCEPTIONS.read_text(encoding="utf-8"))
    return [Exempt(each["roles"], tuple(each["actions"]), each["why"]) for each in found]


def gathered(directory: Path) -> Held:
    """What was allowed in the labs that left this directory; a role outside of a stack of ours is none of ours."""
    out: Held = {}
    for path in sorted(directory.glob("allowed-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the last line of a lab that was killed
            if found := _LOGICAL.search(entry["role"]):
                out.setdefault(found[1], set()).add(entry["action"])
    return out


def granted(template: dict[str, Any]) -> Held:
    """What the statements of each role allow; an action with `*` is all that it means."""
    out: Held = {}
    for statement in roles.statements(template):
        kind = template["Resources"][statement.owner]["Type"]
        if statement.trust or statement.text["Effect"] != "Allow" or kind.endswith("Policy"):
            continue
        # SAM makes the role of a state machine, and calls it so.
        role = statement.owner if kind == "AWS::IAM::Role" else f"{statement.owner}Role"
        for name in statement.actions:
            out.setdefault(role, set()).update(_names(name))
    return out


def _names(pattern: str) -> list[str]:
    found = [iam_data.action(each) for each in roles.expanded(pattern)]
    return [each.name for each in found if each] or [pattern]


def problems(held: Held, used: Held, exempt: Iterable[Exempt]) -> Iterator[str]:
    exempt = list(exempt)
    for role, actions in sorted(held.items()):
        for action in sorted(actions - used.get(role, set())):
            if not any(each.covers(role, action) for each in exempt):
                yield f"{role} holds {action}, and nothing used it"
    for each in exempt:
        for action in each.actions:
            if not any(each.covers(role, action) and action in actions for role, actions in held.items()):
                yield f"unused.yaml: no role like {each.roles} holds {action} any more"


def union(files: Iterable[Path]) -> Held:
    out: Held = {}
    for path in files:
        for role, actions in json.loads(path.read_text(encoding="utf-8")).items():
            out.setdefault(role, set()).update(actions)
    return out


def main(arguments: list[str]) -> int:
    match arguments:
        case ["gather", directory, file]:
            found = gathered(Path(directory))
            text = json.dumps({role: sorted(actions) for role, actions in sorted(found.items())}, indent=1)
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(text + "\n", encoding="utf-8")
            return 0
        case ["check", template, *files] if files:
            held, used = granted(json.loads(Path(template).read_text(encoding="utf-8"))), union(map(Path, files))
            found = list(problems(held, used, exceptions()))
            print("\n".join(found), end="\n" if found else "", file=sys.stderr)
            counted = sum(len(actions & used.get(role, set())) for role, actions in held.items())
            print(f"uses: {counted} of {sum(map(len, held.values()))} granted actions were used")
            return 1 if found else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
