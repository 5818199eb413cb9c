"""How the acceptance tests drive operator.sh, and what they read from the lab beside it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab.client import Lab

SCRIPT = Path(__file__).with_name("operator.sh")
AWS = Path(sys.executable).with_name("aws")
# A waiter of the CLI looks at once and then every 5 or 15 s of real time: the lab is fast enough that the first look
# suffices. Two durations stay at half a real second or more, whatever else this machine does: the own work of
# clpbackup.sh and clprestore.sh, so that Run Command has reported the unit that runs them before the node goes down,
# and the OS's shutdown, so that they have written their last lines before it kills them.
SCALE = 10
TIMING = {"backup_mode": 5, "shutdown": 5}
PATIENCE = 600  # real seconds for one step


class Operator:
    """The operator at a terminal: `do(step)` types one step of the procedure."""

    def __init__(self, lab: Lab, notes: Path, **settings: str) -> None:
        lab.control("timing", values=TIMING)
        self.lab = lab
        self.environment = {
            **os.environ,
            **lab.environment,
            "AWS": str(AWS),
            "OPERATOR_NOTES": str(notes),
            **settings,
        }

    def run(self, *steps: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(SCRIPT), *steps], env=self.environment, text=True, capture_output=True, timeout=PATIENCE
        )

    def do(self, *steps: str) -> list[tuple[str, str, str]]:
        """What was typed on the nodes and what they printed: [(node, command, output)]."""
        done = self.run(*steps)
        assert done.returncode == 0, f"{steps}: {done.stdout}{done.stderr}"
        return typed(done.stdout)

    def noted(self, key: str) -> list[str]:
        """The words that the operator noted last under `key`."""
        lines = Path(self.environment["OPERATOR_NOTES"]).read_text().splitlines()
        return [line.split("=", 1)[1].strip("'") for line in lines if line.startswith(f"{key}=")][-1].split()


def typed(text: str) -> list[tuple[str, str, str]]:
    """[(node, command, output)] of a session's text; titles and what the AWS CLI printed itself are left out."""
    out: list[list[str]] = []
    inside = False
    for line in text.splitlines(keepends=True):
        prompt = re.match(r"([A-Za-z][\w-]*)# (.*)\n", line)
        if prompt:
            out.append([prompt.group(1), prompt.group(2), ""])
            inside = True
        elif line.startswith("== ") or line == "\n":
            inside = False
        elif inside:
            out[-1][2] += line
    return [(node, command, said) for node, command, said in out]


def printed(lab: Lab, node: str, command: str) -> str:
    """What a command that went down with its node printed into its file there."""
    file = command.replace(" ", "_")
    done = lab.control("node_run", name=node, script=f'cat "$MIRRORSNAP_VAR_LIB/{file}"')
    assert done["rc"] == 0, done
    return done["stdout"]


def power(lab: Lab, node: str) -> str:
    """The state of the node's instance, as EC2 has it."""
    return next(i["State"]["Name"] for i in lab.control("ec2")["instances"] if i["Name"] == node)


def row(lab: Lab, active: str = "server1", standby: str = "server2", disk: str = "md1") -> tuple[str, ...]:
    """A row of the table of states: power, services and backup flag of the standby; colours, monitors, group."""
    state = lab.control("cluster")
    node, mirror = state["nodes"][standby], state["mirrors"][disk]
    words = {"online": "on", "suspended": "susp", "offline": "off"}
    monitor = "mdw" + disk.removeprefix("md")
    monitors = "/".join(words[state["nodes"][n]["monitors"][monitor]] for n in (active, standby))
    colours = "/".join(c if c == "GRAY" else c[0] for c in (mirror["colours"][n] for n in (active, standby)))
    group = next(g for g in state["groups"].values() if disk in g["disks"])
    on = [n for n, status in group["status"].items() if status != "offline"]
    return power(lab, standby), node["services"], mirror["flags"][standby], colours, monitors, "".join(on) or "offline"


def settled(lab: Lab) -> None:
    """Wait until nothing is left to clean up and no mirror is being copied."""

    def well() -> bool:
        mirrors = lab.control("cluster")["mirrors"].values()
        return not lab.control("oracles")["residue"] and not any(m["recovery"] for m in mirrors)

    lab.wait_for(well, 120, f"a healthy cluster, having begun with {lab.control('oracles')['residue']}")


def bytes_of(lab: Lab, node: str, device: str = "/dev/sdb") -> dict[str, Any]:
    """The node's volume under that name, from behind the API."""
    state = lab.control("ec2")
    instance = next(i for i in state["instances"] if i["Name"] == node)
    attached = {m["DeviceName"]: m["Ebs"]["VolumeId"] for m in instance["BlockDeviceMappings"]}
    return next(v for v in state["volumes"] if v["VolumeId"] == attached[device])


def text(lab: Lab, file: str, node: str | None = None, disk: str | None = None) -> str | None:
    """A file's text through the group, or on a node's own disk; None if there is no such file."""
    found = lab.control("cluster_read", file=file, node=node, disk=disk)
    return found and found["text"]
