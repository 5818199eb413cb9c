"""The command documents as texts: clean for the linter, within SSM's limits, and closed to hostile input."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import build_documents  # noqa: E402

DOCUMENTS = build_documents.documents()
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
# What must never get into a shell, into our JSON, or into a path; each put into a value that is allowed without it.
HOSTILE = [
    "'",
    '"',
    "`",
    "$",
    "\\",
    ";",
    "&",
    "|",
    "<",
    ">",
    "(",
    ")",
    "{",
    "}",
    "*",
    "?",
    "~",
    "#",
    "\n",
    "\t",
    "\0",
    "é",
]
GOOD = {
    "run": "orders-20260102T030405Z",
    "epoch": "12",
    "boot": "0f0e0d0c-0b0a-4908-8706-050403020100",
    "uptime": "86400",
    "attempt": "98.2",
    "name": "server1",
    "names": "failover1 failover_2",
    "paths": "/dev/xvdb1 /dev/disk/by-path/pci-0000:00:1f.0-part1 /dev/mapper/vg--a-lv_b+c",
    "seconds": "120",
    "yesno": "yes",
    "part": "3",
    "consistency": "frozen",
    "pause": "10",
    "hook": "30",
}
BAD = {
    "run": ["", "-rf", "a/b", "..", "a b", "x" * 101],
    "epoch": ["", "0", "01", "-1", "1e3", "12345678901"],
    "boot": ["", "0f0e0d0c-0b0a-4908-8706-05040302010", "0F0E0D0C-0B0A-4908-8706-050403020100"],
    "uptime": ["", "0", "010", "1.5"],
    "attempt": ["", "0", "1" * 19, "98.", ".1", "98.0", "0.1", "1.2.3", "98,1"],
    "name": ["", "-h", "a b", "a/b", "x" * 64],
    "names": ["", " a", "a ", "a  b", "-t", "a -t", "a,b", " ".join(["a"] * 33)],
    "paths": ["dev/x", " /dev/x", "/dev/a  /dev/b", "-e", "/dev/x -e"],
    "seconds": ["", "0", "007", "100000"],
    "yesno": ["", "Yes", "true", "yes no"],
    "part": ["", "0", "100", "1.5"],
    "consistency": ["", "Frozen", "stopped frozen"],
    "pause": ["", "0", "100", "1.5"],
    "hook": ["", "0", "1000", "-1"],
}


def matches(kind: str, value: str) -> bool:
    """As SSM matches: the pattern is searched for, and ours are anchored on both sides."""
    pattern = build_documents.TYPES[kind]["allowedPattern"]
    return bool(re.search(pattern.removesuffix("$") + r"\Z", value))


def test_every_script_is_clean(tmp_path: Path) -> None:
    texts = build_documents.scripts()
    assert {"quiesce-end", "break-unit-end", "enter-backup-mode-job"} <= set(
        texts
    )  # what documents write to files, too
    for name, text in texts.items():
        (tmp_path / f"{name}.sh").write_text(text)
    files = sorted(str(p) for p in tmp_path.iterdir())
    done = subprocess.run([SHELLCHECK, "-s", "sh", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    for file in files:
        for shell in (["dash"], ["bash", "--posix"]):  # sh of Debian and of Red Hat
            assert subprocess.run([*shell, "-n", file]).returncode == 0


@pytest.mark.parametrize("step", DOCUMENTS)
def test_content_is_what_ssm_takes(step: str) -> None:
    content = DOCUMENTS[step].content()
    assert content["schemaVersion"] == "2.2" and len(json.dumps(content)) < 64 * 1024
    (run,) = content["mainSteps"]
    assert run["action"] == "aws:runShellScript"
    text = "\n".join(run["inputs"]["runCommand"])
    assert text.startswith("#!/bin/sh\n") and not re.search(r"^\s*#(?!!)", text, re.M)
    for name, given in content["parameters"].items():
        assert (
            given["type"] == "String"
            and given["allowedPattern"].startswith("^")
            and given["allowedPattern"].endswith("$")
        )
        # Each value enters the script once, as a word in single quotes.
        assert (
            text.count("{{ " + name + " }}") == len(re.findall(rf"^[A-Z_]+='\{{\{{ {name} \}}\}}'$", text, re.M)) == 1
        )


@pytest.mark.parametrize("kind", build_documents.TYPES)
def test_patterns_let_good_values_in_and_hostile_ones_not(kind: str) -> None:
    good = GOOD[kind]
    assert matches(kind, good)
    for bad in BAD[kind]:
        assert not matches(kind, bad), bad
    for character in HOSTILE:
        for value in (character, good + character, character + good, good[:1] + character + good[1:]):
            assert not matches(kind, value), value
    if "default" in build_documents.TYPES[kind]:
        assert matches(kind, build_documents.TYPES[kind]["default"])


GUARDED = [step for step, document in DOCUMENTS.items() if "NotAfterUptime" in document.parameters]


def test_all_that_disturb_are_guarded() -> None:
    reading = {"observe", "read-records", "doctor", "describe"}
    assert set(DOCUMENTS) - set(GUARDED) == reading | {"fence", "hold", "unhold"}
    disturbing = re.compile(
        r"\b(clpgrp -[st]|clpmonctrl|clpmdctrl|clpbackup|clprestore|clpsvcctrl|clpcl |systemd-run|reboot)"
    )
    for step in reading | {"hold", "unhold"}:
        script = DOCUMENTS[step].script()
        assert not disturbing.search(script), step


def test_the_builder_names_a_source_that_it_cannot_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_documents, "SOURCES", tmp_path)
    cases = {
        "# @description x\n# @param A nonsense\n": "x.sh:2",
        "# @param A name\n": "no `# @description`",
        "# @description x\n# @param A name\n": "declared and used differ",
        "# @description x\n#include lib/none.sh\n": "x.sh:2: there is no none.sh",
    }
    for text, message in cases.items():
        (tmp_path / "x.sh").write_text(text)
        with pytest.raises(build_documents.SourceError, match=re.escape(message)):
            build_documents.documents()


def test_command_line_writes_documents_and_a_template(tmp_path: Path) -> None:
    tool = [sys.executable, str(ROOT / "infra/build_documents.py")]
    subprocess.run([*tool, str(tmp_path / "out")], check=True)
    template = json.loads((tmp_path / "out/template.json").read_text())
    names = [r["Properties"]["Name"]["Fn::Sub"] for r in template["Resources"].values()]
    assert [re.sub(r"\.[0-9a-f]{8}$", "", name) for name in names] == [f"${{AWS::StackName}}.{s}" for s in DOCUMENTS]
    made = json.loads((tmp_path / "out/mirrorsnap-fence.json").read_text())
    assert made == template["Resources"]["FenceDocument"]["Properties"]["Content"]
    assert subprocess.run(tool, capture_output=True).returncode == 2


def test_other_content_is_another_document() -> None:
    one = build_documents.Document("fence", "Stops.", {}, "echo one\n")
    same = build_documents.Document("fence", "Stops.", {}, "# only a comment\necho one\n")
    other = build_documents.Document("fence", "Stops.", {}, "echo two\n")
    assert one.deployed_name() == same.deployed_name() != other.deployed_name()
