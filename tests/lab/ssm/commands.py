"""SendCommand and CancelCommand, and SSM's own side of a command: targets, concurrency, timeouts."""

from __future__ import annotations

from typing import Any

from .. import context
from ..ec2.model import store
from ..wire import AwsError
from . import content, documents
from .agent import AGENTS
from .invocations import Command, Invocation, Plugin, commands, iso, switches

Request = dict[str, Any]
DEFAULT_TIMEOUT = 3600.0  # TimeoutSeconds
LIVING = frozenset({"pending", "running", "stopping", "stopped"})  # valid states of a target: InvalidInstanceId's text


def managed(instance_id: str) -> bool:
    """Registered with SSM, and neither terminated nor about to be."""
    agent, instance = AGENTS.get(instance_id), store.instances.get(instance_id)
    return bool(agent and instance and instance.state in LIVING)


def _instances(request: Request) -> list[str]:
    ids, targets = request.get("InstanceIds") or [], request.get("Targets") or []
    if ids and targets:
        raise AwsError("ValidationException", "InstanceIds and Targets cannot both be given.")
    if ids:
        if len(set(ids)) != len(ids):
            raise AwsError("DuplicateInstanceId", "You can't specify a managed node ID in more than one association.")
        unknown = [i for i in ids if not managed(i)]
        if unknown:
            listed = ", ".join(unknown)
            raise AwsError(
                "InvalidInstanceId", f"Instances [[{listed}]] not in a valid state for account {context.ACCOUNT}"
            )
        return list(ids)
    if not targets:
        raise AwsError("ValidationException", "Either InstanceIds or Targets must be given.")
    found = [i for i in store.instances if managed(i)]
    for target in targets:
        found = [i for i in found if _hit(i, target.get("Key", ""), target.get("Values") or [])]
    return found


def _hit(instance_id: str, key: str, wanted: list[str]) -> bool:
    tags = store.instances[instance_id].tags
    if key.lower() == "instanceids":
        return instance_id in wanted
    if key.startswith("tag:"):
        return tags.get(key[4:]) in wanted
    if key == "tag-key":
        return bool(set(wanted) & set(tags))
    raise AwsError("InvalidParameters", f"The target key {key!r} is not InstanceIds, tag:<key> or tag-key.")


def send_command(request: Request) -> Request:
    document = documents.get(request["DocumentName"])
    version = document.version(request.get("DocumentVersion"))
    if request.get("DocumentHash") and request["DocumentHash"] != version.hash:
        raise AwsError("InvalidDocument", "The document's hash is not the one given.")
    given = content.values(version.content, request.get("Parameters") or {})
    instances = _instances(request)
    lab = context.lab
    command = Command(
        document=document,
        version=version,
        parameters=request.get("Parameters") or {},
        scripts=content.scripts(version.content, given),
        comment=request.get("Comment", ""),
        instance_ids=list(request.get("InstanceIds") or []),
        targets=request.get("Targets") or [],
        timeout=float(request.get("TimeoutSeconds", DEFAULT_TIMEOUT)),
        max_concurrency=request.get("MaxConcurrency", "50"),
        max_errors=request.get("MaxErrors", "0"),
        requested=lab.clock.now(),
        created=lab.clock.monotonic(),
        on_change=pump,
    )
    commands[command.id] = command
    for instance_id in instances:
        invocation = Invocation(command, instance_id, store.instances[instance_id].name)
        invocation.plugins = [Plugin(s.name) for s in command.scripts]
        command.invocations[instance_id] = invocation
    if not instances:
        command.status, command.details = "Success", "NoInstancesInTag"
    for invocation in command.invocations.values():
        lab.record.add(
            "command",
            command_id=command.id,
            instance=invocation.instance_id,
            document=document.name,
            status="Pending",
            details="Pending",
        )
    pump(command)
    return {"Command": describe(command)}


def pump(command: Command) -> None:
    """Start as many invocations as MaxConcurrency allows; end the rest once MaxErrors is exceeded."""
    waiting = [i for i in command.invocations.values() if not i.started and not i.over]
    if waiting and command.errors() > command.limit(command.max_errors):
        for invocation in waiting:
            invocation.become("Cancelled", "Terminated")
        return
    active = sum(i.started and not i.over for i in command.invocations.values())
    for invocation in waiting[: max(0, command.limit(command.max_concurrency) - active)]:
        _start(invocation)


