"""What can be listed: commands, invocations, managed nodes."""

from __future__ import annotations

import datetime
from typing import Any

from ..ec2.model import store
from ..wire import AwsError
from . import commands as _commands
from .agent import AGENTS, Agent
from .document_calls import page
from .invocations import OUTPUT_LIMIT, Command, Invocation, commands

Request = dict[str, Any]


def list_commands(request: Request) -> Request:
    found = [c for c in reversed(commands.values()) if _wanted(c, request)]
    instance = request.get("InstanceId")
    if instance:
        found = [c for c in found if instance in c.invocations]
    return page([_commands.describe(c) for c in found], request, "Commands", 50)


def _wanted(command: Command, request: Request, invocation: Invocation | None = None) -> bool:
    if request.get("CommandId") not in (None, command.id):
        return False
    for item in request.get("Filters") or []:
        key, value = item["key"], item["value"]
        if key == "Status":
            subject = invocation or command
            if value not in (subject.status, subject.details):
                return False
        elif key == "DocumentName":
            if value != command.document.name:
                return False
        elif key in ("InvokedAfter", "InvokedBefore"):
            moment = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
            if (command.requested < moment) == (key == "InvokedAfter"):
                return False
        elif key == "ExecutionStage":
            over = command.status in ("Success", "Failed", "TimedOut", "Cancelled")
            if over != (value == "Complete"):
                return False
        else:
            raise AwsError("InvalidFilterKey", "The specified key isn't valid.")
    return True


def list_command_invocations(request: Request) -> Request:
    rows = []
    for command in reversed(commands.values()):
        for invocation in command.invocations.values():
            if request.get("InstanceId") in (None, invocation.instance_id) and _wanted(command, request, invocation):
                rows.append(_invocation(invocation, bool(request.get("Details"))))
    return page(rows, request, "CommandInvocations", 50)


def _invocation(invocation: Invocation, details: bool) -> Request:
    command = invocation.command
    return {
        "CommandId": command.id,
        "InstanceId": invocation.instance_id,
        "InstanceName": invocation.instance_name,
        "Comment": command.comment,
        "DocumentName": command.document.name,
        "DocumentVersion": command.version.number,
        "RequestedDateTime": command.requested,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": [_plugin(p) for p in invocation.plugins] if details else [],
        "ServiceRole": "",
    }


def _plugin(plugin: Any) -> Request:
    output = plugin.stdout + (f"\n----------ERROR-------\n{plugin.stderr}" if plugin.stderr else "")
    out = {
        "Name": plugin.name,
        "Status": plugin.status,
        "StatusDetails": plugin.details,
        "ResponseCode": plugin.rc,
        "Output": output[:OUTPUT_LIMIT],
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
    }
    if plugin.started:
        out["ResponseStartDateTime"] = plugin.started
    if plugin.finished:
        out["ResponseFinishDateTime"] = plugin.finished
    return out


def describe_instance_information(request: Request) -> Request:
    filters = [(f["Key"], f.get("Values") or []) for f in request.get("Filters") or []]
    filters += [(f["key"], f.get("valueSet") or []) for f in request.get("InstanceInformationFilterList") or []]
    agents = [a for i, a in AGENTS.items() if _commands.managed(i)]
    return page([_information(a) for a in agents if _matches(a, filters)], request, "InstanceInformationList", 10)


def _matches(agent: Agent, filters: list[tuple[str, list[str]]]) -> bool:
    tags = store.instances[agent.instance_id].tags
    for key, wanted in filters:
        if key.startswith("tag:"):
            have = [tags[key[4:]]] if key[4:] in tags else []
        elif key == "tag-key":
            have = list(tags)
        else:
            known = {
                "InstanceIds": agent.instance_id,
                "PingStatus": agent.ping_status(),
                "PlatformTypes": "Linux",
                "ResourceType": "EC2Instance",
                "AgentVersion": VERSION,
            }
            if key not in known:
                raise AwsError("InvalidFilterKey", "The specified key isn't valid.")
            have = [known[key]]
        if not set(wanted) & set(have):
            return False
    return True


VERSION = "3.3.2746.0"


def _information(agent: Agent) -> Request:
    instance = store.instances[agent.instance_id]
    return {
        "InstanceId": agent.instance_id,
        "PingStatus": agent.ping_status(),
        "LastPingDateTime": agent.last_ping(),
        "AgentVersion": VERSION,
        "IsLatestVersion": True,
        "PlatformType": "Linux",
        "PlatformName": "Red Hat Enterprise Linux",
        "PlatformVersion": "8.2",
        "ResourceType": "EC2Instance",
        "IPAddress": instance.private_ip,
        "ComputerName": instance.name,
        "SourceId": agent.instance_id,
        "SourceType": "AWS::EC2::Instance",
        "RegistrationDate": agent.registered_at,
    }


def get_connection_status(request: Request) -> Request:
    agent = AGENTS.get(request["Target"])
    return {"Target": request["Target"], "Status": "connected" if agent and agent.connected else "notconnected"}


CALLS = {
    "SendCommand": _commands.send_command,
    "CancelCommand": _commands.cancel_command,
    "GetCommandInvocation": _commands.get_command_invocation,
    "ListCommands": list_commands,
    "ListCommandInvocations": list_command_invocations,
    "DescribeInstanceInformation": describe_instance_information,
    "GetConnectionStatus": get_connection_status,
}
