"""The guests: processes, time, power, block devices, faults on commands."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_steps import bring_back, cpu_seconds, out, processes_with, sh, status, up

from lab.client import Lab, eventually


@pytest.fixture
def faults(lab: Lab) -> Iterator[Lab]:
    yield lab
    lab.control("clear_faults")


def test_a_script_sees_the_node_and_nothing_of_the_hosts_sbin(lab: Lab) -> None:
    text = out(lab, 'echo "$PATH"; for c in shutdown reboot poweroff systemctl; do command -v $c; done')
    path, *found = text.splitlines()
    root = status(lab)["root"]
    assert not any("sbin" in part for part in path.split(":"))
    assert found == [f"{root}/bin/{name}" for name in ("shutdown", "reboot", "poweroff", "systemctl")]
    assert sh(lab, "mount")["rc"] == 127  # not one of the tools that a node has


def test_proc_tells_uptime_and_boot_id(lab: Lab) -> None:
    text = out(
        lab,
        "cd $MIRRORSNAP_PROC; cat uptime; sleep 5; cat uptime sys/kernel/random/boot_id",
    )
    first, second, boot = text.splitlines()
    # The file is written every few real milliseconds, later where the machine is busy: a read may be that much behind.
    assert 4.5 <= float(second.split()[0]) - float(first.split()[0]) < 9
    assert boot == status(lab)["boot_id"] == str(uuid.UUID(boot))


def test_uptime_moves_on_without_simulated_commands(lab: Lab) -> None:
    text = out(lab, "read a x <$MIRRORSNAP_PROC/uptime; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; "
                    "read b x <$MIRRORSNAP_PROC/uptime; echo $a $b")  # fmt: skip
    a, b = map(float, text.split())
    assert b > a


def test_sleep_timeout_and_flock_wait_in_lab_time(lab: Lab) -> None:
    script = """
        exec 9>$HOME/lock; flock 9
        timeout 2 sleep 60; echo $?
        timeout -k 1 30 sleep 1; echo $?
        sh -c 'exec 8>$HOME/lock; flock -w 3 8; echo $?'
    """
    started = lab.now()
    assert out(lab, script).split() == ["124", "0", "1"]
    assert 5.5 < lab.now() - started < 30  # 2, 1 and 3 s
    assert sh(lab, "sleep soon")["rc"] == 1
    assert sh(lab, "timeout soon true")["rc"] == 125


def test_a_simulated_command_costs_little_more_than_a_process(lab: Lab) -> None:
    def cost(command: str) -> float:
        best = 1e9
        for _ in range(3):
            started = cpu_seconds(lab)
            out(lab, f"i=0; while [ $i -lt 100 ]; do {command} >/dev/null; i=$((i+1)); done; true")
            best = min(best, (cpu_seconds(lab) - started) / 100)
        return best

    plain = cost("/bin/true")
    assert cost("systemctl is-active x") - plain < 0.003


@pytest.mark.parametrize("how", ["shutdown -h now", "poweroff", "systemctl poweroff"])
def test_a_shutdown_stops_the_instance_and_loses_what_is_not_on_disk(lab: Lab, how: str) -> None:
    before = up(lab)
    out(lab, "echo a >$MIRRORSNAP_RUN/volatile; echo b >$MIRRORSNAP_VAR_LIB/kept")
    mark = f"LAB_BOOT={before['boot_id']}"
    sh(lab, f"setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' >/dev/null 2>&1 & {how}")
    lab.wait_for(lambda: status(lab)["state"] == "off", what="off")
    lab.wait_for(lambda: not processes_with(mark), what="no process of the boot")
    instance = lab.boto("ec2").describe_instances(InstanceIds=[before["instance_id"]])
    found = lab.wait_for(
        lambda: (
            (i := lab.boto("ec2").describe_instances(InstanceIds=[before["instance_id"]]))
            and i["Reservations"][0]["Instances"][0]["State"]["Name"] == "stopped"
            and i
        ),
        what="stopped",
    )
    assert (
        instance
        and found["Reservations"][0]["Instances"][0]["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    )
    bring_back(lab)
    assert status(lab)["boot_id"] != before["boot_id"]
    assert sh(lab, "cat $MIRRORSNAP_RUN/volatile")["rc"] == 1
    assert out(lab, "cat $MIRRORSNAP_VAR_LIB/kept") == "b\n"


@pytest.mark.parametrize("how", ["reboot", "shutdown -r now", "systemctl reboot"])
def test_a_reboot_is_seen_by_the_boot_id_alone(lab: Lab, how: str) -> None:
    before = up(lab)
    launched = lab.boto("ec2").describe_instances(InstanceIds=[before["instance_id"]])["Reservations"][0]["Instances"][
        0
    ]
    sh(lab, how)
    lab.wait_for(lambda: (s := status(lab))["state"] == "up" and s["boot_id"] != before["boot_id"], what="rebooted")
    after = lab.boto("ec2").describe_instances(InstanceIds=[before["instance_id"]])["Reservations"][0]["Instances"][0]
    assert after["State"]["Name"] == "running" and after["LaunchTime"] == launched["LaunchTime"]
    assert status(lab)["uptime"] < before["uptime"] + 30


def test_a_delayed_shutdown_can_be_cancelled(lab: Lab) -> None:
    out(lab, "shutdown -h +1; shutdown -c")
    lab.sleep(70)
    assert status(lab)["state"] == "up"


def test_a_power_cut_kills_everything_at_once(lab: Lab) -> None:
    before = up(lab, "server2")
    mark = f"LAB_BOOT={before['boot_id']}"
    out(
        lab,
        "setsid sh -c 'while :; do sleep 1; done' >/dev/null 2>&1 & nohup sleep 500 >/dev/null 2>&1 & true",
        "server2",
    )
    lab.wait_for(lambda: len(processes_with(mark)) >= 3, what="three processes")
    lab.control("node", name="server2", effect="power_off")
    lab.wait_for(lambda: status(lab, "server2")["state"] == "off", what="off")
    lab.wait_for(lambda: not processes_with(mark), what="no process left")
    bring_back(lab, "server2")
    events = [e["event"] for e in lab.log(kind="power", node="server2")]
    assert events[-3:] == ["power_cut", "power_on", "up"]


def test_faults_on_commands(faults: Lab) -> None:
    lab = faults
    lab.fault(command="systemctl disable", effect={"exit": 7}, node="server1")
    lab.fault(command="systemctl disable", effect={"done_but_exit": 9}, node="server1", nth=2)
    script = "for i in 1 2; do systemctl disable clusterpro; echo $?; systemctl is-enabled clusterpro; done"
    assert sh(lab, script)["stdout"].split() == ["7", "enabled", "9", "disabled"]
    out(lab, "systemctl enable clusterpro")
    assert out(lab, "systemctl disable clusterpro; systemctl enable clusterpro; echo $?", "server2") == "0\n"
    lab.fault(command="systemctl is-enabled clusterpro", effect="hang")
    assert sh(lab, "timeout 3 systemctl is-enabled clusterpro")["rc"] == 124
    fired = [e["effect"] for e in lab.log(kind="fault", action="fired", subject="command")][-3:]
    assert fired == [{"exit": 7}, {"done_but_exit": 9}, "hang"]


def test_every_command_is_in_the_log(lab: Lab) -> None:
    sh(lab, "systemctl is-active never-heard-of; sleep 2")
    entries = lab.log(kind="node", node="server1")
    active = next(e for e in reversed(entries) if e["argv"] == ["systemctl", "is-active", "never-heard-of"])
    slept = next(e for e in reversed(entries) if e["argv"] == ["sleep", "2"])
    assert active["rc"] == 3 and slept["rc"] == 0
    assert slept["t"] - slept["started"] >= 2


def test_lsblk_prints_the_seeds_tree(lab: Lab) -> None:
    lines = [line.split() for line in out(lab, "lsblk").splitlines()]
    assert lines == [
        ["NAME", "MAJ:MIN", "RM", "SIZE", "RO", "TYPE", "MOUNTPOINT"],
        ["xvda", "202:0", "0", "10G", "0", "disk"],
        ["├─xvda1", "202:1", "0", "1M", "0", "part"],
        ["└─xvda2", "202:2", "0", "10G", "0", "part", "/"],
        ["xvdb", "202:16", "0", "20G", "0", "disk"],
        ["├─xvdb1", "202:17", "0", "1G", "0", "part"],
        ["└─xvdb2", "202:18", "0", "19G", "0", "part"],
    ]
    assert out(lab, "lsblk -dno NAME,SERIAL").split() == ["xvda", "xvdb"]  # Xen shows no serial
    assert out(lab, "lsblk -rno NAME,PKNAME /dev/xvdb1") == "xvdb1 xvdb\n"
    assert sh(lab, "lsblk /dev/xvdz")["rc"] == 32
    assert out(lab, "readlink -f /dev/xvdb1; readlink -f $HOME/..").splitlines()[0] == "/dev/xvdb1"


@pytest.mark.parametrize("layout", ["raw", "lvm"])
def test_nitro_names_and_serials_even_after_a_renaming(fresh_lab, layout: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.json"
    file.write_text(f'{{"platform": "nitro", "layout": "{layout}"}}')
    lab = fresh_lab(scale=20, options=["--cluster", str(file)])
    serial = {d["device"]: d["serial"] for d in up(lab)["disks"]}["/dev/sdb"]
    volume = next(v for v in lab.control("ec2")["volumes"] if v["VolumeId"].replace("-", "") == serial)
    assert volume["Attachments"][0]["Device"] == "/dev/sdb"
    by_id = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{serial}"
    assert f"nvme1n1 {serial}" in out(lab, "lsblk -drno NAME,SERIAL")
    assert out(lab, f"realpath {by_id}") == "/dev/nvme1n1\n"
    lab.control("node", name="server1", effect="rename_devices")
    before = status(lab)["boot_id"]
    sh(lab, "reboot")
    lab.wait_for(lambda: (s := status(lab))["state"] == "up" and s["boot_id"] != before, what="rebooted")
    renamed = next(d["name"] for d in status(lab)["disks"] if d["serial"] == serial)
    assert renamed != "nvme1n1"
    assert out(lab, f"readlink -f {by_id}") == f"/dev/{renamed}\n"
    leaves = out(lab, "lsblk -rpno NAME,TYPE").splitlines()
    if layout == "lvm":
        path = next(line.split()[0] for line in leaves if line.endswith(" lvm"))
        assert path.startswith("/dev/mapper/")
        assert out(lab, f"lsblk -nrso NAME,TYPE {path}").split()[-2:] == [renamed, "disk"]
        assert out(lab, f"readlink -f {path}").startswith("/dev/dm-")
    else:
        assert f"/dev/{renamed}p1 part" in leaves


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_lab_ends(number: int) -> None:
    lab = Lab(scale=10)
    try:
        root = Path(up(lab)["root"])
        home = root.parent.parent
        out(
            lab,
            "exec >/dev/null 2>&1; setsid sh -c 'while :; do sleep 1; done' & setsid tail -f /dev/null & true",
        )
        out(lab, "systemd-run --unit=stays sh -c 'while :; do sleep 1; done'")
        assert len(processes_with(f"LAB_HOME={home}")) >= 3
        os.kill(lab.process.pid, number)
        lab.process.wait(120)
        eventually(lambda: processes_with(f"LAB_HOME={home}") == [], "the end of the node's processes")
        eventually(lambda: not home.exists(), "the end of the lab's home")
    finally:
        lab.stop()
