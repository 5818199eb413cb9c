"""What `make check`, `make test` and `make test-all` run, part by part.

    python -m suite check                   the inner loop
    python -m suite test                    what CI runs
    python -m suite all [PART …]            everything but what has passed for the tree as it is now, or these parts
    python -m suite list                    the parts, what each proves, and when it was last run

Each part leaves its output and its result under target/test-all as it ends. tests/README.md says where what is proved.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
OUT = ROOT / "target" / "test-all"
# What a part's labs leave for the references to judge (lab/witness.py, references/verdict.py), by the part's name.
WITNESS = OUT / "witness"
# What the policies allowed each role in a part's labs (references/uses.py).
USES = OUT / "uses"
CONTRACT = TESTS / "contract"
# A hash of the lab whose contract was last proved as a whole. In the repository, so that a fresh clone knows it too.
PROVED = CONTRACT / "proved"
# What the lab's contract depends on.
LAB = ("tests/lab", "tests/contract", "tests/seed", "tests/conftest.py", "tests/requirements.txt", "pyproject.toml")
# Labs mostly wait: with three of them two cores idle for a quarter of the time.
WORKERS = os.environ.get("MIRRORSNAP_WORKERS", "4")

# The product's documents and functions, tested one by one on the benches of the lab's own tests, by their names.
OURS = ("test_documents", "test_functions", "test_restore_functions")
# The lab's engine, log, faults, time and processes, and the oracles that everything else is judged by.
CORE = (
    *("test_clock.py", "test_host_time.py", "test_record.py", "test_gateway.py", "test_faults.py"),
    *("test_process.py", "test_forks.py"),
    *("test_engine.py", "test_clusterpro_oracles.py", "test_clusterpro_procedure.py"),
)
# The scenario runner in labs.
RUNNER = "tests/scenario/test_runner.py"
# The command line, each file in one lab.
COMMAND_LINE = (
    "tests/cli/test_cli.py",
    "tests/cli/test_diff.py",
    "tests/cli/test_clusters.py",
    "tests/cli/test_discovery.py",
)
# Several clusters in one lab.
FLEET = "tests/cli/test_fleet.py"
TEN = "tests/cli/test_ten_clusters.py"
RUNBOOKS = "tests/cli/test_runbook.py"
LONG_WAITS = "tests/product/test_long_waits.py"
FROZEN_WHOLE = "tests/product/test_frozen_backups.py"
# The longest of the product's tests: a third of its time.
PRODUCT_LONG = (FLEET, RUNBOOKS, *(f"tests/product/test_{name}.py" for name in ("restore_fast", "alarms", "copies")))
# What is in other parts; all the rest is part `tools`, which needs no lab.
PROBES = ("tests/probes/test_in_the_lab.py", "tests/probes/test_command.py")
PROBES_FIRST = "tests/probes/test_smoke.py"
APART = (
    "tests/contract",
    "tests/images",
    "tests/interleaving",
    "tests/product",
    "tests/scenarios",
    "tests/seed",
    *COMMAND_LINE,
    FLEET,
    TEN,
    RUNBOOKS,
    RUNNER,
    *PROBES,
    PROBES_FIRST,
)
SCENARIOS = "tests/scenarios/test_scenarios.py"
SWITCHES = "tests/scenarios/test_switches.py"


Show = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    name: str
    what: str
    command: tuple[str, ...]


def _make(target: str) -> tuple[str, ...]:
    return ("make", "--no-print-directory", target)


def _pytest(*arguments: str, dist: str = "loadfile", workers: str = WORKERS) -> tuple[str, ...]:
    slowest = (
        "--durations",
        "40",
        "--durations-min",
        "5",
    )  # at the log's end: what to move where a part takes too long
    return (sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", dist, *slowest, *arguments)


def _contract(*names: str) -> tuple[str, ...]:
    return _pytest(*(f"tests/contract/{name}" for name in names))


def _ours() -> list[str]:
    return sorted(path.name for path in CONTRACT.glob("test_*.py") if path.name.startswith(OURS))


def _lab_tests(first: str, last: str) -> list[str]:
    """The lab's own contract tests whose names begin with these letters."""
    names = sorted(path.name for path in CONTRACT.glob("test_*.py") if not path.name.startswith(OURS))
    return [name for name in names if first <= name.removeprefix("test_")[0] <= last]


def _sweep(fault: str) -> tuple[str, ...]:
    return _pytest(SCENARIOS, "-k", f"test_sweep and {fault}", dist="loadscope")


