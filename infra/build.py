"""Make what is deployed: infra/template.yaml with the documents, the functions' roles, logs and alarms, the state
machines, and the bootstrap in a zip.

    build.py        writes target/deploy/template.json and *.asl.json, and target/lambda/bootstrap.zip from
                    target/lambda/bootstrap/bootstrap, which cargo-lambda builds (`make build`)
    build.py OUT    writes the template to OUT and the state machines beside it, for the linters, which need no binary

The lab and a user deploy the same files. `aws cloudformation package` and `sam deploy` resolve the template's relative
paths, which are relative to target/deploy. Each file is replaced as a whole: another deployment may be reading it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path

import build_documents
import build_statemachines
import catalogue
import check_statemachines
import function_alarms
import function_logs
import function_roles
import read_template
from statemachine_verbs import SourceError

HERE = Path(__file__).resolve().parent


def build() -> dict:
    template = read_template.read()
    ours = template["Resources"]
    function_logs.wait_for_them(ours)
    for added in (
        build_documents.template()["Resources"],
        function_alarms.alarms(ours),
        function_logs.log_groups(ours),
        function_roles.of_functions(ours),
    ):
        if twice := template["Resources"].keys() & added.keys():
            raise SystemExit(f"build.py: resources named twice: {', '.join(sorted(twice))}")
        template["Resources"] |= added
    catalogue.describe(template["Resources"])
    function_roles.bound(template["Resources"])
    # Each function is told the names, so CloudFormation updates it after the documents that it sends are there.
    names = {step: f"${{{document.logical_id}}}" for step, document in build_documents.documents().items()}
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    variables["MIRRORSNAP_DOCUMENTS"] = {"Fn::Sub": json.dumps(names, separators=(",", ":"))}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionSubstitutions"]["Partition"] = {"Ref": "AWS::Partition"}
    return template


def definition(machine: dict) -> bytes:
    """As it is deployed: its service integrations belong to the partition that it runs in."""
    return (json.dumps(machine, indent=1).replace('"arn:aws:states:::', '"arn:${Partition}:states:::') + "\n").encode()


def replace(path: Path, content: bytes) -> None:
    """Write the file beside its place and move it there, under a name that no other build uses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as side:
        side.write(content)
    os.chmod(side.name, 0o644)
    os.replace(side.name, path)


def pack(bootstrap: Path) -> bytes:
    """Zip the bootstrap without its time: the same binary makes the same bytes, so that it stays as it is deployed."""
    entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr(entry, bootstrap.read_bytes())
    return archive.getvalue()


def main() -> None:
    target = HERE.parent / "target"
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else target / "deploy" / "template.json"
    if len(sys.argv) == 1:
        bootstrap = target / "lambda" / "bootstrap" / "bootstrap"
        if not bootstrap.is_file():
            raise SystemExit(f"build.py: {bootstrap.relative_to(HERE.parent)} is missing; `make build` builds it")
        replace(target / "lambda" / "bootstrap.zip", pack(bootstrap))
    machines = build_statemachines.machines()
    if wrong := check_statemachines.found(machines):
        raise SystemExit("\n".join(["build.py: the state machines are wrong", *wrong]))
    for name, machine in machines.items():
        replace(out.parent / f"{name}.asl.json", definition(machine))
    replace(out, (json.dumps(build(), indent=1) + "\n").encode())


if __name__ == "__main__":
    try:
        main()
    except (build_documents.SourceError, catalogue.Lacking, SourceError) as error:
        raise SystemExit(f"build.py: {error}") from None
