"""Systems Manager: Command documents, Run Command and its agents. Parameter Store stays ministack's."""

from __future__ import annotations

import json
from typing import Any


def install() -> None:
    """Put the lab's calls before ministack's, and an agent into every managed machine."""
    import ministack.services.ssm as ssm

    from ..patches.pins import replace
    from . import controls, document_calls, documents, listings

    documents.install()
    controls.install()
    calls = {**document_calls.CALLS, **listings.CALLS}

    async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Any:
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        handler = calls.get(action)
        if handler is None and action in document_calls.TAG_CALLS and _of_document(body):
            handler = document_calls.TAG_CALLS[action]
        if handler is None:
            return await original(method, path, headers, body, query_params)
        return _serve(action, handler, body)

    original = replace(ssm, "handle_request", handle_request)


def _of_document(body: bytes) -> bool:
    try:
        return json.loads(body or b"{}").get("ResourceType") == "Document"
    except (ValueError, AttributeError):
        return False


def _serve(action: str, handler: Any, body: bytes) -> Any:
    from .. import context
    from ..wire import AwsError, json_error, json_response
    from . import validation

    try:
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            raise AwsError("SerializationException", "The request is not JSON.") from None
        if not isinstance(request, dict):
            raise AwsError("SerializationException", "The request is not a JSON object.")
        validation.check(action, request)
        with context.lab.lock:
            return json_response(handler(request))
    except AwsError as error:
        return json_error(error)
