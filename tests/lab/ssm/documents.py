"""The document store: names, versions, the default version, tags. The calls are in document_calls.py.

`create`, `update` and `delete` are what CloudFormation uses; they raise AwsError as the API does, and are called with
the lab's lock held.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from .. import context
from ..wire import AwsError
from . import content as _content
from .content import Content

SHELL = {
    "schemaVersion": "2.2",
    "description": "Run a shell script or specify the commands to run.",
    "parameters": {
        "commands": {"type": "StringList", "minItems": 1, "displayType": "textarea"},
        "workingDirectory": {"type": "String", "default": "", "maxChars": 4096},
        "executionTimeout": {
            "type": "String",
            "default": "3600",
            "allowedPattern": r"^([1-9][0-9]{0,4}|1[0-6][0-9]{4}|17[0-1][0-9]{3}|172[0-7][0-9]{2}|172800)$",
        },
    },
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": "runShellScript",
            "inputs": {
                "runCommand": "{{ commands }}",
                "workingDirectory": "{{ workingDirectory }}",
                "timeoutSeconds": "{{ executionTimeout }}",
            },
        }
    ],
}  # fmt: skip
MAX_VERSIONS = 1000


@dataclass
class Version:
    number: str
    text: str
    format: str  # JSON or YAML
    content: Content
    created: Any
    version_name: str | None = None

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass
class Document:
    name: str
    type: str
    owner: str
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    default: str = "1"
    target_type: str | None = None
    display_name: str | None = None

    @property
    def arn(self) -> str:
        owner = "" if self.owner == "Amazon" else context.ACCOUNT
        return f"arn:aws:ssm:{context.REGION}:{owner}:document/{self.name}"

    @property
    def latest(self) -> str:
        return str(max(int(n) for n in self.versions))

    def version(self, wanted: str | None = None, name: str | None = None) -> Version:
        """$DEFAULT, $LATEST or a number, or by version name; InvalidDocumentVersion if there is none."""
        number = {None: self.default, "$DEFAULT": self.default, "$LATEST": self.latest}.get(wanted, wanted)
        if name:
            number = next((v.number for v in self.versions.values() if v.version_name == name), "")
        if number not in self.versions:
            raise AwsError("InvalidDocumentVersion", "The document version isn't valid or doesn't exist.")
        return self.versions[number]


store: dict[str, Document] = {}


def get(name: str) -> Document:
    """By name or ARN; InvalidDocument if there is none."""
    document = store.get(name.rsplit("/", 1)[-1])
    if document is None or (name.startswith("arn:") and name != document.arn):
        raise AwsError("InvalidDocument", f"Document with name {name} does not exist.")
    return document


def create(
    name: str,
    content: str,
    format: str = "JSON",
    type: str = "Command",
    tags: dict[str, str] | None = None,
    version_name: str | None = None,
    owner: str = context.ACCOUNT,
) -> Document:
    if not re.fullmatch(r"[a-zA-Z0-9_\-.]{3,128}", name):
        raise AwsError("ValidationException", f"Document name {name!r} must match [a-zA-Z0-9_-.]{{3,128}}")
    # AWS reserves these prefixes for its own documents (CreateDocument, parameter Name).
    if owner != "Amazon" and re.match(r"(?i)(aws|amazon|amzn)", name):
        raise AwsError("ValidationException", f"Document name {name} begins with a reserved prefix.")
    if name in store:
        raise AwsError("DocumentAlreadyExists", f"Document with name {name} already exists.")
    if type != "Command":
        raise AwsError("InvalidDocumentContent", f"The lab knows Command documents, not {type}.")
    parsed = _content.parse(content, format)
    document = Document(name, type, owner, dict(tags or {}))
    document.versions["1"] = Version("1", content, format, parsed, context.lab.clock.now(), version_name)
    store[name] = document
    return document


def update(
    name: str,
    content: str,
    format: str = "JSON",
    version_name: str | None = None,
    make_default: bool = True,
) -> Version:
    """A new version; the default one unless told otherwise (the UpdateDocument call leaves the default alone)."""
    document = get(name)
    parsed = _content.parse(content, format)
    if content == document.version("$LATEST").text:
        message = "The content of the association document matches another document. Change the content and try again."
        raise AwsError("DuplicateDocumentContent", message)
    if version_name and any(v.version_name == version_name for v in document.versions.values()):
        raise AwsError("DuplicateDocumentVersionName", "The version name has already been used in this document.")
    if len(document.versions) >= MAX_VERSIONS:
        raise AwsError("DocumentVersionLimitExceeded", "The document has too many versions.")
    number = str(int(document.latest) + 1)
    version = Version(number, content, format, parsed, context.lab.clock.now(), version_name)
    document.versions[number] = version
    if make_default:
        document.default = number
    return version


def delete(name: str) -> None:
    if get(name).owner == "Amazon":
        raise AwsError("InvalidDocumentOperation", "A document of Amazon's cannot be deleted.")
    del store[name.rsplit("/", 1)[-1]]


def install() -> None:
    create("AWS-RunShellScript", json.dumps(SHELL, indent=2), owner="Amazon")
