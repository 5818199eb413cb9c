"""The vendor's backup by hand on other clusters than the vendor's; and clusters of which only the start is tested."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from seed.steps import SCALE, Operator, row, settled, text

from lab.client import Lab

TWO_DISKS = [{"name": "md1"}, {"name": "md2", "device": "/dev/sdc", "size_gib": 8}]


def start(fresh_lab, directory: Path, **mapping: object) -> Lab:
    path = directory / "cluster.yaml"
    path.write_text(yaml.safe_dump(mapping))
    lab: Lab = fresh_lab(scale=SCALE, options=["--cluster", str(path)])
    settled(lab)
    return lab


@pytest.mark.timeout(1200)
def test_two_disks_and_two_groups_on_nitro_active_on_server2_without_auto_recovery(fresh_lab, tmp_path: Path):
    lab = start(
        fresh_lab,
        tmp_path,
        platform="nitro",
        active="server2",
        auto_recovery=False,
        mirror_disks=TWO_DISKS,
        failover_groups=["failover1", "failover2"],
    )
    operator = Operator(
        lab,
        tmp_path / "notes",
        ACTIVE="server2",
        STANDBY="server1",
        GROUP="failover1 failover2",
        DISK="md1 md2",
        MONITOR="mdw1 mdw2",
        DEVICE="/dev/sdb /dev/sdc",
    )
    for disk in ("md1", "md2"):
        lab.control("cluster_write", file="f", text=f"{disk} before", disk=disk)
    operator.do("suspend_monitors", "stop_group", "break_mirror", "start_group")
    for disk in ("md1", "md2"):
        assert row(lab, "server2", "server1", disk) == ("running", "auto", "OFF", "G/R", "susp/susp", "server2")
        lab.control("cluster_write", file="f", text=f"{disk} after", disk=disk)
    operator.do("enter_backup_mode", "create_snapshot")
    verdicts = [lab.control("oracles")["snapshots"][s] for s in operator.noted("SNAPSHOTS")]
    assert [(list(v["lineage"]), v["node"], v["frozen"]) for v in verdicts] == [
        (["md1"], "server1", True),
        (["md2"], "server1", True),
    ]
    operator.do("start_standby", "leave_backup_mode")
    lab.wait_for(lambda: row(lab, "server2", "server1")[4] == "susp/on", 60, "back in the cluster")
    operator.do("resume_monitor")
    lab.sleep(10)
    for disk in ("md1", "md2"):  # nobody copies by itself here
        assert row(lab, "server2", "server1", disk) == ("running", "auto", "OFF", "G/R", "on/on", "server2")
    operator.do("recover", "await_normal", "await_snapshot")
    settled(lab)
    assert [text(lab, "f", "server1", d) for d in ("md1", "md2")] == ["md1 after", "md2 after"]
    assert lab.control("oracles")["violations"] == []


@pytest.mark.timeout(1500)
def test_logical_volumes_backup_and_restore(fresh_lab, tmp_path: Path):
    lab = start(fresh_lab, tmp_path, layout="lvm")
    operator = Operator(lab, tmp_path / "notes")
    lab.control("cluster_write", file="f", text="precious")
    operator.do("backup")
    (snapshot,) = operator.noted("SNAPSHOTS")
    assert lab.control("oracles")["snapshots"][snapshot]["frozen"]
    lab.control("cluster_delete", file="f")
    said = operator.do("restore")
    assert sum("vg_md1-md1_dp" in shown for _, command, shown in said if command == "lsblk") == 2
    settled(lab)
    assert [text(lab, "f", n) for n in ("server1", "server2")] == ["precious"] * 2
    assert lab.control("oracles")["violations"] == []


@pytest.mark.parametrize(
    ("mapping", "shown"),
    [
        ({"platform": "nitro"}, "nvme1n1"),
        ({"layout": "lvm", "platform": "nitro"}, "vg_md1-md1_cp"),
        ({"mirror_disks": TWO_DISKS}, "xvdc2"),
        ({"failover_groups": ["failover1", "failover2"], "active": "server2"}, "xvdb2"),
    ],
)
def test_it_starts(fresh_lab, tmp_path: Path, mapping, shown):
    lab = start(fresh_lab, tmp_path, **mapping)
    state = lab.control("cluster")
    active = mapping.get("active", "server1")
    assert all(g["status"][active] == "online" for g in state["groups"].values())
    assert len(state["groups"]) == len(mapping.get("failover_groups", ["failover1"]))
    assert list(state["mirrors"]) == [d["name"] for d in mapping.get("mirror_disks", [{"name": "md1"}])]
    for node in ("server1", "server2"):
        assert shown in lab.control("node_run", name=node, script="lsblk")["stdout"]
