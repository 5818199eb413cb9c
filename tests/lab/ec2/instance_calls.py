"""StartInstances, StopInstances, RebootInstances and TerminateInstances.

Each call is all or nothing: every instance is checked before the first one changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..gateway import current_call
from ..wire import AwsError
from . import encryption
from .api import action, dry_run, required
from .instances import Instance, get_all, state_of


def _chosen(request: dict[str, Any]) -> list[Instance]:
    required(request, "InstanceIds")
    return get_all(request["InstanceIds"])


def _changes(chosen: list[Instance], change: Callable[[Instance], None]) -> list[dict[str, Any]]:
    """Carry `change` out on each, and report the state before and after it."""
    out = []
    for instance in chosen:
        previous = state_of(instance.state)
        change(instance)
        now = state_of(instance.state)
        out.append({"InstanceId": instance.id, "CurrentState": now, "PreviousState": previous})
    return out


@action("StartInstances")
def start_instances(request: dict[str, Any]) -> dict[str, Any]:
    chosen = _chosen(request)
    for instance in chosen:
        if instance.state not in ("stopped", "pending", "running"):
            message = f"The instance '{instance.id}' is not in a state from which it can be started."
            raise AwsError("IncorrectInstanceState", message)
        if instance.state == "stopped" and instance.root_device not in instance.attachments:
            message = (
                f"Invalid value '{instance.id}' for instanceId. "
                f"Instance does not have a volume attached at root ({instance.root_device})"
            )
            raise AwsError("InvalidParameterValue", message)
    dry_run(request)
    call = current_call()

    def start(instance: Instance) -> None:
        if instance.state == "stopped":
            injected = call.falls_back if call else None
            instance.start(injected or ("Client.InternalError" if encryption.denied_volume(instance) else None))

    return {"StartingInstances": _changes(chosen, start)}


@action("StopInstances")
def stop_instances(request: dict[str, Any]) -> dict[str, Any]:
    chosen = _chosen(request)
    force, skip_os = bool(request.get("Force")), bool(request.get("SkipOsShutdown"))
    for instance in chosen:
        if instance.state in ("shutting-down", "terminated"):
            message = f"The instance '{instance.id}' is not in a state from which it can be stopped."
            raise AwsError("IncorrectInstanceState", message)
        if instance.state == "pending" and not instance.has_run:
            message = f"Instance '{instance.id}' cannot be stopped as it has never reached the 'running' state."
            raise AwsError("IncorrectInstanceState", message)
        if instance.state == "pending":
            # the life cycle in the EC2 user guide has no way from pending to stopping
            message = f"The instance '{instance.id}' is not in a state from which it can be stopped."
            raise AwsError("IncorrectInstanceState", message)
        if instance.disable_api_stop:
            message = (
                f"The instance '{instance.id}' may not be stopped. "
                "Modify its 'disableApiStop' instance attribute and try again."
            )
            raise AwsError("OperationNotPermitted", message)
        if instance.lifecycle == "spot":
            message = (
                f"You can't stop the Spot Instance '{instance.id}' because it is associated with a one-time Spot "
                "Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests."
            )
            raise AwsError("UnsupportedOperation", message)
        if request.get("Hibernate"):
            message = f"The following instances are not enabled for hibernation: [{instance.id}]"
            raise AwsError("UnsupportedHibernationConfiguration", message)
    dry_run(request)

    def stop(instance: Instance) -> None:
        if instance.state == "running" or (instance.state == "stopping" and (force or skip_os)):
            instance.stop(force=force, skip_os=skip_os)

    return {"StoppingInstances": _changes(chosen, stop)}


@action("RebootInstances")
def reboot_instances(request: dict[str, Any]) -> dict[str, Any]:
    chosen = _chosen(request)
    for instance in chosen:
        if instance.state != "running":
            message = f"The instance '{instance.id}' is not in a state from which it can be rebooted."
            raise AwsError("IncorrectInstanceState", message)
    dry_run(request)
    for instance in chosen:
        instance.reboot()
    return {}


@action("TerminateInstances")
def terminate_instances(request: dict[str, Any]) -> dict[str, Any]:
    chosen = _chosen(request)
    for instance in chosen:
        if instance.disable_api_termination and instance.state not in ("shutting-down", "terminated"):
            message = (
                f"The instance '{instance.id}' may not be terminated. "
                "Modify its 'disableApiTermination' instance attribute and try again."
            )
            raise AwsError("OperationNotPermitted", message)
    dry_run(request)
    force, skip_os = bool(request.get("Force")), bool(request.get("SkipOsShutdown"))

    def terminate(instance: Instance) -> None:
        if instance.state != "terminated":
            instance.terminate(force=force, skip_os=skip_os)

    return {"TerminatingInstances": _changes(chosen, terminate)}
