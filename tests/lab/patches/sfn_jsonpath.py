"""JSONPath: a definite path selects one value, an indefinite one a list, as Step Functions has it.

moto wraps `$.X[0].Y` in a list.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from jsonpath_ng.ext import parse
from moto.stepfunctions.parser.asl.utils import json_path

from .pins import replace_everywhere

# a wildcard, a descent, a filter, a slice, or a union
_INDEFINITE = re.compile(r"\[\*\]|\.\*|\.\.|\[\?|\[-?\d*:-?\d*|\[[^\]'\"]*,[^\]]*\]")
_parse = functools.lru_cache(maxsize=4096)(parse)


def extract_json(path: str, data: Any) -> Any:
    matches = _parse(path).find(data)
    if _INDEFINITE.search(path):
        return [match.value for match in matches]
    if not matches:
        raise json_path.NoSuchJsonPathError(json_path=path, data=data)
    return matches[0].value


def install() -> None:
    replace_everywhere("moto.stepfunctions", "extract_json", extract_json, json_path.extract_json)
