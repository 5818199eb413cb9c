"""lambda-glibc: what a function on provided.al2023 finds of its libraries."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from botocore.exceptions import ClientError

from ..scratch import TAG, Scratch
from ..verdict import Probe, Verdict, holds

# A bootstrap without anything of ours: it answers one invocation with what the dynamic loader says.
BOOTSTRAP = """#!/bin/sh
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  HEADERS=$(mktemp)
  curl -sS -D "$HEADERS" -o /dev/null "$API/next"
  ID=$(grep -i lambda-runtime-aws-request-id "$HEADERS" | tr -d '\\r' | cut -d' ' -f2)
  GLIBC=$(ls /lib64/libc.so.6 > /dev/null 2>&1 && /lib64/libc.so.6 | head -n 1 | tr -d '"')
  GCC=$(ls /lib64/libgcc_s.so.1 2> /dev/null)
  curl -sS -X POST "$API/$ID/response" -d "{\\"glibc\\": \\"$GLIBC\\", \\"libgcc\\": \\"$GCC\\"}"
done
"""


def package() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        file.writestr(entry, BOOTSTRAP)
    return out.getvalue()


def ask(scratch: Scratch) -> dict[str, str]:
    functions = scratch.of("lambda")
    role = scratch.role("function", {"Service": "lambda.amazonaws.com"}, ["logs:CreateLogStream"])

    def create() -> Any:
        try:
            return functions.create_function(
                FunctionName=scratch.name,
                Runtime="provided.al2023",
                Handler="bootstrap",
                Role=role,
                Timeout=10,
                Code={"ZipFile": package()},
                Tags={TAG: scratch.run},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidParameterValueException":
                raise
            return None  # the role is not known everywhere yet

    scratch.waiting.until(create, "the function's role", 60)
    active = lambda: functions.get_function(FunctionName=scratch.name)["Configuration"]["State"] == "Active"  # noqa: E731
    scratch.waiting.until(active, "the function", 120)
    return json.loads(functions.invoke(FunctionName=scratch.name)["Payload"].read())


def judge(seen: dict[str, str]) -> Verdict:
    wrong = []
    if "2.34" not in seen["glibc"]:
        wrong.append(f"glibc is {seen['glibc']!r}.")
    if not seen["libgcc"]:
        wrong.append("There is no libgcc.")
    return holds(seen, wrong)


PROBE = Probe(
    "lambda-glibc",
    ask,
    judge,
    minutes=0.5,
    not_in_the_lab="The lab's functions are processes of its host, with the host's glibc.",
)
