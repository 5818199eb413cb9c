"""Every expression of the state machines parsed by jsonata 2.0.6, every definition read by AWS's language service.

python -m references.machines TEMPLATE    names what they refuse in the definitions beside the built template
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .node import ask

ARN = "arn:aws:lambda:eu-west-1:111122223333:function:"


def deployed(template: Path) -> dict[str, Any]:
    """The definitions as CloudFormation deploys them: each substitution is filled in with some text."""
    resources = json.loads(template.read_text(encoding="utf-8"))["Resources"].values()
    machines = [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::StateMachine"]
    out = {}
    for machine in machines:
        text = (template.parent / machine["DefinitionUri"]).read_text(encoding="utf-8")
        for hole in machine.get("DefinitionSubstitutions", {}):
            text = text.replace(f"${{{hole}}}", ARN + hole)
        out[machine["DefinitionUri"].removesuffix(".asl.json")] = json.loads(text)
    return out


def problems(machines: dict[str, Any]) -> list[str]:
    answer = ask("machines.js", machines)
    if not answer["expressions"]:
        return ["there is not one expression in the state machines: nothing was judged"]
    return answer["problems"]


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    found = problems(deployed(Path(arguments[0])))
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
