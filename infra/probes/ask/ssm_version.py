"""ssm-version: version 1 of a document, whose name holds dots, after version 2 was made."""

from __future__ import annotations

import json
from typing import Any

from ..scratch import Scratch, script_step
from ..verdict import Probe, Verdict, holds


def content(script: str) -> dict[str, Any]:
    return {"schemaVersion": "2.2", "mainSteps": [script_step("shell", script)]}


def ask(scratch: Scratch) -> dict[str, Any]:
    ssm, name = scratch.of("ssm"), scratch.document("of.two.versions", content("echo one"))
    ssm.update_document(Name=name, Content=json.dumps(content("echo two")), DocumentVersion="$LATEST")
    first = ssm.get_document(Name=name, DocumentVersion="1")
    second = ssm.get_document(Name=name, DocumentVersion="2")
    return {
        "first": json.loads(first["Content"])["mainSteps"][0]["inputs"]["runCommand"],
        "second": json.loads(second["Content"])["mainSteps"][0]["inputs"]["runCommand"],
        "default": ssm.describe_document(Name=name)["Document"]["DefaultVersion"],
    }


def judge(seen: dict[str, Any]) -> Verdict:
    wrong = []
    if seen["first"] != ["echo one"]:
        wrong.append("Version 1 has changed.")
    if seen["second"] != ["echo two"] or seen["default"] != "1":
        wrong.append("An update is not a version of its own beside the default.")
    return holds(seen, wrong)


PROBE = Probe("ssm-version", ask, judge, minutes=0.2)
