"""The update guard's hold is one like an operator's: it says since when, which the patrol asks of a hold that stays."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))

from update_guard import no_operation


class Table:
    """One cluster's lock, of which the guard writes two members."""

    def __init__(self) -> None:
        self.writes: list[dict[str, Any]] = []

    def update_item(self, **given: Any) -> None:
        self.writes.append(given)


def test_the_hold_says_since_when() -> None:
    table = Table()
    pages = {"get_parameters_by_path": [{"Parameters": [{"Name": "/stack/clusters/orders"}]}], "scan": [{"Items": []}]}
    reader = SimpleNamespace(
        get_paginator=lambda call: SimpleNamespace(paginate=lambda **_: pages[call]), update_item=table.update_item
    )
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    with no_operation(SimpleNamespace(client=lambda _: reader), "stack"):
        taken = table.writes[0]
        assert "held_since = :now" in taken["UpdateExpression"]
        since = datetime.datetime.fromisoformat(taken["ExpressionAttributeValues"][":now"]["S"])
        assert before <= since <= datetime.datetime.now(datetime.UTC)
    given_back = table.writes[1]
    assert given_back["UpdateExpression"] == "REMOVE #hold, held_since"
    assert ":now" not in given_back["ExpressionAttributeValues"]  # DynamoDB refuses a value that nothing uses
