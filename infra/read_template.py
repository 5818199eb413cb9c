"""infra/template.yaml as plain JSON, and what others have to know of it: the functions and how long each may run."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parent / "template.yaml"


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


def read() -> dict[str, Any]:
    return yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader)


@functools.cache
def function_seconds() -> dict[str, int]:
    """How long each of our functions may run, by its name: `assess`, `run-node-step`, …"""
    template = read()
    usual = template["Globals"]["Function"]["Timeout"]
    return {
        resource["Properties"]["Handler"]: resource["Properties"].get("Timeout", usual)
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