def _start(invocation: Invocation) -> None:
    lab, command = context.lab, invocation.command
    invocation.started, invocation.sent = True, lab.clock.monotonic()
    AGENTS[invocation.instance_id].enqueue(invocation)

    def undelivered() -> None:
        with lab.lock:
            if not invocation.delivered:
                invocation.become("TimedOut", "DeliveryTimedOut")

    def unheard() -> None:
        # Nothing came back in the time that delivery and execution may take together: for SSM it was not delivered.
        with lab.lock:
            invocation.become("TimedOut", "DeliveryTimedOut")

    lab.timers.after(command.timeout, undelivered)
    lab.timers.after(command.timeout + command.execution_limit, unheard)


def cancel_command(request: Request) -> Request:
    command = find(request["CommandId"])
    wanted = request.get("InstanceIds") or []
    if len(set(wanted)) != len(wanted):
        raise AwsError("DuplicateInstanceId", "An instance ID was given twice.")
    for instance_id in wanted:
        if instance_id not in command.invocations:
            raise AwsError("InvalidInstanceId", f"{instance_id} is no target of this command.")
    for invocation in list(command.invocations.values()):
        if invocation.over or (wanted and invocation.instance_id not in wanted):
            continue
        command.cancelling = True
        if invocation.delivered:
            invocation.become("Cancelling")
            AGENTS[invocation.instance_id].cancel(invocation)
        else:
            invocation.become("Cancelled")
    return {}


def find(command_id: str) -> Command:
    if command_id not in commands:
        raise AwsError("InvalidCommandId", f"The command {command_id} does not exist.")
    return commands[command_id]


def describe(command: Command) -> Request:
    invocations = list(command.invocations.values())
    return {
        "CommandId": command.id,
        "DocumentName": command.document.name,
        "DocumentVersion": command.version.number,
        "Comment": command.comment,
        "ExpiresAfter": command.expires,
        "Parameters": command.parameters,
        "InstanceIds": command.instance_ids,
        "Targets": command.targets,
        "RequestedDateTime": command.requested,
        "Status": command.status,
        "StatusDetails": command.details,
        "MaxConcurrency": command.max_concurrency,
        "MaxErrors": command.max_errors,
        "TargetCount": len(invocations),
        "CompletedCount": sum(i.over for i in invocations),
        "ErrorCount": command.errors(),
        "DeliveryTimedOutCount": sum(i.details == "DeliveryTimedOut" for i in invocations),
        "TimeoutSeconds": int(command.timeout),
        "ServiceRole": "",
        "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
    }


def get_command_invocation(request: Request) -> Request:
    command = commands.get(request["CommandId"])
    invocation = command.invocations.get(request["InstanceId"]) if command else None
    young = command and context.lab.clock.monotonic() - command.created < switches.invocation_delay
    if invocation is None or young:
        raise AwsError("InvocationDoesNotExist", "The command ID and managed node ID you specified didn't match any.")
    assert command
    plugin = _plugin(invocation, request.get("PluginName"))
    return {
        "CommandId": command.id,
        "InstanceId": invocation.instance_id,
        "Comment": command.comment,
        "DocumentName": command.document.name,
        "DocumentVersion": command.version.number,
        "PluginName": plugin.name,
        "ResponseCode": plugin.rc,
        "ExecutionStartDateTime": iso(plugin.started) if plugin.started else "",
        "ExecutionElapsedTime": _elapsed(plugin),
        "ExecutionEndDateTime": iso(plugin.finished) if plugin.finished else "",
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputContent": plugin.stdout,
        "StandardOutputUrl": "",
        "StandardErrorContent": plugin.stderr,
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
    }


def _plugin(invocation: Invocation, name: str | None) -> Plugin:
    steps = invocation.command.scripts
    if name is None and len(steps) > 1:
        raise AwsError("InvalidPluginName", "The document has several steps: PluginName must name one of them.")
    wanted = name or steps[0].name
    if wanted not in [s.name for s in steps]:
        raise AwsError("InvalidPluginName", "The plugin name isn't valid.")
    return next((p for p in invocation.plugins if p.name == wanted), Plugin(wanted))


def _elapsed(plugin: Plugin) -> str:
    if not plugin.started or not plugin.finished:
        return ""
    return f"PT{(plugin.finished - plugin.started).total_seconds():.3f}".rstrip("0").rstrip(".") + "S"
