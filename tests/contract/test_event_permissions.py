"""Who may put which events on the default bus: a policy can name the sources of a call's entries."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from fixtures.identity import assume

from lab.client import Lab

BUS = "arn:aws:events:ap-northeast-1:000000000000:event-bus/default"
OURS = {"ForAllValues:StringEquals": {"events:source": "mirrorsnap"}, "Null": {"events:source": "false"}}


def client(lab: Lab, name: str, **more: Any) -> Any:
    statement = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": BUS, "Condition": OURS}
    keys = assume(lab, name, statement | more)
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name="ap-northeast-1")
    return session.client("events", endpoint_url=lab.endpoint)


def entry(source: str, **more: str) -> dict[str, str]:
    return {"Source": source, "DetailType": "Something v1", "Detail": "{}", **more}


def put(events: Any, *entries: dict[str, str]) -> int:
    return events.put_events(Entries=list(entries))["FailedEntryCount"]


def denied(events: Any, *entries: dict[str, str]) -> bool:
    with pytest.raises(ClientError) as caught:
        put(events, *entries)
    return caught.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_source_that_is_not_allowed_is_denied_and_so_is_the_whole_call(lab: Lab) -> None:
    events = client(lab, "teller")
    assert put(events, entry("mirrorsnap"), entry("mirrorsnap")) == 0
    assert denied(events, entry("somebody"))
    assert denied(events, entry("mirrorsnap"), entry("somebody"))


def test_another_bus_is_denied(lab: Lab) -> None:
    lab.boto("events").create_event_bus(Name="another")
    assert denied(client(lab, "wanderer"), entry("mirrorsnap", EventBusName="another"))
