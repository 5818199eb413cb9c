"""AWS's wire formats, from botocore's own API models: requests become typed dicts, dicts become responses.

moto's model-driven parser and serializer do the work, so that every member name, list wrapper, timestamp format and
error envelope is what the SDKs were generated from.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from moto.core.loaders import Loader
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import EC2QueryParser
from moto.core.serialize import SerializationContext, get_serializer_class

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], dict[str, Any] | None]


REQUEST_ID = b"00000000-request-id-of-the-lab-00000000"  # stands for it in a response that is kept
KEPT = 64
_written: dict[str, Response] = {}  # by action and result: the responses of EC2


class AwsError(Exception):
    """An error that AWS documents: `code` and `message` reach the caller as they stand."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@functools.cache
def service_model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def operation(service: str, action: str) -> OperationModel:
    return service_model(service).operation_model(action)


def ec2_request(action: str, params: dict[str, list[str]]) -> dict[str, Any]:
    """The request of an EC2 call as botocore names it, e.g. `{"VolumeIds": ["vol-…"], "DryRun": True}`."""
    flat = {k: v[0] if isinstance(v, list) else v for k, v in params.items()}
    try:
        return EC2QueryParser(operation("ec2", action)).parse({"values": flat})
    except (ValueError, TypeError) as error:
        raise AwsError("InvalidParameterValue", f"A parameter of {action} cannot be read: {error}") from error


def ec2_response(action: str, result: dict[str, Any] | None, request_id: str) -> Response:
    """The serializer takes milliseconds for a describe, which is asked again and again until something has changed."""
    known = f"{action} {result!r}"
    if (written := _written.get(known)) is None:
        if len(_written) >= KEPT:
            _written.clear()
        written = _written[known] = _ec2_response(action, result)
    status, headers, body = written
    return status, dict(headers), body.replace(REQUEST_ID, request_id.encode())


def _ec2_response(action: str, result: dict[str, Any] | None) -> Response:
    context = SerializationContext(request_id=REQUEST_ID.decode())
    answer = get_serializer_class("ec2", "ec2")(operation("ec2", action), context).serialize(result or {})
    body = answer["body"]
    return answer["status_code"], dict(answer["headers"]), body.encode() if isinstance(body, str) else body


def ec2_error(error: AwsError, request_id: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
        f"</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    )
    return error.status, {"Content-Type": "text/xml;charset=UTF-8"}, body.encode()


def json_response(result: dict[str, Any] | None) -> Response:
    """AWS JSON 1.1; datetimes are epoch seconds, as SSM sends them."""

    def default(value: Any) -> Any:
        if hasattr(value, "timestamp"):
            return round(value.timestamp(), 3)
        raise TypeError(f"{type(value).__name__} cannot be sent as JSON")

    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(result or {}, default=default).encode()


def json_error(error: AwsError) -> Response:
    body = json.dumps({"__type": error.code, "message": error.message})
    return error.status, {"Content-Type": "application/x-amz-json-1.1"}, body.encode()


def error_for(service: str, error: AwsError, request_id: str) -> Response:
    """`error` in the protocol of `service`: XML for the query services, JSON for the others."""
    if service == "ec2":
        return ec2_error(error, request_id)
    if service in ("iam", "sts", "sns", "cloudformation", "autoscaling", "monitoring"):
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return error.status, {"Content-Type": "text/xml"}, body.encode()
    return json_error(error)
