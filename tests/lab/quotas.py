"""Service Quotas: what EBS may have in this account, as the two calls tell it and as EC2 keeps it.

ministack has no such service: it is added to its router, its handlers and its IAM namespaces. Codes, names and values
are those that an account begins with; a test changes a value by the operation `quota`.
"""

from __future__ import annotations

import json
from typing import Any

from . import context
from .control import op
from .wire import AwsError, Response, json_error, json_response

SERVICE, NAME = "ebs", "Amazon Elastic Block Store (Amazon EBS)"
FAST_RESTORES = "L-631ECBD3"
# Its real code is not known here; the product looks it up by its name.
COPIES = "L-COPIES00"
STORAGE = {
    "gp2": "L-D18FCD1D",
    "gp3": "L-7A658B76",
    "io1": "L-FD252861",
    "io2": "L-09BD8365",
    "st1": "L-82ACEF56",
    "sc1": "L-17AF77E8",
    "standard": "L-9CF3C2EB",
}
_NOUNS = {
    "gp2": "General Purpose SSD (gp2)",
    "gp3": "General Purpose SSD (gp3)",
    "io1": "Provisioned IOPS SSD (io1)",
    "io2": "Provisioned IOPS SSD (io2)",
    "st1": "Throughput Optimized HDD (st1)",
    "sc1": "Cold HDD (sc1)",
    "standard": "Magnetic (standard)",
}
_names = {
    FAST_RESTORES: "Fast snapshot restore",
    COPIES: "Concurrent snapshot copies per destination Region",
} | {code: f"Storage for {_NOUNS[kind]} volumes, in TiB" for kind, code in STORAGE.items()}
_values = {FAST_RESTORES: 5.0, COPIES: 20.0} | {code: 20.0 if kind == "io2" else 50.0 for kind, code in STORAGE.items()}


@op("quota")
def quota(code: str, value: float) -> None:
    """Gives the quota another value, as an increase that AWS has granted."""
    if code not in _values:
        raise ValueError(f"unknown quota {code!r}; known: {', '.join(_values)}")
    with context.lab.lock:
        _values[code] = float(value)


def value(code: str) -> float:
    return _values[code]


def check_storage(kind: str, gib: int, used_gib: int) -> None:
    """EC2's refusal of `gib` more of a type's storage, if the account has no room for it."""
    limit = _values[STORAGE[kind]]
    if used_gib + gib > limit * 1024:
        message = (
            f"You have exceeded your maximum {kind} storage limit of {limit:g} TiB in this region. Please contact AWS "
            "Support to request an Elastic Block Store service limit increase."
        )
        raise AwsError("VolumeLimitExceeded", message)


def _render(code: str) -> dict[str, Any]:
    return {
        "ServiceCode": SERVICE,
        "ServiceName": NAME,
        "QuotaArn": f"arn:aws:servicequotas:{context.REGION}:{context.ACCOUNT}:{SERVICE}/{code}",
        "QuotaCode": code,
        "QuotaName": _names[code],
        "Value": _values[code],
        "Unit": "None",
        "Adjustable": code != COPIES,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


def _service(request: dict[str, Any]) -> None:
    if not request.get("ServiceCode"):
        raise AwsError("IllegalArgumentException", "The request must contain the parameter ServiceCode.")
    if request["ServiceCode"] != SERVICE:
        raise AwsError("NoSuchResourceException", "The request failed because the specified service does not exist.")


def list_service_quotas(request: dict[str, Any]) -> dict[str, Any]:
    _service(request)
    codes = sorted(code for code in _values if request.get("QuotaCode") in (None, code))
    size, token = request.get("MaxResults", 100), request.get("NextToken", "0")
    if not 1 <= size <= 100:
        raise AwsError("IllegalArgumentException", "MaxResults must be between 1 and 100.")
    if not token.isdecimal() or (token != "0" and int(token) >= len(codes)):
        raise AwsError("InvalidPaginationTokenException", "Invalid input was provided.")
    end = int(token) + size
    more = {"NextToken": str(end)} if end < len(codes) else {}
    return {"Quotas": [_render(code) for code in codes[int(token) : end]], **more}


def get_service_quota(request: dict[str, Any]) -> dict[str, Any]:
    _service(request)
    if request.get("QuotaCode") not in _values:
        raise AwsError("NoSuchResourceException", "The request failed because the specified quota does not exist.")
    return {"Quota": _render(request["QuotaCode"])}


CALLS = {"ListServiceQuotas": list_service_quotas, "GetServiceQuota": get_service_quota}


async def _handle(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Response:
    handler = CALLS.get(headers.get("x-amz-target", "").rsplit(".", 1)[-1])
    try:
        if handler is None:
            raise AwsError("UnknownOperationException", "The lab has only ListServiceQuotas and GetServiceQuota.")
        with context.lab.lock:
            return json_response(handler(json.loads(body or b"{}")))
    except AwsError as error:
        return json_error(error)


def install() -> None:
    import ministack.app as app
    import ministack.core.iam_actions as iam_actions
    import ministack.core.router as router

    from .patches.pins import PinError

    for where, new in (
        (router.SERVICE_PATTERNS, {"target_prefixes": ["ServiceQuotasV20190624"]}),
        (app.SERVICE_HANDLERS, _handle),
        (iam_actions.SERVICE_TO_IAM_NAMESPACE, "servicequotas"),
    ):
        if "servicequotas" in where:
            raise PinError("ministack has a servicequotas of its own by now: this one hides it")
        where["servicequotas"] = new
