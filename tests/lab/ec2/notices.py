"""The EC2 and EBS events of instances and volumes, as EventBridge receives them.

Shapes are those of the EC2 and EBS user guides: `EC2 Instance State-change Notification` and `EBS Volume
Notification`, both from `aws.ec2`. A reboot emits none; attachVolume only a failure.
"""

from __future__ import annotations

from typing import Any

from .. import context
from ..gateway import current_call
from .model import OWNER


def off_lock(fn: Any) -> None:
    """Run `fn` on the timers' thread, after whatever was ordered before it: handlers hold the lab's lock."""
    context.lab.timers.after(0, fn)


def arn(kind: str, resource_id: str) -> str:
    return f"arn:aws:ec2:{context.REGION}:{OWNER}:{kind}/{resource_id}"


def request_id() -> str:
    """The id of the call being served, which EBS repeats in the event that ends what the call began."""
    call = current_call()
    return call.request_id if call else ""


def _send(detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    def emit() -> None:
        from .. import events  # late: events.py needs ministack's event bus, which must not be imported before patches

        events.emit("aws.ec2", detail_type, detail, resources)

    off_lock(emit)


def instance_state(instance_id: str, state: str) -> None:
    detail = {"instance-id": instance_id, "state": state}
    _send("EC2 Instance State-change Notification", detail, [arn("instance", instance_id)])


def volume(volume_id: str, event: str, result: str, *, cause: str = "", request: str = "", instance: str = "") -> None:
    """`event` createVolume | deleteVolume | attachVolume; `result` available | deleted | failed."""
    resources = [arn("volume", volume_id)] + ([arn("instance", instance)] if instance else [])
    detail = {"result": result, "cause": cause, "event": event, "request-id": request}
    _send("EBS Volume Notification", detail, resources)