LINT = Part("lint", "formatters and linters", _make("lint"))
RUST = Part("rust", "domain, functions and sim, without the SDK", _make("test-rust"))
BUILD = Part("build", "the functions and what is deployed", _make("build"))
TOOLS = Part(
    "tools",
    "build, documentation, runner and reports, without a lab",
    _pytest("tests", *(f"--ignore={each}" for each in APART), dist="load"),
)
WITNESSES = Part(
    "witnesses",
    "each way to break the critical section is caught",
    _pytest("tests/interleaving", "-k", "mutants", dist="load"),
)
SMOKE = Part("smoke", "a backup in one lab", _pytest(SCENARIOS, "-k", "test_file and plain", workers="0"))
RUST_AWS = Part("rust-aws", "clippy and tests of what stands on the SDK", _make("test-aws"))
SEARCHED_MORE = tuple(f"tests/interleaving/test_{name}.py" for name in ("pace", "frozen_more", "sampled"))
INTERLEAVING = Part(
    "interleaving",
    "every interleaving of the critical section",
    _pytest("tests/interleaving", *(f"--ignore={each}" for each in SEARCHED_MORE), dist="worksteal"),
)
INTERLEAVING_MORE = Part(
    "interleaving-more",
    "pairs of faults, random schedules, somebody else at every step of a frozen backup, and what 400 runs cost",
    _pytest(*SEARCHED_MORE, dist="worksteal"),
)
IMAGES = Part(
    "images",
    "some of each class of mutilated images are judged",
    _pytest(
        *(f"tests/images/test_{name}.py" for name in ("images", "frozen", "agreement", "lab_volumes")), dist="load"
    ),
)
IMAGES_MORE = Part(
    "images-more", "1,000 mutilated images are judged", _pytest("tests/images/test_images_more.py", dist="load")
)
CORE_PART = Part("core", "the core of the lab's contract", _contract(*CORE))
PRODUCT = Part(
    "product",
    "documents, functions, machines and command line in the lab",
    _pytest(  # the longest files first
        *(*COMMAND_LINE, RUNNER, "tests/product"),
        *(f"--ignore={each}" for each in (LONG_WAITS, FROZEN_WHOLE, *PRODUCT_LONG)),
        *(f"tests/contract/{name}" for name in _ours()),
    ),
)
PRODUCT_MORE = Part(
    "product-more", "fast restore, alarms, copies, both runbooks, several clusters in one lab", _pytest(*PRODUCT_LONG)
)
CLI_BUILD = Part("cli-build", "the command line", _make("cli"))
TEN_CLUSTERS = Part("ten-clusters", "ten clusters are due at the same minute", _pytest(TEN, workers="0"))
FROZEN_BACKUPS = Part(
    "frozen-backups", "what twenty whole frozen backups cost an application", _pytest("-s", FROZEN_WHOLE, workers="0")
)
LONG = Part("long-waits", "what waits for days of lab time", _pytest(LONG_WAITS))
FILES = Part("scenarios", "a scenario of each kind", _pytest(SCENARIOS, "-k", "test_file", dist="worksteal"))
MORE = Part("scenarios-more", "all other scenarios", _pytest(SCENARIOS, "-k", "test_more", dist="worksteal"))
QUICK = Part("sweep-quick", "one of each kind of the sweep", _pytest(SCENARIOS, "-k", "test_quick", dist="loadscope"))
WHOLE_CONTRACT = (
    Part("contract-a-c", "the lab's whole contract, first part", _contract(*_lab_tests("a", "c"))),
    Part("contract-d-l", "the lab's whole contract, second part", _contract(*_lab_tests("d", "l"))),
    Part("contract-m-z", "the lab's whole contract, third part", _contract(*_lab_tests("m", "z"))),
    Part("seed", "the seed's procedure in the lab", _pytest("tests/seed")),
)
FULL_SWEEP = (
    Part("sweep-crash", "functions that die, at each phase", _sweep("crash")),
    Part("sweep-reply", "replies that are lost, at each phase", _sweep("lost_reply")),
    Part("sweep-abort", "executions that are stopped, at each phase", _sweep("abort")),
    Part("sweep-power", "power that is lost, at each phase", _sweep("off")),
)
BELIEFS = (
    Part(
        "switches",
        "each belief that nobody has confirmed, the other way",
        _pytest(SWITCHES, "-k", "not test_pair", dist="worksteal"),
    ),
    Part(
        "switch-pairs", "sixty pairs of them, drawn by the day", _pytest(SWITCHES, "-k", "test_pair", dist="worksteal")
    ),
)
UNUSED = Part(
    "unused",
    "no role holds an action that nothing used",
    (
        *(sys.executable, "-m", "references.uses", "check", "target/deploy/template.json"),
        *(str(USES / f"{part.name}.json") for part in (PRODUCT, PRODUCT_MORE, FILES, MORE, QUICK, *FULL_SWEEP)),
    ),
)
PROBES_SMOKE = Part("probes-smoke", "two lies of the lab are found", _pytest(PROBES_FIRST, dist="load"))
PROBES_PART = Part(
    "probes", "all beliefs of AWS are confirmed in the lab, and lies found", _pytest(*PROBES, dist="load")
)
SCHEDULES = Part("schedules", "five minutes of new random schedules in the sim", _make("test-schedules"))
TEMPLATES = Part("templates", "AWS SAM's linter and checkov over what is deployed", _make("templates"))
DENY = Part("deny", "licences, sources and duplicates of the Rust crates", _make("deny"))
BENCH = Part("bench-functions", "a function's start and memory beside Python's", (*_make("bench"), "ONLY=functions"))
DEMO = Part("demo", "make demo, at life's pace", _make("demo"))

