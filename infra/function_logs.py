"""A log group for each function of the template, kept as long as the stack's other logs.

Lambda would make each at the first call, to be kept for ever. So each function waits for its own.
"""

from __future__ import annotations

from typing import Any


def log_groups(resources: dict[str, Any]) -> dict[str, Any]:
    """`AssessFunction` gets `AssessLogs`."""
    return {
        _of(function): {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": {"Fn::Sub": f"/aws/lambda/{resource['Properties']['FunctionName']['Fn::Sub']}"},
                "RetentionInDays": {"Ref": "LogRetentionDays"},
                "KmsKeyId": {"Fn::If": ["HasKey", {"Ref": "EncryptionKey"}, {"Ref": "AWS::NoValue"}]},
            },
        }
        for function, resource in _functions(resources).items()
    }


def wait_for_them(resources: dict[str, Any]) -> None:
    """Have CloudFormation make each function after its log group."""
    for function, resource in _functions(resources).items():
        before = resource.get("DependsOn", [])
        resource["DependsOn"] = [*([before] if isinstance(before, str) else before), _of(function)]


def _functions(resources: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"}


def _of(function: str) -> str:
    return f"{function.removesuffix('Function')}Logs"
