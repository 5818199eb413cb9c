"""ddb-condition: two conditional writes on one item, and a consistent read after each."""

from __future__ import annotations

from typing import Any

from ..scratch import TAG, Scratch, code_of
from ..verdict import Probe, Verdict, holds

KEY = {"cluster": {"S": "one"}}


def ask(scratch: Scratch) -> dict[str, Any]:
    ddb, name = scratch.of("dynamodb"), scratch.name
    ddb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "cluster", "AttributeType": "S"}],
        Tags=[{"Key": TAG, "Value": scratch.run}],
    )
    active = lambda: ddb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"  # noqa: E731
    scratch.waiting.until(active, "the table", 120)

    def put(holder: str) -> str:
        item = {**KEY, "holder": {"S": holder}}
        condition = "attribute_not_exists(holder)"
        return code_of(lambda: ddb.put_item(TableName=name, Item=item, ConditionExpression=condition))

    def update(seen: str, holder: str) -> str:
        values = {":seen": {"S": seen}, ":me": {"S": holder}}
        change = {"UpdateExpression": "SET holder = :me", "ConditionExpression": "holder = :seen"}
        return code_of(lambda: ddb.update_item(TableName=name, Key=KEY, ExpressionAttributeValues=values, **change))

    def read() -> str:
        found = ddb.get_item(TableName=name, Key=KEY, ConsistentRead=True).get("Item", {})
        return str(found.get("holder", {}).get("S", ""))

    return {
        "puts": [put("first"), put("second")],
        "read": read(),
        "updates": [update("first", "third"), update("first", "fourth")],
        "read then": read(),
    }


def judge(seen: dict[str, Any]) -> Verdict:
    wrong, failed = [], ["", "ConditionalCheckFailedException"]
    wrong += [f"The {each} were answered with {seen[each]}." for each in ("puts", "updates") if seen[each] != failed]
    if (seen["read"], seen["read then"]) != ("first", "third"):
        wrong.append(f"Consistent reads show {seen['read']!r}, then {seen['read then']!r}.")
    return holds(seen, wrong)


PROBE = Probe("ddb-condition", ask, judge, minutes=0.5)
