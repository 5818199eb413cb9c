"""Keeps operations and updates of the stack apart: an update runs only while no cluster has an operation.

A running execution keeps its definition, but its next call of a function gets the new code, and its next command the
new document. So `make deploy` takes every cluster's hold before it updates. The lock grants it only where nobody holds
it and nothing is unfinished; a new operation is refused meanwhile, as under an operator's hold (safety.md, rule 12).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

WHY = "mirrorsnap is being updated"
FREE = "attribute_not_exists(holder) AND attribute_not_exists(intent) AND (attribute_not_exists(#hold) OR #hold = :why)"


class OperationRunning(Exception):
    """A cluster has an operation, so the stack must not be updated; the text names it and what to do."""


def clusters(session: Any, stack: str) -> set[str]:
    """Every cluster that is described for this stack or has a lock in its table."""
    pages = session.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=f"/{stack}/clusters/")
    named = {each["Name"].rsplit("/", 1)[1] for page in pages for each in page["Parameters"]}
    scan = session.client("dynamodb").get_paginator("scan").paginate(TableName=stack, ConsistentRead=True)
    locks = {item["id"]["S"] for page in scan for item in page["Items"]}
    return named | {each.removeprefix("lock#") for each in locks if each.startswith("lock#")}


def _key(cluster: str) -> dict[str, Any]:
    return {"id": {"S": f"lock#{cluster}"}}


def _write(table: Any, stack: str, cluster: str, change: str, condition: str, **values: str) -> bool:
    """Change the cluster's hold if the condition is met; whether it was. `values` are those of the change."""
    try:
        table.update_item(
            TableName=stack,
            Key=_key(cluster),
            UpdateExpression=change,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#hold": "hold"},
            ExpressionAttributeValues={
                ":why": {"S": WHY},
                **{f":{name}": {"S": text} for name, text in values.items()},
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _take(table: Any, stack: str, cluster: str) -> str:
    """Take the cluster's hold. Returns what is in the way, or an empty text."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if _write(table, stack, cluster, "SET #hold = :why, held_since = :now", FREE, now=now):
        return ""
    return _in_the_way(table, stack, cluster)


def _in_the_way(table: Any, stack: str, cluster: str) -> str:
    """The cluster's operation, running or unfinished, or an empty text."""
    found = table.get_item(TableName=stack, Key=_key(cluster), ConsistentRead=True).get("Item", {})
    if holder := found.get("holder"):
        return f"{cluster}: {holder['S']} holds the lock since {found.get('since', {}).get('S', 'an unknown time')}"
    if "intent" in found:
        return f"{cluster}: an operation that has ended left an unfinished intent; start recover, and wait for it"
    return ""  # an operator's own hold keeps operations away as well, and stays


def refuse_if_running(session: Any, stack: str) -> None:
    """OperationRunning if a cluster has an operation now. Nothing is written, so one may begin right afterwards."""
    table = session.client("dynamodb")
    _refuse(stack, [found for each in sorted(clusters(session, stack)) if (found := _in_the_way(table, stack, each))])


def _refuse(stack: str, running: list[str]) -> None:
    if running:
        found = f"stack {stack} is in use: {'; '.join(running)}"
        raise OperationRunning(f"{found}. Nothing was changed. Next: deploy again when this is over.")


@contextmanager
def no_operation(session: Any, stack: str) -> Iterator[None]:
    """While this is open no operation of the stack's clusters runs or begins; OperationRunning if one runs."""
    table, known = session.client("dynamodb"), sorted(clusters(session, stack))
    try:
        _refuse(stack, [found for cluster in known if (found := _take(table, stack, cluster))])
        yield
    finally:
        for cluster in known:
            _write(table, stack, cluster, "REMOVE #hold, held_since", "#hold = :why")  # an operator's own stays
