"""Members that ministack answers and AWS does not, taken out of the answer or put right on its way to the caller.

tests/references/exchanges.py found each of them by botocore's shapes. The gateway passes every answer of ministack's
through `mended`; those of the lab's own services are written by the shapes and need none of it.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from typing import Any

Body = dict[str, Any]
REASONS = ("StateReason", "StateReasonCode", "LastUpdateStatusReason", "LastUpdateStatusReasonCode")
# What a table on demand can carry from its first second on (DynamoDB Developer Guide, "Warm throughput").
WARM = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _function(config: Body) -> None:
    """Empty reasons, a code that Lambda has not, and a runtime's version without an ARN."""
    for name in REASONS:
        if config.get(name) in ("", "Updating"):
            del config[name]
    if (config.get("RuntimeVersionConfig") or {}).get("RuntimeVersionArn") == "":
        del config["RuntimeVersionConfig"]


def _functions(body: Body) -> Body:
    for config in (body, body.get("Configuration"), *(body.get("Functions") or [])):
        if isinstance(config, dict):
            _function(config)
    return body


def _table(body: Body) -> Body:
    for table in (body.get("Table"), body.get("TableDescription")):
        warm = (table or {}).get("WarmThroughput") or {}
        warm |= {name: units for name, units in WARM.items() if warm.get(name) == 0}
    return body


def _rules(body: Body) -> Body:
    """Who made a rule is told by DescribeRule only."""
    for rule in body.get("Rules") or []:
        rule.pop("CreatedBy", None)
    return body


# call -> what is done to the JSON that it is answered with.
JSON: dict[str, Callable[[Body], Body]] = {
    **dict.fromkeys(
        (
            *("lambda:CreateFunction", "lambda:GetFunction", "lambda:GetFunctionConfiguration"),
            *("lambda:ListFunctions", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"),
        ),
        _functions,
    ),
    **dict.fromkeys(
        ("dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:DescribeTable", "dynamodb:UpdateTable"), _table
    ),
    "cloudwatch:DescribeAlarms": _without_nulls,
    "events:ListRules": _rules,
    "states:GetExecutionHistory": _without_nulls,
    "states:ListExecutions": _without_nulls,
}
_VPC = re.compile(r"<(mainRouteTableId|defaultNetworkAclId|defaultSecurityGroupId)>[^<]*</\1>")
_EMPTY_DESCRIPTION = re.compile(r"<Description></Description>|<Description ?/>")
# call -> what is cut out of the XML that it is answered with.
XML: dict[str, re.Pattern[str]] = {
    "ec2:CreateVpc": _VPC,
    "ec2:DescribeVpcs": _VPC,
    "cloudformation:DescribeStacks": _EMPTY_DESCRIPTION,
    "cloudformation:GetTemplateSummary": _EMPTY_DESCRIPTION,
    "cloudformation:DescribeChangeSet": re.compile(r"<ChangeSetType>[^<]*</ChangeSetType>"),
}


def mended(call: str, response: tuple[int, dict[str, str], Any]) -> tuple[int, dict[str, str], Any]:
    status, headers, body = response
    if status >= 300 or not (call in JSON or call in XML):
        return response
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    if call in JSON and not text.startswith("{"):
        return response  # CBOR, which the AWS CLI and botocore do not ask the lab for
    new = (XML[call].sub("", text) if call in XML else json.dumps(JSON[call](json.loads(text)))).encode()
    about = {key: value for key, value in headers.items() if key.lower() not in ("content-length", "x-amz-crc32")}
    if len(about) < len(headers) and call.startswith("dynamodb:"):
        about["x-amz-crc32"] = str(zlib.crc32(new))
    return status, about, new
