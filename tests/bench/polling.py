"""A state machine of AWS SDK integrations that does the vendor's backup and looks every 5 seconds.

It is what a user would build first: each command is sent by `ssm:sendCommand`, and a Wait of 5 seconds, a look and a
Choice follow until it has ended. So does the Step Functions Developer Guide's sample project "Poll for Job Status", and
so do public state machines with `aws-sdk:ssm:getCommandInvocation`, whose wait of 5 seconds is kept. The commands,
their order and their number are those of tests/seed/operator.sh.
"""

from __future__ import annotations

import json
from typing import Any

from lab.client import Lab

SECONDS = 5
BEHIND = "enter backup mode"  # its first state once the group is back
ROLE = "polling"
NAME = "polling"
ACTIONS = (
    *("ssm:SendCommand", "ssm:GetCommandInvocation", "ec2:DescribeInstances", "ec2:DescribeVolumes"),
    *("ec2:CreateSnapshot", "ec2:DescribeSnapshots", "ec2:StartInstances"),
)
STILL = ("Pending", "InProgress", "Delayed", "Cancelling")

State = dict[str, Any]


def _task(service: str, arguments: dict[str, Any], into: str | None = None, **fields: Any) -> State:
    resource = f"arn:aws:states:::aws-sdk:{service}"
    return {"Type": "Task", "Resource": resource, "Parameters": arguments, "ResultPath": into, **fields}


class Machine:
    """States one after another: each `then` is the next of what came before."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self._open: list[tuple[State, str]] = []  # (a state or a rule, the field that names what follows)

    def _add(self, name: str, state: State) -> State:
        for before, field in self._open:
            before[field] = name
        self.states[name] = state
        self._open = []
        return state

    def task(self, name: str, service: str, arguments: dict[str, Any], into: str | None = None) -> None:
        self._open = [(self._add(name, _task(service, arguments, into)), "Next")]

    def until(self, name: str, look: State, rule: dict[str, Any]) -> None:
        """Wait, look, and go on once `rule` holds."""
        wait, looks, choice = f"{name}: wait", f"{name}: look", f"{name}: is it over?"
        self._add(wait, {"Type": "Wait", "Seconds": SECONDS, "Next": looks})
        self.states[looks] = {**look, "Next": choice}
        over = {**rule}
        self.states[choice] = {"Type": "Choice", "Choices": [over], "Default": wait}
        self._open = [(over, "Next")]

    def run(self, name: str, instance: str, command: str) -> None:
        """One command on a node, to its end, whatever that is: clpmdstat's exit code is a coded state."""
        parameters = {"commands": [command]}
        arguments = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [instance], "Parameters": parameters}
        sent = f"$.{''.join(word.capitalize() for word in name.split())}"
        self.task(name, "ssm:sendCommand", arguments, sent)
        look = {"CommandId.$": f"{sent}.Command.CommandId", "InstanceId": instance}
        retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 5}]
        over = {"Not": {"Or": [{"Variable": f"{sent}Look.Status", "StringEquals": each} for each in STILL]}}
        self.until(name, _task("ssm:getCommandInvocation", look, f"{sent}Look", Retry=retry), over)

    def finish(self) -> dict[str, Any]:
        self._add("Done", {"Type": "Succeed"})
        return {"StartAt": next(iter(self.states)), "States": self.states}


def goes_down(command: str) -> str:
    """As operator.sh has it: in a unit of its own, so that Run Command has ended before the node goes down."""
    return f'systemd-run --collect --unit={command.split(".")[0]}-$(date +%s) sh -c "{command} >/dev/null 2>&1"'


def definition(active: tuple[str, str], standby: tuple[str, str], volume: str) -> dict[str, Any]:
    """The whole backup; (name, instance id) of both nodes, and the standby's volume."""
    (server1, one), (server2, two) = active, standby
    machine = Machine()
    machine.run("check mirror", one, "clpmdstat --mirror md1")
    machine.run("stop group", one, "clpgrp -t failover1")
    for name, server in (("suspend monitor", server1), ("suspend the other monitor", server2)):
        machine.run(name, one, f"clpmonctrl -s -h {server} -m mdw1")
    machine.run("break mirror", two, "clpmdctrl --break md1")
    machine.run("start group", one, "clpgrp -s failover1")
    machine.run(BEHIND, two, goes_down("clpbackup.sh --pre"))
    state = "$.Seen.Reservations[0].Instances[0].State.Name"
    described = _task("ec2:describeInstances", {"InstanceIds": [two]}, "$.Seen")
    machine.until("standby stops", described, {"Variable": state, "StringEquals": "stopped"})
    machine.task("create snapshot", "ec2:createSnapshot", {"VolumeId": volume}, "$.Snapshot")
    machine.task("start standby", "ec2:startInstances", {"InstanceIds": [two]})
    machine.until("standby runs", described, {"Variable": state, "StringEquals": "running"})
    answers = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [two], "Parameters": {"commands": ["true"]}}
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": SECONDS, "MaxAttempts": 60, "BackoffRate": 1}]
    machine.task("agent answers", "ssm:sendCommand", answers)
    machine.states["agent answers"]["Retry"] = retry
    machine.run("leave backup mode", two, goes_down("clpbackup.sh --post"))
    machine.run("resume monitor", one, f"clpmonctrl -r -h {server1} -m mdw1")
    green = "until clpmdstat --mirror md1 | grep 'Mirror Color' | grep -q 'GREEN.*GREEN'; do sleep 1; done"
    machine.run("await normal", one, green)
    complete = _task("ec2:describeSnapshots", {"SnapshotIds.$": "States.Array($.Snapshot.SnapshotId)"}, "$.Shown")
    machine.until("await snapshot", complete, {"Variable": "$.Shown.Snapshots[0].State", "StringEquals": "completed"})
    return machine.finish()


def create(lab: Lab, machine: dict[str, Any]) -> str:
    """The state machine, with a role of its own; its ARN."""
    iam, sfn = lab.boto("iam"), lab.boto("stepfunctions")
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"Effect": "Allow", "Action": list(ACTIONS), "Resource": "*"}

    def document(statement: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=ROLE, PolicyName=ROLE, PolicyDocument=document(policy))
    made = sfn.create_state_machine(name=NAME, definition=json.dumps(machine), roleArn=role, type="STANDARD")
    return made["stateMachineArn"]
