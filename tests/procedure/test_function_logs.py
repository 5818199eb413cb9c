"""Each function's log is kept as long as the state machines' logs, from its first line on."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))

from build import build

# What CloudWatch Logs takes for RetentionInDays (API reference, PutRetentionPolicy).
DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]


def test_each_function_has_a_log_group_with_the_stacks_retention() -> None:
    template = build()
    resources = template["Resources"]
    functions = {name: r for name, r in resources.items() if r["Type"] == "AWS::Serverless::Function"}
    groups = {
        name: r["Properties"]["LogGroupName"] for name, r in resources.items() if r["Type"] == "AWS::Logs::LogGroup"
    }
    assert len(functions) > 10
    for name, function in functions.items():
        wanted = {"Fn::Sub": f"/aws/lambda/{function['Properties']['FunctionName']['Fn::Sub']}"}
        own = [group for group, named in groups.items() if named == wanted]
        assert len(own) == 1, name
        assert own[0] in function["DependsOn"], name
        assert resources[own[0]]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name
    assert template["Parameters"]["LogRetentionDays"]["AllowedValues"] == DAYS
