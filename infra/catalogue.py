"""docs/catalogue.yaml in all its forms: two pages, one file for programs, and the texts of mails.

catalogue.py            write docs/errors.md, docs/errors.ja.md and docs/catalogue.json
catalogue.py --check    say which of them is not current
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).resolve().parent.parent / "docs"
SOURCE = DOCS / "catalogue.yaml"
LANGUAGES = ("en", "ja")
KINDS = ("errors", "alarms", "mails")
LONGEST = 1024  # characters of an alarm's description
HEADS = {
    "en": """# Errors and alarms

<!-- Made from docs/catalogue.yaml by `make catalogue`; `make lint` says when it is not current. -->

[日本語](errors.ja.md)

Every failed execution has an `error`, which is one of these names, and a `cause`: what was found, where, and what to do
next. An alarm's mail says the same as its row here, in both languages. What to do first:
[operations.md](operations.md).
""",
    "ja": """# エラーとアラーム

<!-- docs/catalogue.yaml から `make catalogue` で生成。最新でなければ `make lint` が知らせます。 -->

[English](errors.md)

失敗した実行には必ず `error`（次の名前のいずれか）と `cause`（何がどこで見つかり、次に何をするか）があります。
`cause` は英語です。アラームのメールには、この表と同じ内容が両言語で書かれています。
最初に行うことは [operations.ja.md](operations.ja.md) にあります。
""",
}
ALARM_HEADS = {"en": "## Alarms", "ja": "## アラーム"}
ERROR_HEADS = {"en": "## Errors", "ja": "## エラー"}
COLUMNS = {
    "en": ("what it means", "the cluster", "what to do next"),
    "ja": ("意味", "クラスターの状態", "次に行うこと"),
}
NEXT = {"en": "Next: ", "ja": "次に行うこと: "}
RUN = {"en": "Run: ", "ja": "実行: "}


class Lacking(Exception):
    """The catalogue lacks something, or has too much; the text names it."""


@functools.cache
def read() -> dict[str, Any]:
    return yaml.safe_load(SOURCE.read_text(encoding="utf-8"))


def problems(catalogue: dict[str, Any]) -> list[str]:
    """Texts that are missing or empty, and entries with anything else in them."""
    out = []
    risks = catalogue["risks"]
    for name, texts in risks.items():
        out += [f"risk {name}: no text in {each}" for each in LANGUAGES if not texts.get(each)]
    for name, texts in catalogue["screens"].items():
        if texts.keys() != set(LANGUAGES) or not all(texts.values()):
            out.append(f"screens {name}: needs a text in each of {', '.join(LANGUAGES)}, and nothing else")
    for kind in KINDS:
        for name, entry in catalogue[kind].items():
            if entry.keys() != {"cluster", *LANGUAGES, *(["run"] if kind != "errors" else [])}:
                out.append(f"{kind} {name}: has {sorted(entry)}")
                continue
            if kind != "errors" and not entry["run"]:
                out.append(f"{kind} {name}: `run` names no command")
            if entry["cluster"] not in risks:
                out.append(f"{kind} {name}: no risk is called {entry['cluster']}")
            for language in LANGUAGES:
                if entry[language].keys() != {"means", "next"} or not all(entry[language].values()):
                    out.append(f"{kind} {name}: needs `means` and `next` in {language}")
    used = {each["cluster"] for kind in KINDS for each in catalogue[kind].values() if "cluster" in each}
    return out + [f"risk {name}: nothing has it" for name in risks.keys() - used]


def _table(catalogue: dict[str, Any], kind: str, language: str) -> list[str]:
    columns = COLUMNS[language]
    out = [f"| {'alarm' if kind == 'alarms' else 'error'} | {' | '.join(columns)} |", "|---|---|---|---|"]
    for name, entry in catalogue[kind].items():
        said, risk = entry[language], catalogue["risks"][entry["cluster"]][language]
        shown = f"…-{name}" if kind == "alarms" else name
        run = f" `{entry['run']}`" if "run" in entry else ""
        out.append(f"| `{shown}` | {said['means']} | {risk} | {said['next']}{run} |")
    return out


def page(catalogue: dict[str, Any], language: str) -> str:
    parts = [
        HEADS[language],
        f"{ALARM_HEADS[language]}\n",
        *_table(catalogue, "alarms", language),
        f"\n{ERROR_HEADS[language]}\n",
        *_table(catalogue, "errors", language),
    ]
    return "\n".join(parts) + "\n"


def pages(catalogue: dict[str, Any]) -> dict[Path, str]:
    return {
        DOCS / "errors.md": page(catalogue, "en"),
        DOCS / "errors.ja.md": page(catalogue, "ja"),
        DOCS / "catalogue.json": json.dumps(catalogue, ensure_ascii=False, indent=1) + "\n",
    }


def alarm(name: str, catalogue: dict[str, Any]) -> str | None:
    """The entry's name of an alarm: its own, or that of its kind (`*-errors`)."""
    known = catalogue["alarms"]
    if name in known:
        return name
    kind = f"*-{name.rpartition('-')[2]}"
    return kind if kind in known else None


def described(entry: dict[str, Any], catalogue: dict[str, Any]) -> str:
    """An alarm's description, which is in its mail: English first, then Japanese."""
    parts = []
    for language in LANGUAGES:
        said, risk = entry[language], catalogue["risks"][entry["cluster"]][language]
        space = " " if language == "en" else ""
        said = space.join((said["means"], risk, NEXT[language] + said["next"]))
        parts.append(f"{said}\n{RUN[language]}{entry['run']}")
    return "\n\n".join(parts)


def mail(name: str) -> str:
    """What stands below the words of a state machine's mail; KeyError for a name that the catalogue lacks."""
    return f"\n\n{described(read()['mails'][name], read())}"


def describe(resources: dict[str, Any]) -> None:
    """Give each alarm of the template its description; Lacking where the catalogue and the template differ."""
    catalogue, used = read(), set()
    if found := problems(catalogue):
        raise Lacking("; ".join(found))
    for logical, resource in resources.items():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        name = resource["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        entry = alarm(name, catalogue)
        if entry is None:
            raise Lacking(f"docs/catalogue.yaml has no alarm {name} ({logical})")
        used.add(entry)
        text = described(catalogue["alarms"][entry], catalogue)
        if len(text) > LONGEST:
            raise Lacking(f"docs/catalogue.yaml: {entry} has more than {LONGEST} characters in both languages")
        resource["Properties"]["AlarmDescription"] = text
    if extra := catalogue["alarms"].keys() - used:
        raise Lacking(f"docs/catalogue.yaml: no alarm is called {', '.join(sorted(extra))}")


def main(argv: list[str]) -> int:
    if argv not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    if found := problems(read()):
        print("\n".join(f"docs/catalogue.yaml: {each}" for each in found), file=sys.stderr)
        return 1
    wanted = pages(read())
    if not argv:
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path.name for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    if stale:
        print(f"docs: not current: {', '.join(stale)}; run `make catalogue`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
