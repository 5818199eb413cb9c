"""How an EC2 call reaches its handler: typed request in, dict or AwsError out.

Handlers are registered with `@action("CreateVolume")` and called with the lab's lock held, so they must not block.
They take the request as botocore names it and return the response as botocore names it. Actions that no module
registers stay ministack's.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from .. import context
from ..gateway import Call, current_call
from ..wire import AwsError, Handler, Response, ec2_error, ec2_request, ec2_response

ACTIONS: dict[str, Handler] = {}


# What the second region has; the rest of EC2 is in the first region alone.
ANYWHERE = frozenset(
    {
        *("DescribeSnapshots", "DescribeSnapshotAttribute", "CopySnapshot", "DeleteSnapshot"),
        *("LockSnapshot", "UnlockSnapshot", "DescribeLockedSnapshots"),
        *("CreateTags", "DeleteTags", "DescribeTags"),
    }
)


def action(name: str) -> Callable[[Handler], Handler]:
    def register(fn: Handler) -> Handler:
        if name in ACTIONS:
            raise ValueError(f"EC2 action {name} is registered twice")
        ACTIONS[name] = fn
        return fn

    return register


def _check_region(call: Call | None, name: str) -> None:
    if call is None or call.region == context.REGION:
        return
    if call.region not in context.REGIONS:
        raise AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    if name not in ANYWHERE:
        raise AwsError("UnsupportedOperation", f"Of {call.region} the lab has snapshots and their tags only.")


def _serve(name: str, params: dict[str, list[str]]) -> Response:
    call = current_call()
    request_id = call.request_id if call else "00000000-0000-0000-0000-000000000000"
    try:
        _check_region(call, name)
        request = ec2_request(name, params)
        with context.lab.lock:
            result = ACTIONS[name](request)
        return ec2_response(name, result, request_id)
    except AwsError as error:
        return ec2_error(error, request_id)


def install() -> None:
    import ministack.services.ec2 as ec2

    # ministack drops parameters with an empty value; DeleteTags tells `Value=` from no value at all
    ec2.parse_qs = functools.partial(parse_qs, keep_blank_values=True)
    for name in ACTIONS:
        ec2._ACTION_MAP[name] = lambda params, name=name: _serve(name, params)


def dry_run(request: dict[str, Any]) -> None:
    """Ends a DryRun call. Handlers call it once their request is well formed and before they change anything."""
    if request.get("DryRun"):
        raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def required(request: dict[str, Any], *names: str) -> None:
    for name in names:
        if request.get(name) in (None, "", []):
            raise AwsError("MissingParameter", f"The request must contain the parameter {name}")


# prefix -> (code of a malformed id, code of an unknown id, noun)
KINDS = {
    "i": ("InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound", "instance ID"),
    "vol": ("InvalidParameterValue", "InvalidVolume.NotFound", "volume"),
    "snap": ("InvalidSnapshotID.Malformed", "InvalidSnapshot.NotFound", "snapshot"),
}
_ID = re.compile(r"^(i|vol|snap)-([0-9a-f]{8}|[0-9a-f]{17})$")


def check_id(value: str, prefix: str) -> str:
    """`value` if it has the form of an id, else AWS's error for a malformed one."""
    match = _ID.match(value or "")
    if match and match.group(1) == prefix:
        return value
    malformed = KINDS[prefix][0]
    if prefix == "i":
        raise AwsError(malformed, f'Invalid id: "{value}"')
    if prefix == "vol":
        raise AwsError(malformed, f"Value ({value}) for parameter volume is invalid. Expected: 'vol-...'.")
    raise AwsError(malformed, f'Invalid id: "{value}" (expecting "snap-...")')


def not_found(value: str, prefix: str) -> AwsError:
    _, code, noun = KINDS[prefix]
    stop = "" if prefix == "i" else "."  # so EC2 writes them
    return AwsError(code, f"The {noun} '{value}' does not exist{stop}")


