"""Every error and alarm has both texts in docs/catalogue.yaml, none is extra, and what is made from it is current."""

from __future__ import annotations

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import build  # noqa: E402
import build_statemachines  # noqa: E402
import catalogue  # noqa: E402

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龥]")


@pytest.fixture
def source() -> dict[str, Any]:
    return copy.deepcopy(catalogue.read())


def kinds() -> set[str]:
    """The names of functions/domain/src/error.rs."""
    text = (ROOT / "functions/domain/src/error.rs").read_text(encoding="utf-8")
    listed = text.partition("\nkinds! {")[2].partition("\n}")[0]
    return set(re.findall(r"^    (\w+),$", listed, re.M))


def of_machines() -> set[str]:
    """The names that states write themselves: of Fail states, and of what they assign and hand on."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "statemachine").glob("*.yaml")]
    return {name for text in texts for name in re.findall(r"\bError: '?([A-Z][A-Za-z]+)'?[,\s}]", text)}


def alarms() -> dict[str, str]:
    """Name without the stack's, and description, of each alarm of the built template."""
    found = [each["Properties"] for each in build.build()["Resources"].values() if "Alarm" in each["Type"]]
    return {each["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): each["AlarmDescription"] for each in found}


def test_every_error_has_an_entry_and_none_is_extra(source: dict[str, Any]) -> None:
    assert set(source["errors"]) == kinds() and len(kinds()) > 50
    assert list(source["errors"]) == sorted(source["errors"])


def test_every_error_that_a_state_machine_names_has_an_entry(source: dict[str, Any]) -> None:
    assert len(of_machines()) > 8
    assert of_machines() <= set(source["errors"])


def test_every_alarm_has_an_entry_and_none_is_extra(source: dict[str, Any]) -> None:
    found = {catalogue.alarm(name, source) for name in alarms()}
    assert len(alarms()) > 40 and found == set(source["alarms"])


def test_every_text_is_there_in_its_language(source: dict[str, Any]) -> None:
    assert catalogue.problems(source) == []
    for kind in catalogue.KINDS:
        for name, entry in source[kind].items():
            for text in entry["ja"].values():
                assert JAPANESE.search(text), f"{name}: {text}"
            for text in entry["en"].values():
                assert not JAPANESE.search(text), f"{name}: {text}"


def test_an_alarm_s_mail_has_both_languages() -> None:
    for name, text in alarms().items():
        english, _, japanese = text.partition("\n\n")
        assert "Next: " in english and not JAPANESE.search(english), name
        assert "次に行うこと: " in japanese and len(JAPANESE.findall(japanese)) > 20, name
        assert len(text) <= catalogue.LONGEST


def commands() -> set[str]:
    """The commands of the command line."""
    text = (ROOT / "cli/src/args.rs").read_text(encoding="utf-8")
    listed = text.partition("pub enum What {")[2].partition("\n}")[0]
    return {re.sub("(?<!^)([A-Z])", r"-\1", name).lower() for name in re.findall(r"^    ([A-Z]\w+)\b", listed, re.M)}


def test_a_mail_ends_with_the_one_command_to_run(source: dict[str, Any]) -> None:
    assert {"status", "recover", "backup"} <= commands()
    for entry in [*source["alarms"].values(), *source["mails"].values()]:
        for part in catalogue.described(entry, source).split("\n\n"):
            assert part.endswith((f"\nRun: {entry['run']}", f"\n実行: {entry['run']}"))
        program, command, *_ = entry["run"].split()
        assert program == "aws" or (program == "mirrorsnap" and command in commands()), entry["run"]
    assert set(source["alarms"]["backup-failed"]["run"].split()) == {"mirrorsnap", "status"}


def published() -> list[dict[str, Any]]:
    """The states that send a mail themselves."""
    states = [each for machine in build_statemachines.machines().values() for each in machine["States"].values()]
    sent = [each for each in states if ":sns:publish" in each.get("Resource", "")]
    # The morning's message has both languages of its own (functions/domain/src/patrol/morning.rs).
    return [each for each in sent if each["Arguments"]["Message"] != "{% $morning.message.text %}"]


def test_every_mail_of_a_state_machine_has_both_languages(source: dict[str, Any]) -> None:
    used = set()
    for state in published():
        message = state["Arguments"]["Message"]
        found = [name for name in source["mails"] if json.dumps(catalogue.mail(name), ensure_ascii=False) in message]
        assert len(found) == 1, message
        used |= set(found)
    assert used == set(source["mails"]) and len(published()) == 6


def test_a_mail_that_the_catalogue_lacks_builds_nothing() -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Arguments": {}, "mail": "nothing"}
    with pytest.raises(build_statemachines.SourceError, match="'nothing' is missing or unknown"):
        build_statemachines.Machine("m").state("s", state, "next", False)


def test_what_is_made_from_it_is_current(source: dict[str, Any]) -> None:
    for path, text in catalogue.pages(source).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not current: make catalogue"


def test_both_pages_have_the_same_rows_in_the_same_order(source: dict[str, Any]) -> None:
    english, japanese = (
        re.findall(r"^\| `(\S+)` \| .+ \| .+ \| .+ \|$", catalogue.page(source, each), re.M) for each in ("en", "ja")
    )
    assert english == japanese and len(english) == len(source["errors"]) + len(source["alarms"])


def drop(*path: str) -> Any:
    def change(source: dict[str, Any]) -> None:
        for each in path[:-1]:
            source = source[each]
        del source[path[-1]]

    return change


MUTANTS = {
    "no Japanese": (drop("errors", "Stuck", "ja"), "errors Stuck"),
    "no next": (drop("errors", "Stuck", "ja", "next"), "errors Stuck: needs `means` and `next` in ja"),
    "no meaning": (drop("alarms", "backup-failed", "en", "means"), "alarms backup-failed: needs"),
    "a risk without a text": (drop("risks", "before", "ja"), "risk before: no text in ja"),
    "an unknown risk": (drop("risks", "before"), "no risk is called before"),
    "an empty text": (lambda source: source["errors"]["Stuck"]["en"].update(next=""), "errors Stuck: needs"),
    "no command": (drop("alarms", "backup-failed", "run"), "alarms backup-failed: has"),
    "an empty command": (lambda source: source["mails"]["cluster-not-back"].update(run=""), "`run` names no command"),
    "a text too many": (lambda source: source["errors"]["Stuck"].update(fr="x"), "errors Stuck: has"),
    "a screen in one language": (drop("screens", "kept", "ja"), "screens kept: needs a text in each of en, ja"),
    "a screen's empty text": (lambda source: source["screens"]["kept"].update(en=""), "screens kept: needs"),
    "a risk too many": (lambda source: source["risks"].update(other={"en": "x", "ja": "x"}), "nothing has it"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_what_is_missing_is_named(source: dict[str, Any], name: str) -> None:
    change, said = MUTANTS[name]
    change(source)
    assert any(said in each for each in catalogue.problems(source)), catalogue.problems(source)


def test_an_alarm_without_an_entry_and_an_entry_without_an_alarm_build_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = build.read_template.read()["Resources"]
    resources["New"] = copy.deepcopy(resources["BackupFailed"])
    resources["New"]["Properties"]["AlarmName"] = {"Fn::Sub": "${AWS::StackName}-new-thing"}
    with pytest.raises(catalogue.Lacking, match=r"has no alarm new-thing \(New\)"):
        catalogue.describe(resources)
    del resources["New"], resources["PatrolFailed"]
    with pytest.raises(catalogue.Lacking, match=r"no alarm is called .*patrol-failed"):
        catalogue.describe(resources)


def test_the_source_has_no_entry_twice() -> None:
    """YAML keeps the last of two."""
    for kind in catalogue.KINDS:
        block = catalogue.SOURCE.read_text(encoding="utf-8").partition(f"\n{kind}:\n")[2]
        names = re.findall(r'^  "?([\w*-]+)"?:$', re.split(r"^\w", block, maxsplit=1, flags=re.M)[0], re.M)
        assert len(names) == len(set(names)) == len(yaml.safe_load(catalogue.SOURCE.read_text("utf-8"))[kind])
