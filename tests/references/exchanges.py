"""The API calls that passed a lab's gateway against botocore's shapes: each request, each answer, each error's code."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel

from . import shapes, wire
from .wire import Unreadable

Exchange = dict[str, Any]
# The gateway's names, which are IAM's, where botocore has others.
SERVICES = {
    "states": "stepfunctions",
    "servicequotas": "service-quotas",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
}
# Errors that every operation of a service of JSON can end with: "Common Errors" of each API reference.
COMMON = frozenset(
    {
        *("AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "InternalFailure"),
        *("InternalServerError", "MalformedHttpRequestException", "NotAuthorized", "OptInRequired"),
        *("RequestAbortedException", "RequestExpired", "RequestTimeoutException", "ServiceUnavailable"),
        *("ThrottlingException", "UnrecognizedClientException", "UnknownOperationException", "ValidationError"),
        *("ValidationException", "MissingAuthenticationToken", "InvalidClientTokenId", "SerializationException"),
        *("AccessDenied", "Throttling", "SignatureDoesNotMatch", "InvalidAction", "MalformedQueryString"),
        *("InvalidSignatureException", "MissingAuthenticationTokenException", "IncompleteSignatureException"),
    }
)
NO_CODES = frozenset({"ec2"})  # its model lists no errors


@functools.cache
def _loader() -> Any:
    return botocore.session.get_session().get_component("data_loader")


@functools.cache
def service(name: str) -> ServiceModel | None:
    name = SERVICES.get(name, name)
    if name not in _loader().list_available_services("service-2"):
        return None
    return ServiceModel(_loader().load_service_model(name, "service-2"), name)


@functools.cache
def _named(call: str) -> OperationModel | None:
    name, _, action = call.partition(":")
    model = service(name)
    return model.operation_model(action) if model and action in model.operation_names else None


def operation(exchange: Exchange) -> OperationModel | None:
    """The operation of an exchange. IAM has other names for some: where there is a path, that says which it is."""
    model = service(exchange["call"].partition(":")[0])
    if model is None or not model.protocol.startswith("rest"):
        return _named(exchange["call"])
    return _by_path(model.service_name, exchange["method"], exchange["path"])


@functools.cache
def _by_path(name: str, method: str, path: str) -> OperationModel | None:
    model = service(name)
    assert model
    found = [model.operation_model(each) for each in model.operation_names]
    found = [
        of for of in found if of.http["method"] == method and wire.of_path(of.http["requestUri"], path) is not None
    ]
    return min(found, key=lambda of: of.http["requestUri"].count("{"), default=None)


def protocol(exchange: Exchange, model: ServiceModel) -> str:
    """How it was sent: a service may know more than one."""
    headers = exchange["headers"]
    if "x-amz-target" in headers:
        return "json"
    if "form-urlencoded" in headers.get("content-type", "") or "Action" in exchange["query"]:
        return "ec2" if model.service_name == "ec2" else "query"
    return model.protocol


# ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _form_sent(exchange: Exchange, of: OperationModel, ec2: bool) -> Iterator[str]:
    values = wire.form(exchange["request"]) or {key: each[0] for key, each in exchange["query"].items()}
    values.pop("Action", None)
    if (version := values.pop("Version", None)) != of.service_model.api_version:
        yield f"the version is {version}, not {of.service_model.api_version}"
    form = wire.Form(values, ec2)
    if of.input_shape:
        yield from shapes.wrong(of.input_shape, form.take(of.input_shape, ""))
    for left in sorted(form.left):
        yield f".: the member {left} is not known"


def _rest_sent(exchange: Exchange, of: OperationModel) -> Iterator[str]:
    labels = wire.of_path(of.http["requestUri"], exchange["path"])
    assert labels is not None
    members = of.input_shape.members if of.input_shape else {}
    by_query = {
        m.serialization["name"]: n for n, m in members.items() if m.serialization.get("location") == "querystring"
    }
    for key in exchange["query"].keys() - by_query.keys():
        yield f".: the query's {key} is not known"
    for name, value in labels.items():
        member = next((m for n, m in members.items() if m.serialization.get("name", n) == name), None)
        if member is not None:
            yield from shapes.wrong(member, shapes.Xml(value), f".{name}")
    if of.input_shape is None or not exchange["request"]:
        return
    payload = of.input_shape.serialization.get("payload")
    if payload is None:
        yield from shapes.wrong(of.input_shape, wire.of_json(exchange["request"]))
    elif members[payload].type_name == "structure":
        yield from shapes.wrong(members[payload], wire.of_json(exchange["request"]), f".{payload}")


def sent(exchange: Exchange, of: OperationModel) -> Iterator[str]:
    how = protocol(exchange, of.service_model)
    if how in ("ec2", "query"):
        yield from _form_sent(exchange, of, how == "ec2")
    elif how == "json":
        if of.input_shape:
            yield from shapes.wrong(of.input_shape, wire.of_json(exchange["request"]))
    else:
        yield from _rest_sent(exchange, of)


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _xml_answered(exchange: Exchange, of: OperationModel, ec2: bool) -> Iterator[str]:
    root = wire.xml(exchange["answer"])
    if wire._tag(root) != f"{of.name}Response":
        yield f"the answer is a {wire._tag(root)}, not a {of.name}Response"
    namespace = (
        of.service_model.metadata.get("xmlNamespace") or f"http://ec2.amazonaws.com/doc/{of.service_model.api_version}"
    )
    if f"{{{namespace.rstrip('/')}" != root.tag.rpartition("}")[0].rstrip("/"):
        yield f"the answer's namespace is {root.tag.rpartition('}')[0][1:]}, not {namespace}"
    about = "requestId" if ec2 else "ResponseMetadata"
    if about not in [wire._tag(child) for child in root]:
        yield f".: {about} is missing"
    for child in list(root):
        if wire._tag(child) == about:
            root.remove(child)
    if of.output_shape is None:
        for child in root:
            if not (ec2 and wire._tag(child) == "return"):
                yield f".: the member {wire._tag(child)} is not known"
        return
    wrapper = of.output_shape.serialization.get("resultWrapper")
    if wrapper:
        found = [child for child in root if wire._tag(child) == wrapper]
        if len(found) != 1 or len(root) != 1:
            yield f".: {wrapper} is missing, or not alone"
            return
        root = found[0]
    yield from shapes.wrong(of.output_shape, wire.of_xml(of.output_shape, [root]))


def _json_answered(exchange: Exchange, of: OperationModel) -> Iterator[str]:
    shape = of.output_shape
    if shape is None:
        if exchange["answer"] not in ("", "{}"):
            yield f"the answer {exchange['answer'][:60]!r} should be empty"
        return
    payload = shape.serialization.get("payload")
    if payload is None:
        yield from shapes.wrong(shape, wire.of_json(exchange["answer"]))
    elif shape.members[payload].type_name == "structure":
        yield from shapes.wrong(shape.members[payload], wire.of_json(exchange["answer"]), f".{payload}")
    headers = {key.lower() for key in exchange["answer_headers"]}
    for name, member in shape.members.items():
        needed = member.serialization.get("location") == "header" and name in shape.required_members
        if needed and member.serialization["name"].lower() not in headers:
            yield f".: the header {member.serialization['name']} is missing"


def _error(exchange: Exchange, of: OperationModel) -> Iterator[str]:
    how = protocol(exchange, of.service_model)
    body: dict[str, Any] = {}
    if how in ("ec2", "query"):
        root = wire.xml(exchange["answer"])
        found = next(root.iter("Code"), None) if how == "ec2" else None
        found = found if found is not None else next((each for each in root.iter() if wire._tag(each) == "Code"), None)
        code = (found.text or "") if found is not None else ""
    else:
        body = wire.of_json(exchange["answer"])
        headers = {key.lower(): value for key, value in exchange["answer_headers"].items()}
        code = str(body.get("__type") or headers.get("x-amzn-errortype") or body.get("code") or "")
    code = code.rsplit("#", 1)[-1].split(":")[0]
    if not code:
        yield f"the answer {exchange['status']} names no error"
    elif of.service_model.service_name not in NO_CODES and not exchange["injected"]:
        known = {shape.error_code or shape.name: shape for shape in of.error_shapes}
        known |= {shape.name: shape for shape in of.error_shapes}
        if code not in known.keys() | COMMON:
            yield f"{code} is no error of it: {', '.join(sorted(known))}"
        elif code in known and how not in ("ec2", "query"):
            rest = {key: value for key, value in body.items() if key.lower() not in ("__type", "message", "code")}
            names = shapes.wire_names(known[code])
            yield from (f"{code}: the member {each} is not known" for each in rest.keys() - names.keys())


def answered(exchange: Exchange, of: OperationModel) -> Iterator[str]:
    how = protocol(exchange, of.service_model)
    if exchange["status"] >= 300:
        yield from _error(exchange, of)
    elif how in ("ec2", "query"):
        yield from _xml_answered(exchange, of, how == "ec2")
    else:
        yield from _json_answered(exchange, of)


def judged(exchange: Exchange) -> bool:
    """Whether there is a shape for it, of a protocol that is read here."""
    of = operation(exchange)
    return of is not None and protocol(exchange, of.service_model) in ("ec2", "query", "json", "rest-json")


def problems(exchange: Exchange) -> list[str]:
    """What is wrong with a call that has a shape; each names the call, and whether it was sent or answered."""
    of = operation(exchange)
    assert of
    out = []
    refused = exchange["status"] >= 400  # what is wrong with a request that was refused is why
    for word, find in (("sent", sent), ("answered", answered)):
        if word == "sent" and refused:
            continue
        try:
            out += [f"{exchange['call']} {word} {text}" for text in find(exchange, of)]
        except Unreadable as error:
            out.append(f"{exchange['call']} {word} {error}")
    return list(dict.fromkeys(out))
