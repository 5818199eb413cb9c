"""What `make deploy` has to know: from its arguments, else as it was told last time, else from the person before it.

What was told is remembered by stack, in a file of the user's: $XDG_CONFIG_HOME/mirrorsnap/deploy.json, usually
~/.config/mirrorsnap/deploy.json. Nothing in it is secret. Nobody is asked where standard input is no terminal.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,46}")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
EMAIL = re.compile(r"([^@\s]+@[^@\s]+)?")

Ask = Callable[[str], str]


class Missing(Exception):
    """Something is not known and nobody may be asked; the text says how to say it."""


class Wrong(Exception):
    """What was said cannot be; the text says what is wrong."""


@dataclass(frozen=True)
class Settings:
    """What a deployment of one stack needs. Empty texts are not known yet."""

    bucket: str = ""
    region: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def over(self, older: Settings) -> Settings:
        """These, and the older ones where these say nothing."""
        return Settings(
            bucket=self.bucket or older.bucket,
            region=self.region or older.region,
            parameters={**older.parameters, **self.parameters},
            tags={**older.tags, **self.tags},
        )


def pairs(texts: list[str], what: str) -> dict[str, str]:
    """`Name=value` texts; Wrong for another one."""
    out = {}
    for each in texts:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise Wrong(f"{what} is written Name=value, not {each}")
        out[name] = value
    return out


def check(settings: Settings) -> None:
    """Wrong where the settings contradict themselves or the rules of AWS."""
    if settings.bucket and not BUCKET.fullmatch(settings.bucket):
        raise Wrong(f"{settings.bucket} is no name of an S3 bucket")
    if settings.region and not REGION.fullmatch(settings.region):
        raise Wrong(f"{settings.region} is no region; one is written like ap-northeast-1")
    if not EMAIL.fullmatch(settings.parameters.get("AlarmEmail", "")):
        raise Wrong(f"{settings.parameters['AlarmEmail']} is no mail address")
    subnets, groups = (settings.parameters.get(name, "") for name in ("SubnetIds", "SecurityGroupIds"))
    if bool(subnets) != bool(groups):
        raise Wrong("a VPC needs both SubnetIds and SecurityGroupIds, or neither")


def file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "mirrorsnap" / "deploy.json"


def _all() -> dict[str, dict]:
    try:
        found = json.loads(file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise Wrong(
            f"{file()} cannot be read as JSON. Next: correct it, or delete it and say everything again"
        ) from None
    return found


def remembered(stack: str) -> Settings:
    found = _all().get(stack, {})
    try:
        return Settings(**found)
    except TypeError:
        raise Wrong(f"{file()} has what this version does not know. Next: delete it and say everything again") from None


def remember(stack: str, settings: Settings) -> None:
    """Replace the file as a whole, so that nobody reads half of it; only its owner may read it."""
    found = {**_all(), stack: asdict(settings)}
    file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    side = file().with_suffix(f".{os.getpid()}")
    side.touch(mode=0o600)
    side.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(side, file())


def may_ask() -> bool:
    """Whether there is a person to ask: both what is said and what is answered must be a terminal's."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _asked(ask: Ask, question: str, pattern: re.Pattern[str], default: str) -> str:
    shown = f" [{default}]" if default else ""
    while True:
        answer = ask(f"{question}{shown}: ").strip() or default
        if pattern.fullmatch(answer):
            return answer
        print(f"deploy: {answer or 'an empty answer'} will not do")


def region(settings: Settings, known: str, ask: Ask | None) -> Settings:
    """With a region: the one that was said, the AWS CLI's, or the answer of the person."""
    if found := settings.region or known:
        return replace(settings, region=found)
    if ask is None:
        raise Missing("no region is known: say AWS_REGION=…, or REGION=… to make deploy")
    return replace(settings, region=_asked(ask, "Region, like ap-northeast-1", REGION, ""))


def bucket(settings: Settings, proposal: str, ask: Ask | None) -> Settings:
    if settings.bucket:
        return settings
    if ask is None:
        raise Missing("name an S3 bucket for the functions' code: make deploy BUCKET=…")
    question = "S3 bucket for the functions' code; it is made if it does not exist"
    return replace(settings, bucket=_asked(ask, question, BUCKET, proposal))


def alarm_mail(settings: Settings, ask: Ask | None) -> Settings:
    """With the address for alarms. Not to have one is an answer; without anybody to ask it is the answer."""
    if "AlarmEmail" in settings.parameters or ask is None:
        return settings
    answer = _asked(ask, "Mail address for alarms; empty for none", EMAIL, "")
    return replace(settings, parameters={**settings.parameters, "AlarmEmail": answer})
