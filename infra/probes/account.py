"""Which account and region are asked, and whether somebody should think twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

PRODUCTION = re.compile(r"(?i)(^|[^a-z])(prod|production|live)([^a-z]|$)")
STAGES = re.compile(r"(?i)^(env|environment|stage|tier)$")


@dataclass(frozen=True)
class Account:
    id: str
    partition: str
    caller: str
    region: str
    signs: tuple[str, ...]  # of production, in words

    def words(self) -> str:
        return f"account {self.id}, region {self.region}, as {self.caller}"


def signs(aliases: list[str], tags: list[dict[str, str]]) -> tuple[str, ...]:
    """What looks like production: an alias, and tags of stage of the account's instances."""
    found = [f"its alias is {alias}" for alias in aliases if PRODUCTION.search(alias)]
    stages = {f"{t['Key']}={t['Value']}" for t in tags if STAGES.match(t["Key"]) and PRODUCTION.search(t["Value"])}
    return (*found, *(f"an instance has the tag {each}" for each in sorted(stages)))


def look(client: Callable[..., Any], region: str) -> Account:
    me = client("sts").get_caller_identity()
    try:
        aliases = client("iam").list_account_aliases()["AccountAliases"]
    except ClientError:
        aliases = []  # not everybody may read them
    wanted = [{"Name": "resource-type", "Values": ["instance"]}]
    tags = client("ec2").describe_tags(Filters=wanted)["Tags"]
    return Account(me["Account"], me["Arn"].split(":")[1], me["Arn"], region, signs(aliases, tags))
