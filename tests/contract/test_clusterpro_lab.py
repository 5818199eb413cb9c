"""The cluster on real machines of a running lab: scripts by the nodes' own sh, power by EC2, --cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from node_steps import cpu_seconds

from lab.client import ControlError

TESTS = Path(__file__).resolve().parent.parent


def cluster(lab):
    return lab.control("cluster")


def healthy(lab, seconds: float = 120) -> None:
    def well() -> bool:
        mirrors = cluster(lab)["mirrors"].values()
        return not lab.control("oracles")["residue"] and not any(m["recovery"] for m in mirrors)

    lab.wait_for(well, seconds, "a healthy cluster")


def later_bytes(lab) -> bool:
    """Whether the standby has them. A running resync counts as healthy: a file copied in part cannot be read."""
    try:
        return lab.control("cluster_read", file="a", node="server2")["text"] == "after"
    except ControlError as partly:
        assert "is corrupt" in str(partly), partly
        return False


def run(lab, node: str, script: str) -> str:
    done = lab.control("node_run", name=node, script=script)
    assert done["rc"] == 0, done
    return done["stdout"]


def instance(ec2, name: str) -> dict:
    found = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [name]}])
    return found["Reservations"][0]["Instances"][0]


@pytest.fixture
def make(fresh_lab, tmp_path):
    def start(**mapping):
        path = tmp_path / "cluster.yaml"
        path.write_text(yaml.safe_dump(mapping))
        lab = fresh_lab(scale=20, options=["--cluster", str(path)])
        healthy(lab)
        return lab

    return start


def test_backup_through_scripts_and_ec2(make):
    lab = make()
    ec2 = lab.boto("ec2")
    lab.control("cluster_write", file="a", text="before")
    run(lab, "server1", "clpgrp -t failover1 && for n in server1 server2; do clpmonctrl -s -h $n -m mdw1; done")
    assert run(lab, "server2", "clpmdctrl --break md1") == "md1: Isolated completed successfully\n"
    run(lab, "server1", "clpgrp -s failover1")
    lab.control("cluster_write", file="a", text="after")
    standby = instance(ec2, "server2")
    run(lab, "server2", "clpbackup.sh --pre > $MIRRORSNAP_VAR_LIB/pre.out")
    lab.wait_for(lambda: instance(ec2, "server2")["State"]["Name"] == "stopped", 60, "stopped")
    assert instance(ec2, "server2")["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    root = Path(lab.control("node_status", name="server2")["root"])
    assert (root / "var/lib/pre.out").read_text().endswith("clpbackup.sh : Command succeeded.\n")
    volume = next(m["Ebs"]["VolumeId"] for m in standby["BlockDeviceMappings"] if m["DeviceName"] == "/dev/sdb")
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    verdict = lab.control("oracles")["snapshots"][snapshot]
    assert verdict["frozen"], verdict
    ec2.start_instances(InstanceIds=[standby["InstanceId"]])
    lab.wait_for(lambda: lab.control("node_status", name="server2")["state"] == "up", 60, "up")
    shown = "systemctl is-enabled clusterpro clusterpro_md; systemctl is-active clusterpro; true"
    assert run(lab, "server2", shown) == "disabled\ndisabled\ninactive\n"
    run(lab, "server2", "clpbackup.sh --post")
    run(lab, "server1", "clpmonctrl -r -h server1 -m mdw1")
    healthy(lab)
    lab.wait_for(lambda: later_bytes(lab), 60, "the resync")
    assert lab.control("oracles")["violations"] == []
    assert run(lab, "server2", "systemctl is-enabled clusterpro; systemctl is-active clusterpro") == "enabled\nactive\n"


def test_contents_are_those_of_the_volumes_in_place_and_know_where_they_came_from(make):
    lab = make()
    ec2 = lab.boto("ec2")
    origin = lab.control("cluster_write", file="a", text="one")["lineage"]
    both = lab.control("contents")
    volumes = {
        n: next(m["Ebs"]["VolumeId"] for m in instance(ec2, n)["BlockDeviceMappings"] if m["DeviceName"] == "/dev/sdb")
        for n in ("server1", "server2")
    }
    assert {n: held["md1"]["volume"] for n, held in both.items()} == volumes
    assert [held["md1"]["files"] for held in both.values()] == [{"a": "one"}, {"a": "one"}]
    assert both["server1"]["md1"]["digest"] == both["server2"]["md1"]["digest"]
    tip = lab.control("cluster_write", file="a", text="two")["lineage"]
    assert lab.control("descends", tip=tip, ancestor=origin) and lab.control("descends", tip=tip, ancestor=tip)
    assert not lab.control("descends", tip=origin, ancestor=tip)
    lab.control("write_volume", volume=volumes["server2"], offset=10 << 30, hex="ff")  # behind everybody's back
    digests = [held["md1"]["digest"] for held in lab.control("contents").values()]
    assert digests[0] != digests[1]


def test_power_cut_fails_over_and_service_starts_by_hand(make):
    lab = make(switches={"stale_guard": True})
    ec2 = lab.boto("ec2")
    lab.control("cluster_write", file="a", text="x")
    lab.control("node", name="active", effect="power_off")
    lab.wait_for(lambda: cluster(lab)["groups"]["failover1"]["status"]["server2"] == "online", 60, "failover")
    lab.wait_for(lambda: instance(ec2, "server1")["State"]["Name"] == "stopped", 60, "stopped")
    ec2.start_instances(InstanceIds=[instance(ec2, "server1")["InstanceId"]])
    lab.wait_for(lambda: cluster(lab)["nodes"]["server1"]["agent"] == "up", 60, "booted")
    assert cluster(lab)["nodes"]["server1"]["daemon"] == "stopped"
    run(lab, "server1", "systemctl start clusterpro")
    healthy(lab)
    lab.control("node", name="standby", effect="power_off")  # roles follow the group
    lab.wait_for(lambda: cluster(lab)["nodes"]["server1"]["power"] == "off", 60, "the standby is server1 now")


def test_reboot_by_api_and_renamed_devices_on_nitro(make):
    lab = make(platform="nitro", switches={"wrong_disk": "gray"})
    ec2 = lab.boto("ec2")
    assert "/dev/nvme1n1p1" in run(lab, "server2", "clpstat -i")
    lab.control("node", name="server2", effect="rename_devices")
    ec2.reboot_instances(InstanceIds=[instance(ec2, "server2")["InstanceId"]])
    lab.wait_for(lambda: cluster(lab)["nodes"]["server2"]["troubles"], 60, "the path is missing")
    assert cluster(lab)["mirrors"]["md1"]["colours"] == {"server1": "GREEN", "server2": "GRAY"}


def test_any_cluster_of_the_format(make):
    lab = make(
        active="server2",
        layout="lvm",
        platform="nitro",
        mirror_disks=[
            {"name": "md1", "monitor": "mdw1", "device": "/dev/sdb", "size_gib": 20},
            {"name": "md2", "monitor": "mdw2", "device": "/dev/sdc", "size_gib": 8},
        ],
        failover_groups=["failover1", {"name": "failover2", "active": "server1"}],
        timing={"group_stop": 1.5},
        auto_recovery=False,
        fullcopy=True,
    )
    state = cluster(lab)
    assert [g["status"] for g in state["groups"].values()] == [
        {"server1": "offline", "server2": "online"},
        {"server1": "online", "server2": "offline"},
    ]
    assert (state["auto_recovery"], state["fullcopy"]) == (False, True)
    assert lab.control("timing")["group_stop"] == 1.5
    sizes = [v["Size"] for v in lab.boto("ec2").describe_volumes()["Volumes"] if v["Size"] != 10]
    assert sorted(sizes) == [8, 8, 20, 20]
    assert lab.control("cluster_write", file="a", text="x", disk="md2")["node"] == "server1"
    assert "vg_md2-md2_dp" in run(lab, "server1", "lsblk")


def test_polling_from_a_script_is_cheap(make):
    lab = make()
    began = cpu_seconds(lab)
    run(lab, "server1", "i=0; while [ $i -lt 100 ]; do clpstat > $MIRRORSNAP_RUN/x; i=$((i+1)); done")
    assert (cpu_seconds(lab) - began) / 100 < 0.02  # a process, a socket, a table; about 2 ms of a CPU


def test_a_killed_command_and_the_fault_done_but_exit(make):
    lab = make(timing={"group_stop": 20})
    lab.fault(command="clpmonctrl -s", node="server1", effect={"done_but_exit": 9})
    done = lab.control("node_run", name="server1", script="clpmonctrl -s -h server1 -m mdw1")
    assert done["rc"] == 9 and cluster(lab)["nodes"]["server1"]["monitors"]["mdw1"] == "suspended"
    done = lab.control("node_run", name="server1", script="timeout 2 clpgrp -t failover1")
    assert done["rc"] == 124
    lab.wait_for(lambda: cluster(lab)["groups"]["failover1"]["status"]["server1"] == "offline", 60, "stopped anyway")


def test_further_clusters_live_beside_the_first_one_and_are_judged_too(make):
    lab = make(further=[{"name": "bills", "nodes": ["bill-1", "bill-2"], "failover_groups": ["billing"]}])
    assert "billing" in run(lab, "bill-2", "clpstat") and "billing" not in run(lab, "server1", "clpstat")
    run(lab, "bill-1", "clpgrp -t billing")
    (left,) = lab.control("oracles")["residue"]
    assert left["text"].startswith("bills: group billing is not online on one node")
    assert cluster(lab)["groups"]["failover1"]["status"]["server1"] == "online"
    run(lab, "bill-1", "clpgrp -s billing")
    healthy(lab)


@pytest.mark.parametrize(
    ("text", "word"), [("active: nobody", "cluster.active"), ("[1]", "mapping"), ("a: [", "neither YAML nor JSON")]
)
def test_a_wrong_file_is_a_clear_error(tmp_path, text, word):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "lab", "--cluster", str(path)], cwd=TESTS, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2
    assert done.stderr.startswith("lab: ") and word in done.stderr and "Traceback" not in done.stderr
