"""The calls on documents: CreateDocument … DeleteDocument, and tags of documents."""

from __future__ import annotations

import json
from typing import Any

import yaml

from .. import context
from ..wire import AwsError
from . import documents
from .documents import Document, Version

Request = dict[str, Any]


def _description(document: Document, version: Version) -> Request:
    parameters = [
        {
            "Name": name,
            # The API tells two types apart: whatever is no list is a String to it.
            "Type": "StringList" if declared["type"] in ("StringList", "MapList") else "String",
            "Description": declared.get("description", ""),
            **({"DefaultValue": _plain(declared["default"])} if "default" in declared else {}),
        }
        for name, declared in version.content.parameters.items()
    ]
    return {
        "Hash": version.hash,
        "HashType": "Sha256",
        "Name": document.name,
        "Owner": document.owner,
        "CreatedDate": version.created,
        "Status": "Active",
        "DocumentVersion": version.number,
        "Description": version.content.description,
        "Parameters": parameters,
        "PlatformTypes": ["Linux", "MacOS"],
        "DocumentType": document.type,
        "SchemaVersion": version.content.schema,
        "LatestVersion": document.latest,
        "DefaultVersion": document.default,
        "DocumentFormat": version.format,
        "Tags": _tags(document),
        **({"VersionName": version.version_name} if version.version_name else {}),
        **({"TargetType": document.target_type} if document.target_type else {}),
        **({"DisplayName": document.display_name} if document.display_name else {}),
    }


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _tags(document: Document) -> list[dict[str, str]]:
    return [{"Key": k, "Value": v} for k, v in document.tags.items()]


def create_document(request: Request) -> Request:
    document = documents.create(
        request["Name"],
        request["Content"],
        request.get("DocumentFormat", "JSON"),
        request.get("DocumentType", "Command"),
        {t["Key"]: t["Value"] for t in request.get("Tags") or []},
        request.get("VersionName"),
    )
    document.target_type, document.display_name = request.get("TargetType"), request.get("DisplayName")
    return {"DocumentDescription": {**_description(document, document.version()), "Status": "Creating"}}


def update_document(request: Request) -> Request:
    document = documents.get(request["Name"])
    if request.get("DocumentVersion", "$LATEST") not in ("$LATEST", document.latest):
        raise AwsError("InvalidDocumentVersion", "Only the latest version of a document can be updated.")
    version = documents.update(
        request["Name"],
        request["Content"],
        request.get("DocumentFormat", "JSON"),
        request.get("VersionName"),
        make_default=False,
    )
    return {"DocumentDescription": {**_description(document, version), "Status": "Updating"}}


def update_document_default_version(request: Request) -> Request:
    document = documents.get(request["Name"])
    version = document.version(request["DocumentVersion"])
    document.default = version.number
    return {"Description": {"Name": document.name, "DefaultVersion": version.number}}


def describe_document(request: Request) -> Request:
    document = documents.get(request["Name"])
    version = document.version(request.get("DocumentVersion"), request.get("VersionName"))
    return {"Document": _description(document, version)}


def get_document(request: Request) -> Request:
    document = documents.get(request["Name"])
    version = document.version(request.get("DocumentVersion"), request.get("VersionName"))
    wanted = request.get("DocumentFormat", version.format)
    text = version.text
    if wanted != version.format:
        data = json.loads(text) if version.format == "JSON" else yaml.safe_load(text)
        text = json.dumps(data, indent=2) if wanted == "JSON" else yaml.safe_dump(data, sort_keys=False)
    return {
        "Name": document.name,
        "CreatedDate": version.created,
        "DocumentVersion": version.number,
        "Status": "Active",
        "Content": text,
        "DocumentType": document.type,
        "DocumentFormat": wanted,
        **({"VersionName": version.version_name} if version.version_name else {}),
    }


def delete_document(request: Request) -> Request:
    document = documents.get(request["Name"])
    if "DocumentVersion" in request or "VersionName" in request:
        version = document.version(request.get("DocumentVersion"), request.get("VersionName"))
        if version.number == document.default:
            raise AwsError("InvalidDocumentOperation", "The default version of a document cannot be deleted.")
        del document.versions[version.number]
    else:
        documents.delete(document.name)
    return {}


