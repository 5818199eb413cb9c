"""Make what is deployed: infra/template.yaml and the SSM command documents in one file, and the bootstrap in a zip.

    build.py        writes target/deploy/template.json, and target/lambda/bootstrap.zip from
                    target/lambda/bootstrap/bootstrap, which cargo-lambda builds (`make build`)
    build.py OUT    writes the template only, for the linter, which needs no binary

The lab and a user deploy the same file. `aws cloudformation package` and `sam deploy` resolve its relative paths, which
are relative to target/deploy.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import build_documents
import yaml

HERE = Path(__file__).resolve().parent


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is `{"Ref": x}`, `!GetAtt a.b` `{"Fn::GetAtt": ["a", "b"]}`."""


def _function(loader: Loader, suffix: str, node: yaml.Node) -> dict:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _function)


def build() -> dict:
    template = yaml.load((HERE / "template.yaml").read_text(encoding="utf-8"), Loader)
    documents = build_documents.template()["Resources"]
    twice = template["Resources"].keys() & documents.keys()
    if twice:
        raise SystemExit(f"build.py: resources named twice: {', '.join(sorted(twice))}")
    template["Resources"] |= documents
    return template


def pack(bootstrap: Path, archive: Path) -> None:
    """Zip the bootstrap without its time: the same binary makes the same bytes, so that it stays as it is deployed."""
    entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    side = archive.with_suffix(".tmp")
    with zipfile.ZipFile(side, "w") as out:
        out.writestr(entry, bootstrap.read_bytes())
    side.replace(archive)


def main() -> None:
    target = HERE.parent / "target"
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else target / "deploy" / "template.json"
    if len(sys.argv) == 1:
        bootstrap = target / "lambda" / "bootstrap" / "bootstrap"
        if not bootstrap.is_file():
            raise SystemExit(f"build.py: {bootstrap.relative_to(HERE.parent)} is missing; `make build` builds it")
        pack(bootstrap, target / "lambda" / "bootstrap.zip")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(build(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
