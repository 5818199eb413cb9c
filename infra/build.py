"""Make the template that is deployed: infra/template.yaml and the SSM command documents, in one file.

    build.py [OUT]    writes OUT (default target/deploy/template.json)

The lab and a user deploy the same file. `aws cloudformation package` and `sam deploy` resolve its relative paths, which
are relative to target/deploy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import build_documents
import yaml

HERE = Path(__file__).resolve().parent


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is `{"Ref": x}`, `!GetAtt a.b` is `{"Fn::GetAtt": ["a", "b"]}`."""


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
    template = yaml.load((HERE / "template.yaml").read_text(encoding="utf-8"), Loader)  # noqa: S506 - a SafeLoader
    documents = build_documents.template()["Resources"]
    twice = template["Resources"].keys() & documents.keys()
    if twice:
        raise SystemExit(f"build.py: resources named twice: {', '.join(sorted(twice))}")
    template["Resources"] |= documents
    return template


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "target" / "deploy" / "template.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(build(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
