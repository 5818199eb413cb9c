"""ssm-times: the times of a document's second step while the first one runs, and of the first."""

from __future__ import annotations

from typing import Any

from ..scratch import Scratch, script_step
from ..verdict import Probe, Verdict, holds, not_asked

CONTENT: dict[str, Any] = {
    "schemaVersion": "2.2",
    "mainSteps": [script_step("first", "sleep 20"), script_step("second", "true")],
}


def ask(scratch: Scratch) -> dict[str, str]:
    node, name = [scratch.instance()["id"]], scratch.document("steps", CONTENT)
    command = scratch.of("ssm").send_command(DocumentName=name, InstanceIds=node)["Command"]["CommandId"]

    def running() -> Any:
        first = scratch.invocation(command, PluginName="first")
        return first if first and first["Status"] == "InProgress" and first["ExecutionStartDateTime"] else None

    first = scratch.waiting.until(running, "the first step", 60)
    second = scratch.invocation(command, PluginName="second") or {}
    return {
        "state": second.get("Status", ""),
        "first began": first["ExecutionStartDateTime"],
        "second began": second["ExecutionStartDateTime"],
        "second ended": second["ExecutionEndDateTime"],
    }


def judge(seen: dict[str, str]) -> Verdict:
    if seen["state"] not in ("Pending", "InProgress"):
        return not_asked(f"The command was {seen['state']} when its second step was looked at.")
    empty = not seen["second began"] and not seen["second ended"]
    return holds(seen, [] if empty else ["A step that has not begun has times."])


PROBE = Probe("ssm-times", ask, judge, minutes=0.5, needs=("instance",))
