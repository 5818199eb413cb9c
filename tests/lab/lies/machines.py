"""Lies about instances."""

from __future__ import annotations

from typing import Any

from ..ec2 import encryption, instances
from ..ec2.instances import Instance
from ..ec2.model import store
from ..wire import AwsError, Handler
from . import around, lie


@lie("own-shutdown-as-user")
def _own_shutdown_as_user() -> None:
    instances.GUEST_SHUTDOWN = instances.USER_SHUTDOWN


@lie("launch-time-at-reboot")
def _launch_time_at_reboot() -> None:
    from .. import context

    true = Instance.reboot

    def reboot(self: Instance) -> None:
        self.launch_time = context.lab.clock.now()
        true(self)

    Instance.reboot = reboot  # type: ignore[method-assign]


@lie("launch-time-kept")
def _launch_time_kept() -> None:
    true = Instance.start

    def start(self: Instance, falls_back: str | None = None) -> None:
        before = self.launch_time
        true(self, falls_back)
        if self.has_run:
            self.launch_time = before
            self.touch()

    Instance.start = start  # type: ignore[method-assign]


@lie("start-refused-without-key")
def _start_refused_without_key() -> None:
    def start(inner: Handler, request: dict[str, Any]) -> dict[str, Any] | None:
        found = [store.instances.get(each) for each in request.get("InstanceIds") or []]
        if any(each and encryption.denied_volume(each) for each in found):
            raise AwsError("UnauthorizedOperation", "You are not authorized to perform kms:CreateGrant.", 403)
        return inner(request)

    around("StartInstances", start)


@lie("start-names-server-error")
def _start_names_server_error() -> None:
    true = Instance.start

    def start(self: Instance, falls_back: str | None = None) -> None:
        true(self, "Server.InternalError" if falls_back == "Client.InternalError" else falls_back)

    Instance.start = start  # type: ignore[method-assign]
