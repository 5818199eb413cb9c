"""What an EC2 instance is: its states over time, why it is in them, and the guest that it drives.

Everything here runs with the lab's lock held; the guest is driven from the timers' thread without it, in the order in
which it was ordered to do things. `generation` moves with every order, so that a timer of an earlier one does nothing.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable
from typing import Any

from .. import context
from ..wire import AwsError
from . import notices
from .api import check_id, not_found
from .instance_types import hypervisor
from .machines import Guest, NullMachine
from .model import Attachment, Resource, new_id, store
from .zones import SUBNETS, ZONES

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
# Codes and messages of StateReason are those of the API reference of StateReason.
USER_SHUTDOWN = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
GUEST_SHUTDOWN = ("Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown")
# A start that was accepted and comes to nothing, by the code; the words of the first are those of a key that is denied.
LAUNCH_FAILURES = {
    "Client.InternalError": "Client.InternalError: Client error on launch",
    "Client.VolumeLimitExceeded": "Client.VolumeLimitExceeded: Volume limit exceeded",
    "Server.InsufficientInstanceCapacity": "Server.InsufficientInstanceCapacity: Insufficient capacity to launch",
    "Server.InternalError": "Server.InternalError: Internal error on launch",
}
HARDWARE = ("Server.InternalError", "Server.InternalError: Internal error")
SPOT_TERMINATION = ("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination")
IMAGE = "ami-0c1a2b3c4d5e6f708"  # the image that the lab's own instances were launched from
TERMINATED_VISIBLE = 3600.0  # s that a terminated instance can still be described


def state_of(name: str) -> dict[str, Any]:
    return {"Code": CODES[name], "Name": name}


class Instance(Resource):
    """One instance. `attachments` maps device names to model.Attachment; times are lab time."""

    def __init__(
        self,
        az: str,
        *,
        platform: str = "nitro",
        instance_type: str | None = None,
        tags: dict[str, str] | None = None,
        shutdown_behavior: str = "stop",
        lifecycle: str | None = None,
        image_id: str = IMAGE,
        root_device: str = "/dev/sda1",
    ) -> None:
        lab = context.lab
        self.id = new_id("i")
        self.az = az
        self.instance_type = instance_type or ("t3.medium" if platform == "nitro" else "t2.medium")
        self.tags = dict(tags or {})
        self.shutdown_behavior = shutdown_behavior
        self.lifecycle = lifecycle  # None or "spot" (a one-time request)
        self.image_id = image_id
        self.root_device = root_device
        self.attachments: dict[str, Attachment] = {}
        self.machine: Guest = NullMachine()
        self.state = "pending"
        self.state_reason: tuple[str, str] | None = None  # code, message
        self.transition_reason = ""
        self.launch_time = lab.clock.now()  # of the latest start
        self.started_at = lab.clock.monotonic()
        self.ended_at = 0.0  # when it became `terminated`
        self.has_run = False
        self.generation = 0
        self.disable_api_termination = False
        self.disable_api_stop = False
        self.ebs_optimized = hypervisor(self.instance_type) == "nitro"
        self.source_dest_check = True
        self.ena_support = True
        self.user_data = ""
        self.iam_profile_arn: str | None = None
        self.license_configuration: str | None = None  # the ARN of a licence configuration of License Manager
        self.ssm_managed = False  # whether its guest has an SSM agent that may register
        self.reservation_id = new_id("r")
        self.capacity_reservation_id: str | None = None  # that the running instance uses
        self.spot_request_id = f"sir-{secrets.token_hex(4)}" if lifecycle == "spot" else None
        self.subnet_id = SUBNETS[az]
        self.private_ip = f"172.31.{secrets.randbelow(16) + 16 * list(ZONES).index(az)}.{secrets.randbelow(250) + 4}"

    @property
    def name(self) -> str:
        return self.tags.get("Name", self.id)

    @property
    def platform(self) -> str:
        """xen or nitro, which decides how the guest names its disks."""
        return hypervisor(self.instance_type)

    def state_name(self) -> str:
        return self.state

    def use(self, machine: Guest) -> None:
        """Let the instance drive `machine` from now on. The machine tells the instance when it shuts down."""
        self.machine = machine
        machine.on_halt = self.guest_halted

    # --- transitions -------------------------------------------------------------------------------------------

    def start(self, falls_back: str | None = None) -> None:
        """stopped (or new) → pending → running; the guest boots after that.

        `falls_back`: pending → stopped instead, with this code in StateReason, as EC2 ends a start that it accepted.
        """
        lab = context.lab
        self.launch_time = lab.clock.now()
        self.started_at = lab.clock.monotonic()
        self.transition_reason = ""
        self._enter("pending", ("pending", "pending"))
        then = self._running if falls_back is None else lambda: self._fall_back(falls_back)
        self._later(lab.timing.instance_pending, then)

    def stop(self, *, force: bool = False, skip_os: bool = False) -> None:
        """An API stop: the guest is asked, and its power cut when it has not gone down in time."""
        if self.state != "stopping":
            self._by_user("stopping")
        self._bring_down(force=force, skip_os=skip_os)

    def terminate(self, *, force: bool = False, skip_os: bool = False) -> None:
        was_stopped = self.state == "stopped"
        if self.state != "shutting-down":
            self._by_user("shutting-down")
        if was_stopped:
            self._later(context.lab.timing.guest_halt, self._down)
        else:
            self._bring_down(force=force, skip_os=skip_os)

    def reboot(self) -> None:
        """The state stays `running` and LaunchTime stays; the guest gets a new boot id."""
        notices.off_lock(self.machine.acpi_reboot)

    def guest_halted(self, reboot: bool = False) -> None:
        """The guest went down by itself, or as ordered. A reboot leaves the instance running. Any thread."""
        with context.lab.lock:
            if reboot:
                self._released()
            elif self.state == "running":
                ends = self.shutdown_behavior == "terminate"
                self.transition_reason = ""
                self._enter("shutting-down" if ends else "stopping", GUEST_SHUTDOWN)
                self._later(context.lab.timing.guest_halt, self._down)
            elif self.state in ("stopping", "shutting-down"):
                self._down()

    def power_off(self) -> None:
        """The hardware fails: the power goes at once, and EC2 shows the instance stopped."""
        if self.state in ("pending", "running", "stopping"):
            self.transition_reason = "Server.InternalError"
            self._enter("stopping", HARDWARE)
            self._cut_after(0)

    def interrupt(self) -> None:
        """EC2 takes a Spot instance back: it is terminated, as one-time requests are."""
        if self.state in ("pending", "running"):
            self.transition_reason = "Server.SpotInstanceTermination"
            self._enter("shutting-down", SPOT_TERMINATION)
            self._bring_down(force=False, skip_os=False)

    def _enter(self, state: str, reason: tuple[str, str] | None) -> None:
        self.generation += 1
        self.state, self.state_reason = state, reason
        self.touch()
        notices.instance_state(self.id, state)

    def _by_user(self, state: str) -> None:
        self.transition_reason = f"User initiated ({context.lab.clock.now():%Y-%m-%d %H:%M:%S} GMT)"
        self._enter(state, USER_SHUTDOWN)

    def _later(self, seconds: float, then: Callable[[], None]) -> None:
        generation = self.generation

        def due() -> None:
            with context.lab.lock:
                if self.generation == generation:
                    then()

        context.lab.timers.after(seconds, due)

    def _running(self) -> None:
        self.has_run = True
        for attachment in self.attachments.values():  # a launch's own; AttachVolume's end by their own timers
            if attachment.state == "attaching" and attachment.of_launch:
                attachment.state = "attached"
                store.volumes[attachment.volume_id].touch()
        self._enter("running", None)
        notices.off_lock(self.machine.power_on)

    def _fall_back(self, code: str) -> None:
        self.transition_reason = code
        self._enter("stopped", (code, LAUNCH_FAILURES.get(code, code)))

    def _bring_down(self, *, force: bool, skip_os: bool) -> None:
        timing = context.lab.timing
        if skip_os:
            self._cut_after(0)
            return
        notices.off_lock(self.machine.acpi_shutdown)
        self._cut_after(timing.force_stop if force else timing.forced_stop)

    def _cut_after(self, seconds: float) -> None:
        generation = self.generation

        def cut() -> None:
            if self.generation != generation:
                return
            self.machine.cut_power()  # kills processes: never with the lock held
            with context.lab.lock:
                if self.generation == generation:
                    self._down()

        context.lab.timers.after(seconds, cut)

    def _down(self) -> None:
        from . import attachments

        if self.state == "shutting-down":
            self.ended_at = context.lab.clock.monotonic()
            self._enter("terminated", self.state_reason)
            attachments.terminated(self)
        else:
            self._enter("stopped", self.state_reason)
            self._released()

    def _released(self) -> None:
        """The guest has closed all its devices: what was busy can be detached now."""
        from . import attachments

        attachments.released(self)

    # --- rendering ---------------------------------------------------------------------------------------------

    def render(self) -> dict[str, Any]:
        ended = self.state == "terminated"
        out: dict[str, Any] = {
            "InstanceId": self.id,
            "ImageId": self.image_id,
            "State": state_of(self.state),
            "StateTransitionReason": self.transition_reason,
            "PrivateDnsName": ""
            if ended
            else f"ip-{self.private_ip.replace('.', '-')}.{context.REGION}.compute.internal",
            "PublicDnsName": "",
            "AmiLaunchIndex": 0,
            "ProductCodes": [],
            "InstanceType": self.instance_type,
            "LaunchTime": self.launch_time,
            "Placement": {"AvailabilityZone": self.az, "GroupName": "", "Tenancy": "default"},
            "Monitoring": {"State": "disabled"},
            "Architecture": "x86_64",
            "RootDeviceType": "ebs",
            "RootDeviceName": self.root_device,
            "BlockDeviceMappings": [
                {
                    "DeviceName": a.device,
                    "Ebs": {
                        "VolumeId": a.volume_id,
                        "Status": "detaching" if a.state == "busy" else a.state,
                        "AttachTime": a.attach_time,
                        "DeleteOnTermination": a.delete_on_termination,
                    },
                }
                for a in self.attachments.values()
            ],
            "VirtualizationType": "hvm",
            "Hypervisor": "xen",  # AWS reports xen for both hypervisors
            "EbsOptimized": self.ebs_optimized,
            "EnaSupport": self.ena_support,
            "SecurityGroups": [],
            "NetworkInterfaces": [],
            "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 2},
            "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
            "HibernationOptions": {"Configured": False},
            "EnclaveOptions": {"Enabled": False},
            "PlatformDetails": "Linux/UNIX",
            "UsageOperation": "RunInstances",
            "Tags": self.tag_list(),
        }
        if not ended:
            out |= {"SubnetId": self.subnet_id, "VpcId": "vpc-00000001", "PrivateIpAddress": self.private_ip}
            out["SourceDestCheck"] = self.source_dest_check
        if self.state_reason:
            out["StateReason"] = {"Code": self.state_reason[0], "Message": self.state_reason[1]}
        if self.lifecycle:
            out["InstanceLifecycle"] = self.lifecycle
            out["SpotInstanceRequestId"] = self.spot_request_id
        if self.capacity_reservation_id and self.state == "running":
            out["CapacityReservationId"] = self.capacity_reservation_id
        if self.iam_profile_arn:
            out["IamInstanceProfile"] = {"Arn": self.iam_profile_arn, "Id": "AIPALAB00000000000000"}
        return out


def gone(instance: Instance) -> bool:
    """Whether EC2 no longer knows a terminated instance."""
    return instance.state == "terminated" and context.lab.clock.monotonic() - instance.ended_at > TERMINATED_VISIBLE


def get(instance_id: str) -> Instance:
    """The instance of that id; raises InvalidInstanceID.Malformed or InvalidInstanceID.NotFound."""
    instance = store.instances.get(check_id(instance_id, "i"))
    if instance is None or gone(instance):
        raise not_found(instance_id, "i")
    return instance


def get_all(instance_ids: list[str]) -> list[Instance]:
    """All of them, or the error that AWS gives for those that are unknown."""
    for each in instance_ids:
        check_id(each, "i")
    unknown = [i for i in instance_ids if i not in store.instances or gone(store.instances[i])]
    if len(unknown) > 1:
        raise AwsError("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(unknown)}' do not exist")
    return [get(i) for i in dict.fromkeys(instance_ids)]


def create(name: str, az: str, platform: str = "nitro", **options: Any) -> Instance:
    """An instance of the initial world, `running` from the start, without an API call or an event.

    `options` are Instance's. The caller gives it its volumes and its machine, and switches the machine on.
    """
    instance = Instance(az, platform=platform, tags={"Name": name, **options.pop("tags", {})}, **options)
    # AWS would have launched it before the lab began; the clock's start is the earliest moment that there is.
    instance.launch_time -= datetime.timedelta(hours=1)
    instance.started_at -= 3600
    instance.state, instance.has_run = "running", True
    store.instances[instance.id] = instance
    instance.touch()
    return instance
