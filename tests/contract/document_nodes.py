"""Sending the command documents to a lab's two nodes, for the tests of what they do."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

from node_steps import Runner, sh, up

from lab.client import Lab

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))

import build_documents

DOCUMENTS = build_documents.documents()
RUNS = itertools.count(1)
DISTURBING = ("clpgrp -s", "clpgrp -t", "clpmonctrl", "clpmdctrl", "clpbackup", "clprestore", "clpsvcctrl", "clpcl",
              "systemd-run", "reboot", "shutdown")  # fmt: skip
VALUES = {
    "Groups": "failover1", "Disks": "md1", "Monitors": "mdw1", "Nodes": "server1 server2", "WaitSeconds": "60",
    "SpanSeconds": "10", "ActiveWithinSeconds": "40", "StopSeconds": "10", "BreakSeconds": "10", "StartSeconds": "10",
    "MaxOutageSeconds": "60", "PrepareSeconds": "300", "Anew": "no", "Recorded": "yes", "SkipCopy": "yes",
    "Reboot": "no", "Devices": "/dev/xvdb1 /dev/xvdb2", "Settings": "yes",
    "Tools": "flock lsblk clpbackup.sh clprestore.sh",
    "Partitions": "/dev/xvdb2", "BatonSeconds": "5", "Part": "1",
    "Consistency": "stopped", "MaxPauseSeconds": "10", "HookSeconds": "10",
}  # fmt: skip


class Nodes:
    """Sends documents to a lab's two nodes."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.runners = {name: Runner(lab, name) for name in ("server1", "server2")}
        ssm = lab.boto("ssm")
        for document in DOCUMENTS.values():
            ssm.create_document(
                Name=document.name,
                Content=json.dumps(document.content()),
                DocumentType="Command",
                DocumentFormat="JSON",
            )
        self.epoch = 1
        self.run = "none"

    def begin(self) -> str:
        """A new run with an epoch above all earlier ones."""
        self.run, self.epoch = f"run-{next(RUNS)}", self.epoch + 1
        return self.run

    def parameters(self, step: str, node: str, **other: str) -> dict[str, list[str]]:
        here = up(self.lab, node)
        peer = {"server1": "server2", "server2": "server1"}[node]
        known = {
            **VALUES, "Run": self.run, "Epoch": str(self.epoch), "ExpectedBootId": here["boot_id"],
            "NotAfterUptime": str(int(here["uptime"]) + 300), "Attempt": "1", "Self": node, "Peer": peer,
        }  # fmt: skip
        return {k: [other.get(k, known[k])] for k in DOCUMENTS[step].parameters}

    def send(self, step: str, node: str = "server1", **other: Any) -> dict[str, Any]:
        """{status, line: the first line's JSON, sections: {name: text}, size: in characters, disturbed: [commands]}."""
        wait = other.pop("wait", True)
        runner = self.runners[node]
        since = len(self.lab.log())
        parameters = self.parameters(step, node, **other)
        sent = runner.ssm.send_command(
            DocumentName=f"mirrorsnap-{step}", InstanceIds=[runner.instance], Parameters=parameters
        )
        if not wait:  # the node goes down: what Run Command makes of it is not evidence
            return {}
        done = runner.until(sent["Command"]["CommandId"], seconds=60)
        first, _, raw = done["StandardOutputContent"].partition("\n")
        assert first.startswith("mirrorsnap {"), done
        calls = [" ".join(e["argv"]) for e in self.lab.log()[since:] if e["kind"] == "node" and e["node"] == node]
        return {
            "status": done["Status"], "line": json.loads(first.removeprefix("mirrorsnap ")), "sections": sections(raw),
            "size": len(done["StandardOutputContent"]),
            "disturbed": [c for c in calls if c.startswith(DISTURBING)],
        }  # fmt: skip

    def records(self, node: str) -> dict[str, Any]:
        return self.send("read-records", node)["line"]["records"]

    def healthy(self) -> None:
        """Whatever a test did, back to GREEN GREEN."""
        for monitor in ("server1", "server2"):
            sh(self.lab, f"clpmonctrl -r -h {monitor} -m mdw1", monitor)
        self.lab.wait_for(
            lambda: sh(self.lab, "clpmdstat -m md1 | grep -c 'GREEN  *GREEN'")["stdout"].strip() == "1",
            120,
            "GREEN GREEN",
        )


def sections(raw: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in raw.splitlines():
        if line.startswith("--- "):
            name = line.removeprefix("--- ").rsplit(" rc=", 1)[0]
            assert name not in found, f"two sections {name}"
            found[name] = ""
        else:
            found[name] += line + "\n"
    return found
