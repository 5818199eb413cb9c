"""Run Command: delivery, statuses, targets, timeouts, cancelling, and what becomes of a command when its node goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.serialize import create_serializer
from node_steps import ENDED, Runner, bring_back, instance_state, out, processes_with, rebooted, sh, status, up

from lab.client import Lab

COUNT = "echo x >>$MIRRORSNAP_VAR_LIB/{0}; "


@pytest.fixture
def runner(lab: Lab) -> Runner:
    up(lab)
    return Runner(lab)


@pytest.fixture
def switch(lab: Lab) -> Iterator[Callable[..., None]]:
    before = dict(lab.control("ssm"))
    yield lambda **values: lab.control("ssm", values=values)
    lab.control("ssm", values=before)


def runs(lab: Lab, name: str) -> int:
    """How often a script that begins with COUNT was begun."""
    return len(sh(lab, f"cat $MIRRORSNAP_VAR_LIB/{name}")["stdout"].split())


def code(fn: Callable, **arguments: object) -> str:
    with pytest.raises(ClientError) as caught:
        fn(**arguments)
    return caught.value.response["Error"]["Code"]


def unchecked(lab: Lab) -> Any:
    """A client that leaves it to the service to refuse what botocore would refuse."""
    ssm = lab.boto("ssm")
    ssm._serializer = create_serializer(ssm.meta.service_model.metadata["protocol"], include_validation=False)
    return ssm


def test_a_command_takes_its_time_and_reports_what_happened(
    lab: Lab, runner: Runner, switch: Callable[..., None]
) -> None:
    assert lab.control("ssm")["invocation_delay"] == 0.2
    switch(invocation_delay=3)
    sent = lab.control("time")["t"]
    command = runner.send("echo out; echo err >&2; sleep 12; exit 3")
    assert runner.get(command) == {}  # InvocationDoesNotExist, for a moment
    switch(invocation_delay=0.2)
    running = runner.until(command, "InProgress")
    assert (running["ResponseCode"], running["ExecutionEndDateTime"]) == (-1, "")
    done = runner.until(command)
    assert (done["Status"], done["StatusDetails"], done["ResponseCode"]) == ("Failed", "Failed", 3)
    assert done["StandardOutputContent"] == "out\n" and done["StandardErrorContent"].startswith("err\n")
    changes = lab.log(kind="command", command_id=command)
    assert [e["status"] for e in changes] == ["Pending", "InProgress", "Failed"]
    assert changes[1]["t"] - sent >= 1.0  # timing.ssm_delivery
    assert changes[2]["t"] - changes[1]["t"] >= 12.0
    events = [e["detail"]["status"] for e in lab.log(kind="event", source="aws.ssm")
              if e["detail"]["command-id"] == command and "Invocation" in e["detail_type"]]  # fmt: skip
    assert events == ["InProgress", "Failed"]


def test_output_is_cut_and_keeps_its_beginning(runner: Runner) -> None:
    done = runner.run('echo first; yes=$(seq 1 9000); echo "$yes"; echo "$yes" >&2; echo last')
    assert len(done["StandardOutputContent"]) == 24_000 and done["StandardOutputContent"].startswith("first\n1\n2\n")
    assert len(done["StandardErrorContent"]) == 8_000 and "last" not in done["StandardOutputContent"]


def test_a_command_waits_for_whoever_holds_its_output(runner: Runner, lab: Lab) -> None:
    command = runner.send("sleep 4 & echo started")
    lab.sleep(3)
    assert runner.get(command)["Status"] == "InProgress"
    assert runner.until(command)["Status"] == "Success"


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"TimeoutSeconds": 29}, "ValidationException"),
        ({"Comment": "x" * 101}, "ValidationException"),
        ({"DocumentName": "No-Such-Document"}, "InvalidDocument"),
        ({"InstanceIds": ["i-0123456789abcdef0"]}, "InvalidInstanceId"),
        ({"InstanceIds": ["server1"]}, "ValidationException"),
        ({"MaxConcurrency": "many"}, "ValidationException"),
        ({"Parameters": {"executionTimeout": ["never"]}}, "InvalidParameters"),
        ({"InstanceIds": []}, "ValidationException"),
    ],
)
def test_what_send_command_refuses(lab: Lab, more: dict, wanted: str) -> None:
    up(lab)
    ssm = unchecked(lab)
    base = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [status(lab)["instance_id"]]}
    parameters = {"commands": ["true"], **more.get("Parameters", {})}
    assert code(ssm.send_command, **{**base, **more, "Parameters": parameters}) == wanted


def test_a_doubled_instance_and_unknown_commands(runner: Runner) -> None:
    twice = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [runner.instance] * 2}
    assert code(runner.ssm.send_command, **twice, Parameters={"commands": ["true"]}) == "DuplicateInstanceId"
    unknown = "00000000-0000-0000-0000-000000000000"
    wrong = {"CommandId": unknown, "InstanceId": runner.instance}
    assert code(runner.ssm.get_command_invocation, **wrong) == "InvocationDoesNotExist"
    assert code(runner.ssm.cancel_command, CommandId=unknown) == "InvalidCommandId"


def test_targets(lab: Lab, runner: Runner) -> None:
    up(lab, "server2")
    second = status(lab, "server2")["instance_id"]

    def hit(*targets: dict) -> set[str]:
        command = runner.send("true", Targets=list(targets))
        lab.wait_for(lambda: runner.ssm.list_commands(CommandId=command)["Commands"][0]["Status"] in ENDED)
        found = runner.ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
        return {i["InstanceId"] for i in found}

    assert hit({"Key": "tag:Name", "Values": ["server2"]}) == {second}
    assert hit({"Key": "InstanceIds", "Values": [second, runner.instance]}) == {second, runner.instance}
    assert hit({"Key": "tag-key", "Values": ["Name"]}, {"Key": "tag:Name", "Values": ["server1"]}) == {runner.instance}
    assert hit({"Key": "tag:Name", "Values": ["nobody"]}) == set()


def test_max_errors_ends_what_has_not_begun(lab: Lab, runner: Runner) -> None:
    up(lab, "server2")
    targets = [{"Key": "tag-key", "Values": ["Name"]}]
    command = runner.send("exit 1", Targets=targets, MaxConcurrency="1", MaxErrors="0")
    lab.wait_for(lambda: runner.ssm.list_commands(CommandId=command)["Commands"][0]["Status"] in ENDED)
    rows = runner.ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    assert sorted(r["StatusDetails"] for r in rows) == ["Failed", "Terminated"]


def test_listing(lab: Lab, runner: Runner) -> None:
    command = runner.send("echo listed; echo oops >&2")
    runner.until(command)
    row = runner.ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"][0]
    plugin = row["CommandPlugins"][0]
    assert plugin["Output"] == "listed\n\n----------ERROR-------\noops\n" and plugin["ResponseCode"] == 0
    filters = [{"key": "Status", "value": "Failed"}]
    assert runner.ssm.list_commands(CommandId=command, Filters=filters)["Commands"] == []
    described = runner.ssm.list_commands(CommandId=command)["Commands"][0]
    assert (described["Status"], described["TargetCount"], described["CompletedCount"]) == ("Success", 1, 1)


def test_execution_timeout_kills_the_script(lab: Lab, runner: Runner) -> None:
    script = "echo begun; sleep 100; touch $MIRRORSNAP_VAR_LIB/too-late"
    done = runner.run(script, Parameters={"executionTimeout": ["3"]})
    assert (done["Status"], done["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    assert done["StandardOutputContent"] == "begun\n"
    assert sh(lab, "test -e $MIRRORSNAP_VAR_LIB/too-late")["rc"] == 1


def test_what_has_ended_is_not_ended_again_by_a_timeout(lab: Lab, runner: Runner) -> None:
    command = runner.send("true", TimeoutSeconds=30, Parameters={"executionTimeout": ["5"]})
    runner.until(command)
    lab.sleep(37)
    assert runner.statuses(command) == ["Pending", "InProgress", "Success"]


def test_cancelling(lab: Lab, runner: Runner) -> None:
    command = runner.send("touch $MIRRORSNAP_RUN/begun; sleep 100; touch $MIRRORSNAP_RUN/cancel-missed")
    lab.wait_for(lambda: sh(lab, "test -e $MIRRORSNAP_RUN/begun")["rc"] == 0)
    runner.ssm.cancel_command(CommandId=command)
    assert runner.until(command)["Status"] == "Cancelled"
    assert runner.statuses(command) == ["Pending", "InProgress", "Cancelling", "Cancelled"]
    early = runner.send("touch $MIRRORSNAP_RUN/cancel-missed")
    runner.ssm.cancel_command(CommandId=early)
    lab.sleep(3)
    assert runner.statuses(early) == ["Pending", "Cancelled"]
    assert sh(lab, "test -e $MIRRORSNAP_RUN/cancel-missed")["rc"] == 1


def test_a_node_that_is_down_runs_nothing_until_it_is_back(lab: Lab, runner: Runner) -> None:
    ec2 = lab.boto("ec2")
    ec2.stop_instances(InstanceIds=[runner.instance])
    lab.wait_for(lambda: instance_state(lab) == "stopped")
    waiting = runner.send("echo late; cat $MIRRORSNAP_PROC/sys/kernel/random/boot_id", TimeoutSeconds=600)
    lost = runner.send("touch $MIRRORSNAP_VAR_LIB/undelivered", TimeoutSeconds=30)
    assert runner.until(lost, seconds=60)["StatusDetails"] == "DeliveryTimedOut"
    assert runner.get(waiting)["Status"] == "Delayed"
    assert runner.ssm.describe_instance_information()["InstanceInformationList"][0]["PingStatus"] == "Online"
    bring_back(lab)
    done = runner.until(waiting)
    assert done["StandardOutputContent"].split() == ["late", status(lab)["boot_id"]]
    lab.sleep(3)
    assert sh(lab, "test -e $MIRRORSNAP_VAR_LIB/undelivered")["rc"] == 1


def test_a_terminated_instance_is_no_target(fresh_lab: Callable[..., Lab]) -> None:
    lab = fresh_lab(scale=20)
    up(lab, "server2")
    runner = Runner(lab, "server2")
    lab.boto("ec2").terminate_instances(InstanceIds=[runner.instance])
    request = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [runner.instance]}
    assert code(runner.ssm.send_command, **request, Parameters={"commands": ["true"]}) == "InvalidInstanceId"


def test_ping_goes_stale_long_after_the_node(fresh_lab: Callable[..., Lab]) -> None:
    lab = fresh_lab(scale=50)
    up(lab)
    runner = Runner(lab)

    def ping() -> tuple:
        rows = runner.ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [runner.instance]}])
        row = rows["InstanceInformationList"][0]
        return row["PingStatus"], row["LastPingDateTime"]

    lab.control("node", name="server1", effect="power_off")
    first = ping()
    lab.sleep(200)
    assert ping() == ("Online", first[1])
    lab.sleep(110)
    assert ping() == ("ConnectionLost", first[1])


@pytest.mark.parametrize(
    ("outcome", "times", "wanted"), [("replay", 2, "Success"), ("failed", 1, "Failed"), ("lost", 1, "TimedOut")]
)
def test_a_command_in_flight_when_its_node_reboots(
    lab: Lab, runner: Runner, switch: Callable[..., None], outcome: str, times: int, wanted: str
) -> None:
    switch(in_flight=outcome)
    name, before = f"flight-{outcome}", status(lab)["boot_id"]
    script = (
        COUNT.format(name)
        + f"[ -e $MIRRORSNAP_VAR_LIB/{name}.2 ] && exit 0; touch $MIRRORSNAP_VAR_LIB/{name}.2; reboot; sleep 90"
    )
    command = runner.send(script, TimeoutSeconds=30, Parameters={"executionTimeout": ["100"]})
    rebooted(lab, before)
    assert runner.until(command, seconds=160)["Status"] == wanted
    assert runs(lab, name) == times


def test_the_lucky_order_reports_success(lab: Lab, runner: Runner, switch: Callable[..., None]) -> None:
    switch(in_flight="success")
    before = status(lab)["boot_id"]
    command = runner.send(COUNT.format("lucky") + "reboot; exit 0")
    rebooted(lab, before)
    assert runner.until(command)["Status"] == "Success"
    lab.sleep(2)
    assert runs(lab, "lucky") == 1


def test_exit_194_reboots_and_runs_again(lab: Lab, runner: Runner) -> None:
    before = status(lab)["boot_id"]
    command = runner.send(
        COUNT.format("again") + "[ $(wc -l <$MIRRORSNAP_VAR_LIB/again) -ge 2 ] || exit 194; echo second"
    )
    rebooted(lab, before)
    done = runner.until(command)
    assert (done["Status"], done["StandardOutputContent"], runs(lab, "again")) == ("Success", "second\n", 2)


def test_fifteen_attempts_and_no_more(fresh_lab: Callable[..., Lab]) -> None:
    lab = fresh_lab(scale=50)
    up(lab)
    runner = Runner(lab)
    command = runner.send(COUNT.format("often") + "exit 194")
    assert runner.until(command, seconds=200)["Status"] == "Failed"
    up(lab)
    assert runs(lab, "often") == 15


def test_a_finished_command_can_be_replayed_at_the_next_boot(lab: Lab, runner: Runner) -> None:
    command = runner.send(COUNT.format("replayed") + "wc -l <$MIRRORSNAP_VAR_LIB/replayed")
    assert runner.until(command)["Status"] == "Success"
    lab.control("node", name="server1", effect="replay_command")
    before = status(lab)["boot_id"]
    sh(lab, "reboot")
    rebooted(lab, before)
    lab.wait_for(lambda: runs(lab, "replayed") == 2, what="the second run")
    lab.sleep(3)
    assert runner.statuses(command) == ["Pending", "InProgress", "Success"]  # SSM hears of it only once
    assert runner.get(command)["StandardOutputContent"] == "1\n"


@pytest.mark.parametrize("kills", [False, True])
def test_an_agent_restart_runs_the_document_a_second_time(
    lab: Lab, runner: Runner, switch: Callable[..., None], kills: bool
) -> None:
    switch(restart_kills_children=kills, restart_seconds=1.0)
    name = f"restart-{kills}"
    command = runner.send(COUNT.format(name) + f"sleep 6; echo $$ >>$MIRRORSNAP_VAR_LIB/{name}.ends")
    lab.wait_for(lambda: runs(lab, name) == 1)
    lab.control("node", name="server1", effect="agent_restart")
    assert runner.until(command)["Status"] == "Success"
    assert runs(lab, name) == 2
    assert runs(lab, f"{name}.ends") == (1 if kills else 2)


def test_a_lost_agent_goes_on_working_and_nobody_hears(lab: Lab, runner: Runner) -> None:
    command = runner.send(COUNT.format("lost") + "sleep 3; echo done >>$MIRRORSNAP_VAR_LIB/lost",
                          TimeoutSeconds=30, Parameters={"executionTimeout": ["20"]})  # fmt: skip
    lab.wait_for(lambda: runs(lab, "lost") == 1)
    lab.control("node", name="server1", effect="ssm_lost")
    lab.sleep(5)
    assert runs(lab, "lost") == 2
    assert runner.get(command)["Status"] == "InProgress"
    done = runner.until(command, seconds=60)
    assert (done["Status"], done["StatusDetails"]) == ("TimedOut", "DeliveryTimedOut")
    held = runner.send("echo back", TimeoutSeconds=300)
    lab.sleep(3)
    assert runner.get(held)["Status"] == "Delayed"
    lab.control("node", name="server1", effect="ssm_back")
    assert runner.until(held)["StandardOutputContent"] == "back\n"


def test_a_unit_outlives_the_command_that_started_it(lab: Lab, runner: Runner) -> None:
    script = "systemd-run -q --unit=outlives sh -c 'sleep 4; touch $MIRRORSNAP_RUN/outlived'; echo started"
    command = runner.send(script)
    assert runner.until(command)["StandardOutputContent"] == "started\n"
    runner.ssm.cancel_command(CommandId=command)
    lab.wait_for(lambda: sh(lab, "test -e $MIRRORSNAP_RUN/outlived")["rc"] == 0)


def test_power_off_in_the_middle_kills_the_script(lab: Lab) -> None:
    up(lab, "server2")
    runner, boot = Runner(lab, "server2"), status(lab, "server2")["boot_id"]
    runner.send("touch $MIRRORSNAP_VAR_LIB/cut; while :; do sleep 1; done", Parameters={"executionTimeout": ["60"]})
    lab.wait_for(lambda: sh(lab, "test -e $MIRRORSNAP_VAR_LIB/cut", "server2")["rc"] == 0)
    lab.control("node", name="server2", effect="power_off")
    lab.wait_for(lambda: not processes_with(f"LAB_BOOT={boot}"))
    bring_back(lab, "server2")
    assert out(lab, "echo alive", "server2") == "alive\n"


def test_the_steps_and_the_working_directory_of_a_document(lab: Lab, runner: Runner) -> None:
    import json

    def step(name: str, script: str, **inputs: str) -> dict:
        return {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": [script], **inputs}}

    windows = {**step("windows", "echo never"), "precondition": {"StringEquals": ["platformType", "Windows"]}}
    steps = [step("first", "pwd; exit 2", workingDirectory="/tmp"), windows, step("third", "echo third")]
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": steps})
    runner.ssm.create_document(Name="Three-Steps", Content=content, DocumentType="Command")
    request = {"DocumentName": "Three-Steps", "InstanceIds": [runner.instance]}
    command = runner.ssm.send_command(**request)["Command"]["CommandId"]
    lab.wait_for(lambda: runner.ssm.list_commands(CommandId=command)["Commands"][0]["Status"] in ENDED)
    where = {"CommandId": command, "InstanceId": runner.instance}
    assert code(runner.ssm.get_command_invocation, **where) == "InvalidPluginName"
    got = [runner.ssm.get_command_invocation(**where, PluginName=s["name"]) for s in steps]
    assert [g["StandardOutputContent"] for g in got] == ["/tmp\n", "", "third\n"]
    assert [g["ResponseCode"] for g in got] == [2, 0, 0] and got[0]["Status"] == "Failed"


def test_a_lost_agent_keeps_its_result_until_it_is_back(lab: Lab, runner: Runner) -> None:
    command = runner.send(COUNT.format("kept") + "sleep 2; echo result")
    lab.wait_for(lambda: runs(lab, "kept") == 1)
    lab.control("node", name="server1", effect="ssm_lost")
    lab.sleep(4)
    assert runner.get(command)["Status"] == "InProgress"
    lab.control("node", name="server1", effect="ssm_back")
    assert runner.until(command)["StandardOutputContent"] == "result\n"


def test_agents_run_five_documents_at_once(lab: Lab, runner: Runner) -> None:
    commands = [runner.send(COUNT.format("five") + "sleep 6") for _ in range(6)]
    lab.wait_for(lambda: runs(lab, "five") == 5)
    lab.sleep(2)
    assert runs(lab, "five") == 5
    assert [runner.until(c)["Status"] for c in commands] == ["Success"] * 6
