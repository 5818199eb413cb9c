"""How much a document prints: Run Command keeps 24,000 characters, and what it cuts off counts as no answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from document_nodes import Nodes
from node_steps import sh

from lab.client import Lab

# functions/domain/src/reply.rs: STDOUT_LIMIT, and LEAST_ROOM, which the inspection wants to be left.
LIMIT, ROOM = 24_000, 8_000
DISKS = [f"mirror-disk-{n:02}" for n in range(1, 17)]


def test_the_largest_cluster_is_observed_whole(fresh_lab: Callable[..., Lab], tmp_path: Path) -> None:
    """As many mirror disks as the configuration takes, on LVM, with sixty other monitors and comments in Japanese, in
    both states that matter: whole, and broken off."""
    spec = {
        "platform": "nitro",
        "layout": "lvm",
        "auto_recovery": False,
        "other_monitors": 60,
        "comments": True,
        "lvm_devices": "serial",
        "mirror_disks": [
            {"name": name, "monitor": f"{name}-monitor", "device": f"/dev/sd{chr(98 + n // 4)}", "size_gib": 20}
            for n, name in enumerate(DISKS)
        ],
        "failover_groups": ["failover1", "failover2"],
    }
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps(spec), encoding="utf-8")
    lab = fresh_lab(options=["--cluster", str(file)])
    nodes = Nodes(lab)
    paths = [f"/dev/vg_{DISKS[n // 4 * 4]}/{name}_{part}" for n, name in enumerate(DISKS) for part in ("cp", "dp")]
    monitors = [f"{name}-monitor" for name in DISKS]
    asked = {"Disks": " ".join(DISKS), "Devices": " ".join(paths), "Monitors": " ".join(monitors)}
    asked["Groups"] = "failover1 failover2"
    seen = nodes.send("observe", **asked)
    for path in paths:
        assert 'TYPE="lvm"' in seen["sections"][f"device {path}"], path
    assert seen["size"] < LIMIT - ROOM
    assert all(f"[{monitor} : Normal]" in seen["sections"]["clpstat-monitors"] for monitor in monitors)
    assert "genw" not in seen["sections"]["clpstat-monitors"] + seen["sections"]["clpstat"]
    # Of sixty monitors those whose limit may be shorter than a pause.
    short = ["genw-of-the-application-00 1", "genw-of-the-application-02 0 30"]
    assert seen["sections"]["limits genw"].splitlines() == short
    assert seen["sections"]["monitor-types"] == "types 0 genw mdnw mdw\n"
    assert all(f"{disk} /dev/NMP{n} ok" in seen["sections"]["mounts"] for n, disk in enumerate(DISKS, start=1))
    assert all(f"object 0 {disk}" in seen["sections"][f"monitor {disk}-monitor"] for disk in DISKS)
    for disk in DISKS:
        assert sh(lab, f"clpmdctrl --break {disk}", "server2")["rc"] == 0
    broken = nodes.send("observe", **asked)
    assert all("RED" in broken["sections"][f"clpmdstat {disk}"] for disk in DISKS)
    assert broken["size"] < LIMIT - 2_000
    # Where the types that are in use cannot be read, all are asked for whose monitors would wait.
    lab.control("cluster_set", switches={"monitor_types_listed": False})
    unlisted = nodes.send("observe", **asked)
    assert unlisted["sections"]["monitor-types"] == "types 1\n"
    assert unlisted["sections"]["limits genw"].splitlines() == short
    assert unlisted["size"] < LIMIT - 2_000
