"""events-raw: that a rule delivers the whole event, and what an input transformer makes of quotes."""

from __future__ import annotations

import json

from ..verdict import Probe, Verdict, confirmed, refuted
from .delivered import INPUT, Delivered, delivered

MEMBERS = {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}


def judge(seen: Delivered) -> Verdict:
    event = json.loads(seen.whole)
    if lacking := sorted(MEMBERS - set(event)):
        return refuted(f"The event that was delivered lacks {', '.join(lacking)}.")
    return confirmed(f"The event is delivered whole. A transformer {transformed(seen.transformed)}.")


def transformed(text: str) -> str:
    """What it does with a text that holds quotes."""
    if not text:
        return "that puts in a text with quotes delivers nothing"
    try:
        return "escapes quotes" if json.loads(text)["input"] == INPUT else "changes the text"
    except ValueError:
        return "puts quotes in as they are"


PROBE = Probe("events-raw", delivered, judge, minutes=0.1, needs=("events",))