def list_documents(request: Request) -> Request:
    filters = [(f["Key"], f.get("Values") or []) for f in request.get("Filters") or []]
    filters += [(f["key"], [f["value"]]) for f in request.get("DocumentFilterList") or []]
    found = [d for d in sorted(documents.store.values(), key=lambda d: d.name) if _matches(d, filters)]
    rows = []
    for document in found:
        keys = ("Name", "CreatedDate", "Owner", "PlatformTypes", "DocumentVersion", "DocumentType", "SchemaVersion")
        description = _description(document, document.version())
        rows.append({k: description[k] for k in (*keys, "DocumentFormat", "Tags")})
    return page(rows, request, "DocumentIdentifiers", 50)


def _matches(document: Document, filters: list[tuple[str, list[str]]]) -> bool:
    for key, wanted in filters:
        if key.startswith("tag:"):
            have = [document.tags[key[4:]]] if key[4:] in document.tags else []
        elif key == "Owner":
            aliases = {"Self": context.ACCOUNT, "Amazon": "Amazon"}
            wanted, have = [aliases.get(w, w) for w in wanted], [document.owner]
        elif key in ("Name", "SearchKeyword"):
            if not any(document.name.startswith(w) if key == "Name" else w in document.name for w in wanted):
                return False
            continue
        elif key == "DocumentType":
            have = [document.type]
        elif key == "PlatformTypes":
            have = ["Linux", "MacOS"]
        else:
            raise AwsError("InvalidFilterKey", f"The specified key {key} isn't valid.")
        if wanted and not set(wanted) & set(have):
            return False
        if not wanted and not have:
            return False
    return True


def list_document_versions(request: Request) -> Request:
    document = documents.get(request["Name"])
    rows = [
        {
            "Name": document.name,
            "DocumentVersion": v.number,
            "CreatedDate": v.created,
            "IsDefaultVersion": v.number == document.default,
            "DocumentFormat": v.format,
            "Status": "Active",
            **({"VersionName": v.version_name} if v.version_name else {}),
        }
        for v in sorted(document.versions.values(), key=lambda v: -int(v.number))
    ]
    return page(rows, request, "DocumentVersions", 50)


def page(rows: list[Any], request: Request, key: str, size: int) -> Request:
    """`{key: part of rows, "NextToken": …}` by MaxResults and NextToken."""
    token = request.get("NextToken") or "lab-0"
    if not token.startswith("lab-") or not token[4:].isdigit():
        raise AwsError("InvalidNextToken", "The specified token isn't valid.")
    start, count = int(token[4:]), request.get("MaxResults") or size
    out: Request = {key: rows[start : start + count]}
    if start + count < len(rows):
        out["NextToken"] = f"lab-{start + count}"
    return out


def _tagged(request: Request) -> Document:
    try:
        return documents.get(request["ResourceId"])
    except AwsError:
        raise AwsError("InvalidResourceId", "The resource ID isn't valid.") from None


def add_tags(request: Request) -> Request:
    document = _tagged(request)
    document.tags.update({t["Key"]: t["Value"] for t in request["Tags"]})
    return {}


def remove_tags(request: Request) -> Request:
    document = _tagged(request)
    for key in request.get("TagKeys") or []:
        document.tags.pop(key, None)
    return {}


def list_tags(request: Request) -> Request:
    return {"TagList": _tags(_tagged(request))}


CALLS = {
    "CreateDocument": create_document,
    "UpdateDocument": update_document,
    "UpdateDocumentDefaultVersion": update_document_default_version,
    "DescribeDocument": describe_document,
    "GetDocument": get_document,
    "DeleteDocument": delete_document,
    "ListDocuments": list_documents,
    "ListDocumentVersions": list_document_versions,
}
TAG_CALLS = {  # for ResourceType Document only; parameters' tags stay ministack's
    "AddTagsToResource": add_tags,
    "RemoveTagsFromResource": remove_tags,
    "ListTagsForResource": list_tags,
}
