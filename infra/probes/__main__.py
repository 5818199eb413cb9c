"""Asks AWS what docs/assumptions.md believes, in a scratch account of yours.

It makes an instance, small volumes, snapshots, roles, queues, state machines and a table, each with the run's name, and
removes them in the end, also after Ctrl-C. Nothing else is touched. The result is one JSON file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import signal
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from . import plan
from .account import Account, look
from .asking import ask_all
from .removal import Removal
from .scratch import Scratch, Waiting
from .unasked import REASONS
from .verdict import Verdict, not_asked

CONFIRMED, REFUTED, USAGE, LEFT = 0, 1, 2, 3
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 5})


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(prog="make probe-aws ARGS=…", description=__doc__)
    out.add_argument(
        "--dry-run", action="store_true", help="say what would be asked, how long it takes and what it costs"
    )
    out.add_argument("--only", action="append", default=[], metavar="ID", help="only this belief; may be repeated")
    out.add_argument("--yes", action="store_true", help="do not ask whether to begin")
    out.add_argument("--account", help="the account's number; needed where it looks like production")
    out.add_argument("--region", help="default: that of the profile or the environment")
    out.add_argument("--profile", help="a profile of your AWS configuration")
    out.add_argument("--out", type=Path, help="the result (default: target/probe-aws/<run>.json)")
    out.add_argument("--clean-up", metavar="RUN", help="remove what a run left that was killed, and end")
    return out


def agreed(account: Account, arguments: argparse.Namespace) -> str:
    """Why not to begin; "" to begin."""
    if arguments.account and arguments.account != account.id:
        return f"This is account {account.id}, not {arguments.account}."
    if account.signs and not arguments.account:
        return f"The account looks like production: {', '.join(account.signs)}. Name it: --account {account.id}"
    if arguments.yes:
        return ""
    if not sys.stdin.isatty():
        return "Nobody is there to ask whether to begin: --yes begins."
    return "" if input("Begin? (yes) ").strip().lower() == "yes" else "Not begun."


def report(account: Account, run: str, began: str, verdicts: dict[str, Verdict], left: list[str]) -> dict[str, Any]:
    everything = {**{name: not_asked(why) for name, why in REASONS.items()}, **verdicts}
    return {
        "run": run,
        "account": account.id,
        "region": account.region,
        "began": began,
        "ended": now(),
        "assumptions": {name: {"result": v.result, "words": v.words} for name, v in sorted(everything.items())},
        "left": left,
    }


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        probes = plan.chosen(arguments.only)
    except ValueError as error:
        print(error, file=sys.stderr)
        return USAGE
    print(plan.words(probes))
    if arguments.dry_run:
        return CONFIRMED
    session = boto3.Session(profile_name=arguments.profile, region_name=arguments.region)

    def client(service: str, credentials: dict[str, str] | None = None) -> Any:
        if credentials is None:
            return session.client(service, config=RETRIES)
        keys = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }
        return boto3.client(service, region_name=session.region_name, config=RETRIES, **keys)

    try:
        account = look(client, session.region_name or "")
    except (ClientError, BotoCoreError) as error:
        print(f"AWS cannot be asked with these credentials: {error}", file=sys.stderr)
        return USAGE
    print(f"Asked is {account.words()}.")
    if why := agreed(account, arguments):
        print(why, file=sys.stderr)
        return USAGE
    if arguments.clean_up:
        return ended([], Removal(client, arguments.clean_up, Waiting()).all(), arguments.clean_up)
    run = f"{datetime.datetime.now(datetime.UTC):%Y%m%d%H%M%S}-{uuid.uuid4().hex[:6]}"
    print(f"The run is {run}; if it is killed, `make probe-aws ARGS='--clean-up {run}'` removes what it left.")
    scratch = Scratch(client, run, account.id, account.region, account.partition)
    began, verdicts, left = now(), dict[str, Verdict](), list[str]()
    for each in (signal.SIGINT, signal.SIGTERM):  # whatever was inherited: a shell's background job ignores SIGINT
        signal.signal(each, signal.default_int_handler)
    try:
        ask_all(scratch, probes, verdicts)
    except KeyboardInterrupt:
        print("Stopped; what was made is being removed.")
        for probe in probes:
            verdicts.setdefault(probe.belief, not_asked("It was stopped before."))
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: print("What was made is being removed; this takes some minutes."))
        left = Removal(client, run, scratch.waiting).all()
        out = arguments.out or Path("target/probe-aws") / f"{run}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(report(account, run, began, verdicts, left), indent=1) + "\n", encoding="utf-8")
        print(f"The result is in {out}.")
    return ended(list(verdicts.values()), left, run)


def ended(verdicts: Sequence[Verdict], left: Sequence[str], run: str) -> int:
    """Say what is left and how many; the exit code."""
    counted = {word: sum(v.result == word for v in verdicts) for word in ("confirmed", "refuted", "not asked")}
    if verdicts:
        print(", ".join(f"{count} {word}" for word, count in counted.items()))
    if left:
        print("Not removed:\n" + "\n".join(left) + f"\n`make probe-aws ARGS='--clean-up {run}'` tries again.")
        return LEFT
    return REFUTED if counted["refuted"] else CONFIRMED


if __name__ == "__main__":
    sys.exit(main())
