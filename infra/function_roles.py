"""A role for each function of the template, and the permissions boundary for every role of the stack.

SAM would make the same roles, with every log group of the account to write to, and with AWS's permissions for a VPC as
soon as the template has a parameter for one. These have their own log group only, and the VPC's where there is one.
"""

from __future__ import annotations

from typing import Any

BOUNDARY = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
# Lambda makes the network interfaces with the function's role: "Giving Lambda functions access to resources in an
# Amazon VPC", Lambda's developer guide.
IN_A_VPC = "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"


def of_functions(resources: dict[str, Any]) -> dict[str, Any]:
    """`AssessFunction` gets `AssessFunctionRole`, with the statements that are taken out of it."""
    out = {}
    for function, resource in resources.items():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            policies = properties.pop("Policies", [])
            statements = [each for policy in policies for each in policy["Statement"]]
            out[f"{function}Role"] = _role(function, statements)
            properties["Role"] = {"Fn::GetAtt": [f"{function}Role", "Arn"]}
    return out


def _role(function: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    log = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": {"Fn::GetAtt": [f"{function.removesuffix('Function')}Logs", "Arn"]},
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": _document(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ),
            "ManagedPolicyArns": {"Fn::If": ["HasVpc", [{"Fn::Sub": IN_A_VPC}], {"Ref": "AWS::NoValue"}]},
            "Policies": [{"PolicyName": "own", "PolicyDocument": _document(*statements, log)}],
        },
    }


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def bound(resources: dict[str, Any]) -> None:
    """Every role that the stack makes has the boundary; SAM makes that of a state machine."""
    for resource in resources.values():
        if resource["Type"] in ("AWS::IAM::Role", "AWS::Serverless::StateMachine"):
            resource["Properties"]["PermissionsBoundary"] = BOUNDARY