# Side by side: each of these mostly keeps one core busy.
CHECK_LANES = ((RUST, WITNESSES), (LINT, BUILD, TOOLS, SMOKE))
CHECK = tuple(part for lane in CHECK_LANES for part in lane)
# Without labs, and so side by side too.
BEFORE_LANES = ((RUST, IMAGES, INTERLEAVING), (LINT, BUILD, CLI_BUILD, RUST_AWS, TOOLS))
BEFORE, AFTER = tuple(part for lane in BEFORE_LANES for part in lane), (PRODUCT, FILES, PROBES_SMOKE)
ADDED = (
    TEMPLATES,
    DENY,
    IMAGES_MORE,
    INTERLEAVING_MORE,
    SCHEDULES,
    PRODUCT_MORE,
    TEN_CLUSTERS,
    FROZEN_BACKUPS,
    LONG,
    MORE,
    *WHOLE_CONTRACT,
    QUICK,
    *FULL_SWEEP,
    UNUSED,
    *BELIEFS,
    PROBES_PART,
    BENCH,
    DEMO,
)
ALL = (*BEFORE, *AFTER, *ADDED)
# What `all` has in greater parts, and may be named all the same.
WITHIN = (WITNESSES, SMOKE, CORE_PART)


def _files(paths: Sequence[str]) -> list[str]:
    """The files under these paths, tracked or new, without what is made; also where there is no git."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return [each for each in listed.stdout.split("\0") if (ROOT / each).is_file()]
    found = [
        each for path in paths for each in ((ROOT / path).rglob("*") if (ROOT / path).is_dir() else (ROOT / path,))
    ]
    names = [each.relative_to(ROOT) for each in found if each.is_file() and each.suffix != ".pyc"]
    return [str(name) for name in names if name.parts[0] not in ("target", ".venv")]


def tree(paths: Sequence[str] = (".",), without: Sequence[str] = ()) -> str:
    """A hash of the files under these paths as they are now. `without`: contract tests by name."""
    digest, left_out = hashlib.sha256(), {PROVED, *(CONTRACT / each for each in without)}
    for name in sorted({*_files(paths)}):
        if ROOT / name not in left_out:
            digest.update(f"{name}\0{hashlib.sha256((ROOT / name).read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def contract_is_proved() -> bool:
    """Whether the lab as it is now is one whose whole contract has been proved."""
    return PROVED.is_file() and PROVED.read_text(encoding="utf-8").strip() == tree(LAB, _ours())


def _result(part: Part) -> dict[str, object]:
    path = OUT / f"{part.name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def to_terminal(text: str) -> None:
    print(text, end="", flush=True)


def nowhere(text: str) -> None:
    """For a part whose output would be mixed with another's: it is in target/test-all all the same."""


