"""The Rust functions in the lab: a whole backup, call by call, and what each of them refuses."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from function_driver import FunctionError, Functions

from lab.client import Lab


def healthy(lab: Lab) -> None:
    lab.wait_for(lambda: not lab.control("oracles")["residue"], 240, "a cluster without residue")


@pytest.fixture(scope="module")
def functions(lab: Lab) -> Iterator[Functions]:
    healthy(lab)
    yield Functions(lab)


def refused(name: str, call, *args, **kwargs) -> str:
    with pytest.raises(FunctionError) as caught:
        call(*args, **kwargs)
    assert caught.value.name == name, caught.value
    return str(caught.value)


def snapshots(functions: Functions, backup: str) -> list[dict]:
    wanted = [{"Name": "tag:mirrorsnap:backup-id", "Values": [backup]}]
    return functions.ec2.describe_snapshots(OwnerIds=["self"], Filters=wanted)["Snapshots"]


def tags(snapshot: dict) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in snapshot["Tags"]}


def test_a_deadline_waits_while_lab_time_stands_still(functions: Functions, tmp_path: Path) -> None:
    """What a busy host takes from the lab does not count: the function's patience goes by the lab's own count."""
    file, real_seconds = tmp_path / "clock", 4.0
    file.write_text("0")
    usual = functions.lab.boto("lambda").get_function_configuration(FunctionName="assess")["Environment"]["Variables"]
    functions.inspect()
    functions.variables("assess", usual | {"MIRRORSNAP_CLOCK_FILE": str(file)})
    ended = threading.Event()

    def stand_still() -> None:
        began = time.monotonic()
        while not ended.wait(0.01):
            side = file.with_suffix(".new")
            side.write_text(str(int(max(0.0, time.monotonic() - began - real_seconds) * 1000)))
            side.replace(file)

    thread = threading.Thread(target=stand_still)
    began = time.monotonic()
    thread.start()
    found = functions.on_orders("assess", mode="stopped", patience_seconds=10, **functions.times("stopped"))
    took = time.monotonic() - began
    ended.set()
    thread.join()
    functions.variables("assess", usual)
    assert found == {"over": False, "stopped": None}
    assert took >= real_seconds, "10 s are one real second, but only after the standstill"


def test_a_backup_call_by_call(functions: Functions) -> None:
    lab = functions.lab
    lab.control("cluster_write", file="a", text="before")
    found = functions.inspect()
    plan = found["plan"]
    assert (plan["active"], plan["standby"]) == ("server1", "server2")
    before = functions.now()
    for name in ("suspend_monitors", "split", "quiesce"):
        functions.step(plan, name)
    section = functions.until_over("section")["section"]
    assert section["epoch"] == functions.epoch and 0 < section["outage_seconds"] < 60
    # To the second: the functions' clock is the lab's, which is far ahead of the real one by now.
    assert before[:19] <= section["consistent_at"][:19] <= functions.now()[:19]
    lab.control("cluster_write", file="a", text="after")
    functions.step(plan, "enter_backup_mode")
    stopped = functions.until_over("stopped")["stopped"]
    assert stopped["reason"].startswith("Client.InstanceInitiatedShutdown")
    image = functions.on_orders("create-snapshots", section=section, stopped=stopped)
    # Called again, as after a lost reply, it finds what it made.
    assert functions.on_orders("create-snapshots", section=section, stopped=stopped, retry_count=1) == image
    end = functions.converge()
    assert end["verdict"] == "healthy" and end["unprepared"] is None, end
    healthy(lab)
    lab.wait_for(
        lambda: functions.call(
            "check-snapshots", mode="progress", cluster="orders", id=found["id"], snapshots=image["snapshots"]
        )["complete"],
        300,
        "completed snapshots",
    )
    evidence = {"section": section, "stopped": stopped, "prepared": end["prepared"], "image": image}
    wrong = {**evidence, "prepared": {"boot_id": "another"}}
    refused("BackupInvalid", functions.on_orders, "check-snapshots", mode="mark", evidence=wrong)
    assert all("mirrorsnap:valid" not in tags(one) for one in snapshots(functions, found["id"]))
    assert functions.on_orders("check-snapshots", mode="mark", evidence=evidence)["valid"]
    (snapshot,) = snapshots(functions, found["id"])
    assert tags(snapshot) | {"mirrorsnap:valid": "true", "mirrorsnap:mirror-disks": "md1"} == tags(snapshot)
    kept = functions.on_orders("expire-backups", now=functions.now(), current=found["id"])
    assert kept == {"deleted": [], "failed": [], "valid_backups": 1, "descriptions_deleted": []}
    report = functions.call(
        "report",
        cluster="orders",
        operation="backup",
        status="SUCCEEDED",
        started=functions.now(),
        now=functions.now(),
        section=section,
        snapshots=image["snapshots"],
        valid=True,
    )
    assert report["outage_seconds"] == section["outage_seconds"] and report["valid"]
    assert not lab.control("oracles")["violations"]


def test_what_is_refused_before_anything_is_touched(functions: Functions) -> None:
    functions.put_lock()
    since = len(functions.lab.log())
    refused("ClusterNotFound", functions.call, "assess", mode="inspect", cluster="billing", now=functions.now())
    refused("InputInvalid", functions.call, "assess", mode="inspect", cluster="a;b", now=functions.now())
    refused("InputInvalid", functions.call, "assess", mode="guess", cluster="orders")
    refused("InputInvalid", functions.call, "assess", mode="inspect", cluster="orders", now=functions.now(), extra=1)
    functions.configure({"max_outage_second": 60})
    assert "max_outage_second" in refused("ConfigInvalid", functions.assess, "inspect")
    functions.configure({"failover_groups": ["failover1; reboot"]})
    refused("ConfigInvalid", functions.assess, "inspect")
    functions.configure({})
    standby = functions.instances["server2"]
    attribute = {"InstanceId": standby, "InstanceInitiatedShutdownBehavior": {"Value": "terminate"}}
    functions.ec2.modify_instance_attribute(**attribute)
    refused("ShutdownBehaviorNotStop", functions.assess, "inspect")
    attribute["InstanceInitiatedShutdownBehavior"] = {"Value": "stop"}
    functions.ec2.modify_instance_attribute(**attribute)
    functions.ec2.delete_tags(Resources=[standby], Tags=[{"Key": "mirrorsnap:cluster"}])
    refused("InstanceNotManaged", functions.assess, "inspect")
    functions.ec2.create_tags(Resources=[standby], Tags=[{"Key": "mirrorsnap:cluster", "Value": "orders"}])
    functions.put_lock(functions.epoch, hold="disk change")
    refused("OperatorHold", functions.assess, "inspect")
    functions.put_lock(functions.epoch)
    disturbing = ("clpgrp -s", "clpgrp -t", "clpmonctrl", "clpmdctrl", "clpbackup", "clprestore", "shutdown", "reboot")
    commands = [" ".join(e["argv"]) for e in functions.lab.log()[since:] if e["kind"] == "node"]
    assert not [command for command in commands if command.startswith(disturbing)]


def test_a_suspended_monitor_refuses(functions: Functions) -> None:
    functions.put_lock()
    run = {"name": "server1", "script": "clpmonctrl -s -h server2 -m mdw1"}
    assert functions.lab.control("node_run", **run)["rc"] == 0
    refused("MonitorAlreadySuspended", functions.assess, "inspect")
    assert functions.lab.control("node_run", **{**run, "script": run["script"].replace("-s", "-r")})["rc"] == 0
    functions.assess("inspect")


def test_an_older_epoch_ends_fenced(functions: Functions) -> None:
    functions.put_lock()
    plan = functions.assess("inspect")["plan"]
    old = functions.lock
    functions.put_lock()
    since = len(functions.lab.log())
    call = {"cluster": "orders", "lock": old}
    refused("Fenced", functions.call, "run-node-step", **call, step=plan["steps"]["suspend_monitors"])
    refused("Fenced", functions.call, "set-power", **call, node="server2", power="stop")
    assert not [e for e in functions.lab.log()[since:] if e["kind"] in ("command", "power")]


def test_only_steps_can_be_run(functions: Functions) -> None:
    functions.put_lock()
    step = {"document": "AWS-RunShellScript", "node": "server1", "parameters": {"Run": "x"}}
    refused("InputInvalid", functions.on_orders, "run-node-step", step=step)
    refused("InputInvalid", functions.on_orders, "run-node-step", step={**step, "document": "hold"})
    refused("InputInvalid", functions.on_orders, "set-power", node="server3", power="stop")


def test_recover_brings_back_what_a_dead_backup_left(functions: Functions) -> None:
    """The holder dies in the middle of the section; a new epoch converges it, without a backup."""
    lab = functions.lab
    healthy(lab)
    plan = functions.inspect()["plan"]
    for name in ("suspend_monitors", "split", "quiesce"):
        functions.step(plan, name)
    functions.put_lock(functions.epoch + 1, intent=json.dumps(plan["intent"]))
    end = functions.converge()
    assert end["verdict"] == "healthy" and end["prepared"] is None
    healthy(lab)
    assert not lab.control("oracles")["violations"]


def test_claims(functions: Functions) -> None:
    functions.put_lock()
    call = {"mode": "claim", "cluster": "orders", "now": functions.now()}
    assert functions.call("assess", **call, holder_status="FAILED")["epoch"] == functions.epoch + 1
    for living in ("RUNNING", "NOT_FOUND", "PENDING_REDRIVE"):
        refused("OperationInProgress", functions.call, "assess", **call, holder_status=living)
