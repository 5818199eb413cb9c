"""The product's own texts: outputs and causes of executions, and the reports in their histories.

An operator finds a volume through one of these. A failed execution has no output, so its report is only in the history.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

REPORTERS = ("mirrorsnap-restore", "mirrorsnap-recover")
PAGES = 30  # of 1,000 events; AWS ends an execution at 25,000


def reports(events: Iterable[dict[str, Any]]) -> list[str]:
    """The results of the states whose names begin with `Report`, in an execution's history."""
    out, state = [], ""
    for event in events:
        if event["type"].endswith("StateEntered"):
            state = event["stateEnteredEventDetails"]["name"]
        elif event["type"] in ("TaskSucceeded", "LambdaFunctionSucceeded") and state.startswith("Report"):
            details = event.get("taskSucceededEventDetails") or event.get("lambdaFunctionSucceededEventDetails") or {}
            out.append(str(details.get("output", "")))
    return out


def history(sfn: Any, arn: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    for _ in range(PAGES):
        page = sfn.get_execution_history(executionArn=arn, maxResults=1000, **more)
        events += page["events"]
        if not page.get("nextToken"):
            break
        more = {"nextToken": page["nextToken"]}
    return events


def everything(sfn: Any, executions: Iterable[dict[str, Any]]) -> str:
    """All outputs, causes and reports of these executions, as one text to search for names."""
    out = []
    for each in executions:
        out += [each["output"] or "", each["cause"] or ""]
        if each["machine"] in REPORTERS:
            out += reports(history(sfn, each["arn"]))
    return "\n".join(out)


def releases(executions: Iterable[dict[str, Any]]) -> str:
    """What the releases among them have said."""
    return "\n".join(each["output"] or "" for each in executions if "release" in _mapping(each["input"]))


def _mapping(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def identity(execution: dict[str, Any]) -> str | None:
    """The id in an execution's output: of the backup or restore that it made."""
    found = _mapping(execution["output"]).get("id")
    return str(found) if found else None
