"""Lies about Run Command and its documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import context, ssm
from ..ssm import agent, documents
from ..ssm.invocations import iso
from ..wire import AwsError
from . import lie

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def _around(action: str, change: Callable[[Answer, dict[str, Any]], dict[str, Any]]) -> None:
    """Have `change(inner, request)` answer an SSM action; `inner(request)` is the true handler."""
    true = ssm._serve

    def serve(name: str, handler: Any, body: bytes) -> Any:
        return true(name, (lambda request: change(handler, request)) if name == action else handler, body)

    ssm._serve = serve


@lie("not-yet-as-invalid-id")
def _not_yet_as_invalid_id() -> None:
    def get(inner: Answer, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return inner(request)
        except AwsError as error:
            if error.code != "InvocationDoesNotExist":
                raise
            raise AwsError("InvalidCommandId", "The specified command ID isn't valid.") from None

    _around("GetCommandInvocation", get)


@lie("output-keeps-end")
def _output_keeps_end() -> None:
    agent.kept = lambda text, limit: text[-limit:]


@lie("times-from-sending")
def _times_from_sending() -> None:
    def get(inner: Answer, request: dict[str, Any]) -> dict[str, Any]:
        answer = inner(request)
        return answer | {"ExecutionStartDateTime": answer["ExecutionStartDateTime"] or iso(context.lab.clock.now())}

    _around("GetCommandInvocation", get)


@lie("ping-lost-at-once")
def _ping_lost_at_once() -> None:
    agent.Agent.ping_status = lambda self: "Online" if self.connected else "ConnectionLost"  # type: ignore[method-assign]


@lie("version-rewritten")
def _version_rewritten() -> None:
    def get(inner: Answer, request: dict[str, Any]) -> dict[str, Any]:
        answer = inner(request)
        return answer | {"Content": documents.get(request["Name"]).version("$LATEST").text}

    _around("GetDocument", get)