def _shown(command: Sequence[str], log: TextIO, left: Path, show: Show) -> tuple[bool, str]:
    """Run a command, its output to `show` and in the log; whether it passed, and its last line."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(TESTS), "MIRRORSNAP_WITNESS": str(left)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout
    last = ""
    for line in process.stdout:
        show(line)
        log.write(line)
        log.flush()
        last = line.strip() or last
    return process.wait() == 0, last


def run(part: Part, show: Show = to_terminal) -> bool:
    """Run it, and have the references judge what its labs left; whether both passed.

    The output goes to `show` and into target/test-all.
    """
    OUT.mkdir(parents=True, exist_ok=True)
    result, before, lab = OUT / f"{part.name}.json", tree(), tree(LAB, _ours())
    begun = time.monotonic()
    result.unlink(missing_ok=True)
    print(f"== {part.name}: {part.what}", flush=True)
    left = WITNESS / part.name
    shutil.rmtree(left, ignore_errors=True)
    with (OUT / f"{part.name}.log").open("w", encoding="utf-8") as log:
        passed, last = _shown(part.command, log, left, show)
        if left.is_dir():
            uses = str(USES / f"{part.name}.json")
            _shown((sys.executable, "-m", "references.uses", "gather", str(left), uses), log, left, show)
            agreed, said = _shown((sys.executable, "-m", "references.verdict", str(left)), log, left, show)
            passed, last = passed and agreed, f"{last}; {said}"
            if agreed:  # more than 100 MB for all scenarios
                shutil.rmtree(left)
    found = {
        "part": part.name,
        "passed": passed,
        "seconds": round(time.monotonic() - begun),
        "ended": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "said": last if "pytest" in part.command else "",
        "tree": before,
        "lab": lab,
    }
    result.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"== {part.name}: {'passed' if passed else 'FAILED'} after {found['seconds']} s\n", flush=True)
    return passed


def _note_contract() -> None:
    """The lab is proved once every part of its contract has passed for it as it is now."""
    now = tree(LAB, _ours())
    if all(_result(p).get("passed") and _result(p).get("lab") == now for p in WHOLE_CONTRACT):
        PROVED.write_text(now + "\n", encoding="utf-8")


def _table(parts: Sequence[Part], failed: Sequence[Part]) -> None:
    for part in parts:
        found = _result(part)
        state = "FAILED" if part in failed else "passed" if found.get("passed") else "not run"
        print(f"{part.name:14} {state:8} {found.get('seconds', ''):>5} s  {found.get('said', '')}")


def until_one_fails(parts: Sequence[Part]) -> int:
    begun = time.monotonic()
    for part in parts:
        if not run(part):
            print(f"{part.name} failed; its output is in target/test-all/{part.name}.log")
            return 1
    _table(parts, ())
    print(f"all {len(parts)} parts passed in {time.monotonic() - begun:.0f} s")
    return 0


def side_by_side(lanes: Sequence[Sequence[Part]]) -> int:
    """The parts of a lane run one after another, beside those of the other lanes, until one of them fails."""
    begun, failed = time.monotonic(), threading.Event()

    def follow(lane: Sequence[Part]) -> None:
        for part in lane:
            if failed.is_set():
                return
            if not run(part, nowhere):
                failed.set()
                to_terminal((OUT / f"{part.name}.log").read_text(encoding="utf-8"))
                print(f"{part.name} failed; its output is in target/test-all/{part.name}.log", flush=True)

    threads = [threading.Thread(target=follow, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed.is_set():
        return 1
    parts = [part for lane in lanes for part in lane]
    _table(parts, ())
    print(f"all {len(parts)} parts passed in {time.monotonic() - begun:.0f} s")
    return 0


def test() -> int:
    if contract_is_proved():
        print("the lab is the one whose contract was proved last: its core is run (make test-all runs the whole)\n")
        return side_by_side(BEFORE_LANES) or until_one_fails((CORE_PART, *AFTER))
    print("the lab has changed since its contract was proved: the whole contract is run\n")
    code = side_by_side(BEFORE_LANES) or until_one_fails((*WHOLE_CONTRACT, *AFTER))
    _note_contract()
    return code


def everything(names: Sequence[str]) -> int:
    """All parts, or those named. A part that fails keeps none of the others from running."""
    if unknown := set(names) - {part.name for part in (*ALL, *WITHIN)}:
        known = ", ".join(part.name for part in (*ALL, *WITHIN))
        print(f"no part is called {', '.join(sorted(unknown))}; there are {known}")
        return 2
    parts = [part for part in (*ALL, *WITHIN) if part.name in names] if names else ALL
    if not names:
        print(f"beyond make test: {'; '.join(f'{part.name} ({part.what})' for part in ADDED)}\n")
    failed = []
    for part in parts:
        found = _result(part)
        if not names and found.get("passed") and found.get("tree") == tree():
            print(f"== {part.name}: passed for this tree at {found['ended']}\n")
        elif not run(part):
            failed.append(part)
    _note_contract()
    _table(parts, failed)
    print(f"failed: {', '.join(part.name for part in failed)}" if failed else f"all {len(parts)} parts passed")
    return 1 if failed else 0


def main(arguments: Sequence[str]) -> int:
    match list(arguments):
        case ["check"]:
            return side_by_side(CHECK_LANES)
        case ["test"]:
            return test()
        case ["all", *names]:
            return everything(names)
        case ["list"]:
            for part in (*ALL, *WITHIN):
                print(f"{part.name:14} {part.what:52} {_result(part).get('ended', 'never run')}")
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
