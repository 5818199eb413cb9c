"""Assemble the SSM command documents from their POSIX sh sources in infra/documents.

A source says in its head what it takes:

    # @description One line
    # @guarded                    Run, Epoch, ExpectedBootId, NotAfterUptime, Attempt
    # @param Groups names         a parameter and its type, one of TYPES

and names library parts by `#include lib/base.sh` lines, which are replaced by the file. The deployed text has no
comments (a document may have 64 KiB). Standard library only: a user's `make deploy` runs this.

    build_documents.py OUT_DIR       one <name>.json a document, and template.json: a CloudFormation template with all
    build_documents.py --check DIR   the assembled scripts with their comments, as files for shellcheck
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "documents"
PREFIX = "mirrorsnap-"
LIMIT = 64 * 1024  # characters of a document's content, a quota of SSM
NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
PATH = "/[A-Za-z0-9/_.:+@=,-]{1,254}"

# No type admits a quote, backslash, dollar, backtick, brace or line break, and all are used inside single quotes.
TYPES: dict[str, dict[str, str]] = {
    "run": {"allowedPattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", "description": "Id of the operation"},
    "epoch": {"allowedPattern": "^[1-9][0-9]{0,9}$", "description": "Epoch of the lock; lower ones are refused"},
    "boot": {
        "allowedPattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        "description": "Boot id of the node; refused in any other boot",
    },
    "uptime": {
        "allowedPattern": "^[1-9][0-9]{0,8}$",
        "description": "Uptime of the node, in seconds, after which this is refused",
    },
    "attempt": {
        "allowedPattern": r"^([1-9][0-9]{0,9}\.)?[1-9][0-9]{0,17}$",
        "description": "Number of a repetition, behind the epoch of who repeats",
        "default": "1",
    },
    "name": {"allowedPattern": f"^{NAME}$", "description": "A name in the cluster"},
    "names": {"allowedPattern": f"^{NAME}( {NAME}){{0,31}}$", "description": "Names in the cluster, one space between"},
    "paths": {
        "allowedPattern": f"^({PATH}( {PATH}){{0,63}})?$",
        "description": "Device paths, one space between",
        "default": "",
    },
    "seconds": {"allowedPattern": "^[1-9][0-9]{0,4}$", "description": "Seconds"},
    "part": {"allowedPattern": "^[1-9][0-9]?$", "description": "Number of the part, from 1"},
    "consistency": {
        "allowedPattern": "^(stopped|frozen)$",
        "description": "What makes the active quiet: its groups stop, or its file systems are frozen",
        "default": "stopped",
    },
    "pause": {
        "allowedPattern": "^[1-9][0-9]?$",
        "description": "Seconds for which a file system may be frozen",
        "default": "10",
    },
    "hook": {"allowedPattern": "^[1-9][0-9]{0,2}$", "description": "Seconds that a hook may take", "default": "30"},
    "yesno": {"allowedPattern": "^(yes|no)$", "description": "yes or no"},
}
GUARD = {"Run": "run", "Epoch": "epoch", "ExpectedBootId": "boot", "NotAfterUptime": "uptime", "Attempt": "attempt"}


class SourceError(ValueError):
    """A source that cannot be assembled; the text names the file and the line."""


@dataclass
class Document:
    """One step: its name (without the prefix), description, parameters (name -> type) and assembled text."""

    step: str
    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def name(self) -> str:
        return PREFIX + self.step

    @property
    def logical_id(self) -> str:
        """Its name as a resource of the template."""
        return re.sub("[^A-Za-z]", "", self.step.title()) + "Document"

    def deployed_name(self) -> dict[str, str]:
        """The name that a stack gives it: the stack's own, the step, and a digest of the content.

        Other content is another document, so that version 1 of a name never changes: functions and documents of two
        releases cannot be mixed, whenever CloudFormation replaces which. No stack's name holds a dot.
        """
        digest = hashlib.sha256(json.dumps(self.content(), sort_keys=True).encode()).hexdigest()[:8]
        return {"Fn::Sub": f"${{AWS::StackName}}.{self.step}.{digest}"}

    def script(self) -> str:
        """The text as it is deployed: without comments and blank lines."""
        lines = (line.rstrip() for line in self.text.splitlines())
        return "\n".join(["#!/bin/sh", *(line for line in lines if line and not line.lstrip().startswith("#"))]) + "\n"

    def content(self) -> dict:
        """The SSM document, schema 2.2."""
        content = {
            "schemaVersion": "2.2",
            "description": self.description,
            "parameters": {name: {"type": "String", **TYPES[kind]} for name, kind in self.parameters.items()},
            "mainSteps": [
                {
                    "action": "aws:runShellScript",
                    "name": re.sub("[^A-Za-z]", "", self.step.title()),
                    "precondition": {"StringEquals": ["platformType", "Linux"]},
                    "inputs": {
                        "timeoutSeconds": TIMEOUT.get(self.step, "120"),
                        # One string, not a line each: a tool that indents the template would double its size.
                        "runCommand": [self.script().rstrip("\n")],
                    },
                }
            ],
        }
        size = len(json.dumps(content))
        if size > LIMIT:
            raise SourceError(f"{self.step}: {size} characters are more than the {LIMIT} that SSM takes")
        return content

    def fill(self, values: dict[str, str]) -> str:
        """The script that a node gets for these parameters; ValueError where SSM would refuse them."""
        unknown = set(values) - set(self.parameters)
        if unknown:
            raise ValueError(f"{self.name} has no parameter {', '.join(sorted(unknown))}")
        script = self.script()
        for name, kind in self.parameters.items():
            value = values.get(name, TYPES[kind].get("default"))
            if value is None:
                raise ValueError(f"{self.name} needs {name}")
            if not re.fullmatch(TYPES[kind]["allowedPattern"].removeprefix("^").removesuffix("$"), value):
                raise ValueError(f"{self.name}: {name} {value!r} does not match {TYPES[kind]['allowedPattern']}")
            script = script.replace("{{ " + name + " }}", value)
        return script


# Seconds that a script may take on the node, where groups start or stop within it.
TIMEOUT = {
    "start-group": "1800",
    "stop-group": "1800",
    "start-cluster": "900",
    "fence": "300",
    "quiesce-restore": "3900",  # the longest max_outage_seconds, and what a unit that hangs gets besides
}


def assemble(path: Path) -> Document:
    document = Document(path.stem)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        where = f"{path.name}:{number}"
        if line.startswith("# @description "):
            document.description = line.removeprefix("# @description ")
        elif line.startswith("# @guarded"):
            document.parameters.update(GUARD)
        elif line.startswith("# @param "):
            if len(words) != 4 or words[3] not in TYPES:
                raise SourceError(f"{where}: wanted `# @param Name type`, with a type of {', '.join(TYPES)}")
            document.parameters[words[2]] = words[3]
    if not document.description:
        raise SourceError(f"{path.name}: no `# @description`")
    document.text = expand(path)
    used = set(re.findall(r"\{\{ (\w+) \}\}", document.text))
    if used != set(document.parameters):
        raise SourceError(f"{path.name}: parameters declared and used differ: {used ^ set(document.parameters)}")
    return document


def expand(path: Path) -> str:
    """The file with its `#include` lines replaced, recursively."""
    out = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("#include "):
            part = SOURCES / line.removeprefix("#include ")
            if not part.is_file():
                raise SourceError(f"{path.name}:{number}: there is no {part.name} to include")
            out.append(expand(part).rstrip("\n"))
        else:
            out.append(line)
    return "\n".join(out) + "\n"


def documents() -> dict[str, Document]:
    """Every document, by step."""
    return {path.stem: assemble(path) for path in sorted(SOURCES.glob("*.sh")) if path.name not in PARTS}


# A library part may hold more than a document uses, and the linter cannot know.
HEAD = "#!/bin/sh\n# shellcheck disable=SC2034,SC2329\n"


def scripts() -> dict[str, str]:
    """Everything that a node runs, with its comments, for the linter: the documents, and what they write to files."""
    out = {step: HEAD + document.text for step, document in documents().items()}
    for step, text in list(out.items()):
        for mark, unit in re.findall(r"<<'(MIRRORSNAP_\w+)'[^\n]*\n(.*?\n)(?=MIRRORSNAP_)", text, re.S):
            out[f"{step}-{mark.removeprefix('MIRRORSNAP_').lower()}"] = HEAD + unit
    return out


PARTS = {"section.sh"}  # included by documents, no document of its own


def template() -> dict:
    """A CloudFormation template with all documents, for a nested stack or to be merged into one."""
    resources = {}
    for document in documents().values():
        resources[document.logical_id] = {
            "Type": "AWS::SSM::Document",
            "Properties": {
                "Name": document.deployed_name(),
                "DocumentType": "Command",
                "DocumentFormat": "JSON",
                "TargetType": "/AWS::EC2::Instance",
                "UpdateMethod": "Replace",
                "Content": document.content(),
            },
        }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "mirrorsnap: the command documents for the cluster nodes",
        "Resources": resources,
    }


def main(argv: list[str]) -> int:
    if len(argv) == 2 and argv[0] == "--check":
        out = Path(argv[1])
        out.mkdir(parents=True, exist_ok=True)
        for name, text in scripts().items():
            (out / f"{name}.sh").write_text(text)
        return 0
    if len(argv) == 1 and not argv[0].startswith("-"):
        out = Path(argv[0])
        out.mkdir(parents=True, exist_ok=True)
        for document in documents().values():
            (out / f"{document.name}.json").write_text(json.dumps(document.content(), indent=1) + "\n")
        (out / "template.json").write_text(json.dumps(template(), indent=1) + "\n")
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SourceError as error:
        sys.exit(f"build_documents: {error}")