class Idempotency:
    """ClientToken: the same token with the same parameters repeats the first answer, with others it is refused."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[str, Any]] = {}

    def once(self, name: str, request: dict[str, Any], make: Callable[[], Any]) -> Any:
        """`make()`, or what it returned when this token was first used; a failed call does not use its token up."""
        token = request.get("ClientToken")
        if not token:
            return make()
        if len(token) > 64:
            raise AwsError("InvalidParameterValue", f"ClientToken is longer than 64 characters: {token[:64]}…")
        rest = {k: v for k, v in request.items() if k not in ("ClientToken", "DryRun")}
        digest = hashlib.sha256(json.dumps(rest, sort_keys=True, default=str).encode()).hexdigest()
        known = self._seen.get((name, token))
        if known:
            if known[0] != digest:
                message = "The request uses the same client token as a previous, but non-identical request."
                raise AwsError("IdempotentParameterMismatch", message)
            dry_run(request)
            return known[1]
        result = make()
        self._seen[(name, token)] = (digest, result)
        return result


idempotency = Idempotency()


# Resources of one kind that EC2 describes in one answer. "Unpaginated requests are susceptible to throttling and
# timeouts", says the API reference of each Describe call; more than this, and every one is throttled here.
STORE = {"large": 1000}


def described(
    resources: dict[str, Any],
    ids: list[str] | None,
    prefix: str,
    hidden: Callable[[dict[str, Any]], bool],
    request: dict[str, Any],
) -> list[dict[str, Any]]:
    """What a describe call sees (perhaps as of an earlier time) of the resources, or of those with `ids`.

    Raises the malformed and not-found errors of `KINDS`; `hidden(rendering)` tells what EC2 no longer shows.
    """
    if not ids and request.get("MaxResults") is None and len(resources) > STORE["large"]:
        message = f"Request limit exceeded: {len(resources)} resources are asked for at once; paginate."
        raise AwsError("RequestLimitExceeded", message, 503)
    for each in ids or []:
        check_id(each, prefix)
    seen = {each: resources[each].seen() if each in resources else None for each in dict.fromkeys(ids or resources)}
    found = {each: r for each, r in seen.items() if r is not None and not hidden(r)}
    missing = [each for each in ids or [] if each not in found]
    if len(missing) > 1 and prefix == "i":
        raise AwsError("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(missing)}' do not exist")
    if missing:
        raise not_found(missing[0], prefix)
    return list(found.values())


def matches(filters: Iterable[dict[str, Any]] | None, fields: Callable[[str], list[str] | None]) -> bool:
    """AWS filter semantics: all filters, any value of each, `*` and `?` are wildcards (and `\\` escapes them).

    `fields(name)` gives the resource's values for a filter name, or None for a name that the call does not know.
    """
    for item in filters or []:
        name, wanted = item.get("Name", ""), item.get("Values") or []
        have = fields(name)
        if have is None:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not any(_pattern(w).fullmatch(h) for w in wanted for h in have):
            return False
    return True


def _pattern(text: str) -> re.Pattern[str]:
    out, chars = "", iter(text)
    for c in chars:
        if c == "\\":
            out += re.escape(next(chars, "\\"))
        else:
            out += {"*": ".*", "?": "."}.get(c) or re.escape(c)
    return re.compile(out, re.S)


def tag_fields(tags: dict[str, str], name: str) -> list[str] | None:
    """The filter names that every tagged resource knows: `tag:<key>`, `tag-key`, `tag-value`; None for others."""
    if name.startswith("tag:"):
        value = tags.get(name[4:])
        return [] if value is None else [value]
    if name == "tag-key":
        return list(tags)
    if name == "tag-value":
        return list(tags.values())
    return None


def page(items: list[Any], request: dict[str, Any], key: str) -> dict[str, Any]:
    """`{key: part of items, "NextToken": …}` by MaxResults and NextToken."""
    token, size = request.get("NextToken"), request.get("MaxResults")
    start = 0
    if token:
        if not token.startswith("lab-") or not token[4:].isdigit():
            raise AwsError("InvalidNextToken", "The token provided is not valid.")
        start = int(token[4:])
    if size is None:
        return {key: items[start:]}
    if not 5 <= size <= 1000:
        message = f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000."
        raise AwsError("InvalidParameterValue", message)
    out: dict[str, Any] = {key: items[start : start + size]}
    if start + size < len(items):
        out["NextToken"] = f"lab-{start + size}"
    return out
