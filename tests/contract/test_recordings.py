"""Recordings played back as nodes: `observe` on them answers what was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from document_nodes import DOCUMENTS, sections
from node_steps import Runner, up

from lab.client import Lab
from lab.nodes.clusterpro import spec

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"
CLUSTERS: dict[str, dict[str, Any]] = {
    "clusterpro-4.3": {"mirror_disks": [{"name": "md1"}]},
    "clusterpro-5.x": {
        "nodes": ["116rhel94-billing-production", "117rhel94-billing-production"],
        "failover_groups": ["failover-of-the-billing-data"],
        "mirror_disks": [
            {"name": "md-of-the-billing-database", "monitor": "mdw-of-the-billing-database"},
            {"name": "fci_md", "monitor": "mdw2", "device": "/dev/sdc"},
        ],
    },
    "clusterpro-6.0": {"nodes": ["node1", "node2"], "mirror_disks": [{"name": "md1"}]},
}
SEEN = {
    "clusterpro-4.3": ("server1 ..........: Online", "Mirror Color GREEN GREEN", "enabled", "fullcopy 0 0"),
    "clusterpro-5.x": ("ManagementGroup", "GREEN                 GREEN", "enabled", "syncmode 0 0"),
    "clusterpro-6.0": ("current        : None", "Mirror Status: Uncertain", "disabled", "fullcopy 1"),
}


def observe(lab: Lab, node: str, cluster: dict[str, Any], groups: str) -> dict[str, Any]:
    document = DOCUMENTS["observe"]
    runner = Runner(lab, node)
    values = {
        "Run": "none", "Self": node, "Groups": groups, "Disks": " ".join(d["name"] for d in cluster["mirror_disks"]),
        "Monitors": " ".join(d.get("monitor", "mdw1") for d in cluster["mirror_disks"]), "Devices": "/dev/xvdb1",
        "Settings": "yes", "Tools": "flock",
    }  # fmt: skip
    sent = runner.ssm.send_command(
        DocumentName=document.name,
        InstanceIds=[runner.instance],
        Parameters={name: [values[name]] for name in document.parameters},
    )
    done = runner.until(sent["Command"]["CommandId"], seconds=60)
    _, _, raw = done["StandardOutputContent"].partition("\n")
    return sections(raw)


@pytest.mark.parametrize("name", sorted(CLUSTERS))
def test_observe_reads_a_recording_played_back(name: str, tmp_path: Path) -> None:
    cluster = {**CLUSTERS[name], "recording": f"{name}.json"}
    groups = cluster.get("failover_groups", ["failover1"])
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps(cluster), encoding="utf-8")
    with Lab(scale=10, options=["--cluster", str(file)]) as lab:
        document = DOCUMENTS["observe"]
        lab.boto("ssm").create_document(
            Name=document.name, Content=json.dumps(document.content()), DocumentType="Command", DocumentFormat="JSON"
        )
        for node in cluster.get("nodes", ["server1", "server2"]):
            up(lab, node)
            seen = observe(lab, node, cluster, " ".join(groups))
            table, mirror, services, setting = SEEN[name]
            disk = cluster["mirror_disks"][-1]["name"]
            assert table in seen["clpstat"] and f"*{node}" in seen["clpstat"]
            assert mirror in seen[f"clpmdstat {disk}"]
            assert services in seen["is-enabled"].split()
            assert setting in seen[f"settings {disk}"].splitlines()
            refused = lab.control("node_run", name=node, script="clpgrp -t failover1")
            assert (refused["rc"], refused["stderr"]) == (126, "clpgrp: not in the recording: clpgrp -t failover1\n")
            assert lab.control("node_run", name=node, script="clpstat -s --long; printf x")["stdout"].endswith("==\nx")


@pytest.mark.parametrize(
    ("value", "told"),
    [("no-such-file.json", "no recording"), (3, "the path of a file"), ("clusterpro-6.0.json", "its nodes are node1")],
)
def test_what_cannot_be_played_back_is_refused(value: object, told: str) -> None:
    with pytest.raises(spec.SpecError, match=told):
        spec.parse({"recording": value})
