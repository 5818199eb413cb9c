"""Expand the state machines from their YAML sources in statemachine/ into plain Amazon States Language.

A source names its states in the order in which they follow one another; a state without `then` goes on to the next. A
state is plain ASL, or one of the verbs that statemachine/README.md shows with the ASL that each becomes. A
run of states that several machines share is a fragment: `use: lock.yaml#take`.

    build_statemachines.py OUT_DIR     one <name>.asl.json a machine

Names in ${…} stay: CloudFormation's DefinitionSubstitutions fill them in (infra/build.py).
"""

from __future__ import annotations

import copy
import functools
import itertools
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import catalogue
import statemachine_polls as polls
import statemachine_verbs as verbs
import yaml
from statemachine_verbs import SourceError

SOURCES = Path(__file__).resolve().parent.parent / "statemachine"


class Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice in one mapping is an error: the second state would replace the first."""


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict:
    keys = [key.value for key, _ in node.value]
    if twice := {key for key in keys if keys.count(key) > 1}:
        where = f"{Path(node.start_mark.name).name}:{node.start_mark.line + 1}"
        raise SourceError(f"{where}: {', '.join(sorted(twice))} stands twice")
    loader.flatten_mapping(node)
    pairs = [(loader.construct_object(key, deep=True), value) for key, value in node.value]
    return {key: loader.construct_object(value, deep=True) for key, value in pairs}


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@functools.cache
def load(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as stream:
        try:
            return yaml.load(stream, Loader)
        except yaml.YAMLError as error:
            raise SourceError(str(error)) from None


def read(name: str) -> dict[str, Any]:
    """A source, as it stands in the file."""
    path = SOURCES / name
    if not path.is_file():
        raise SourceError(f"{name}: there is no such file in {SOURCES.name}")
    return copy.deepcopy(load(path))


@dataclass
class Machine:
    """One source and what its states became."""

    name: str

    def states(self, sources: dict[str, Any], branch: bool = False) -> dict[str, Any]:
        """`StartAt` and `States` of a machine, or of a branch or item processor in it."""
        flat = self.flat(sources, branch)
        pairs = itertools.pairwise([*flat, None])
        states = {name: self.state(name, dict(flat[name]), after, branch) for name, after in pairs}
        return {"StartAt": next(iter(flat)), "States": states}

    def flat(self, sources: dict[str, Any], branch: bool) -> dict[str, Any]:
        """The states with each `use` replaced by its fragment's states, and each `poll` by those that it becomes."""
        out: dict[str, Any] = {}
        for name, source in sources.items():
            if "use" in source:
                new = self.flat(self.fragment(name, source), branch)
            elif "poll" in source:
                new = self.of(name, polls.poll, name, source, branch)
            else:
                new = {name: source}
            if twice := out.keys() & new.keys():
                raise SourceError(f"{self.name}: {', '.join(sorted(twice))} stands twice")
            out |= new
        return out

    def of(self, name: str, verb: Callable[..., Any], *arguments: Any) -> Any:
        """What a verb returns; its errors with the state's name."""
        try:
            return verb(*arguments)
        except KeyError as error:
            raise SourceError(f"{self.name}, {name}: {error} is missing or unknown") from None
        except SourceError as error:
            raise SourceError(f"{self.name}, {name}: {error}") from None

    def fragment(self, name: str, use: dict[str, Any]) -> dict[str, Any]:
        """A fragment's states, with what stands beside `use` in its holes: `then: Inspect` replaces `<then>`."""
        file, _, part = use["use"].partition("#")
        fragments = read(file)
        if part not in fragments:
            raise SourceError(f"{self.name}, {name}: {file} has no {part}")
        text = json.dumps(fragments[part])
        for hole, target in use.items():
            text = text.replace(f"<{hole}>", json.dumps(target)[1:-1])
        if hole := re.search(r"<\w+>", text):
            raise SourceError(f"{self.name}, {name}: {use['use']} wants to know {hole[0]}")
        states = json.loads(text)
        if next(iter(states)) != name:
            raise SourceError(f"{self.name}, {name}: {use['use']} begins with {next(iter(states))}")
        return states

    def state(self, name: str, source: dict[str, Any], after: str | None, branch: bool) -> dict[str, Any]:
        """The ASL of one state; `after`: the one that stands behind it in the source."""
        kinds = (kind for key, kind in verbs.TYPES.items() if key in source)
        out: dict[str, Any] = {"Type": source.get("Type", next(kinds, "Task"))}
        if "about" in source:
            out["Comment"] = source.pop("about")
        if "run" in source:
            source["child_seconds"] = polls.seconds(read(f"{source['run']}.yaml")["timeout"])
        for verb in verbs.VERBS.keys() & source.keys():
            out |= self.of(name, verbs.VERBS[verb], source)
        if retry := self.of(name, verbs.retries, source.pop("retry", out.pop("Retry", []))):
            out["Retry"] = retry
        if "keep" in source:
            out["Assign"] = verbs.kept(source.pop("keep"))
        if "every" in source:
            pairs = self.of(name, polls.schedule, source.pop("every"), source.pop("within", None))
            out["Seconds"] = polls.waits(pairs, source.pop("counter"))
        for word, field in (("timeout", "TimeoutSeconds"), ("then", "Next")):
            if word in source:
                out[field] = source.pop(word)
        mail = self.of(name, catalogue.mail, source.pop("mail")) if "mail" in source else None
        if catch := verbs.catches(source, branch):
            out["Catch"] = catch
        out |= {key: source.pop(key) for key in list(source) if key[:1].isupper()}
        if source:
            raise SourceError(f"{self.name}, {name}: nothing is known of {', '.join(sorted(source))}")
        if out["Type"] == "Task":
            out.setdefault("Output", {})
        branches, item = out.pop("Branches", None), out.pop("ItemProcessor", None)
        out = verbs.expressions(out)
        if mail is not None:
            out["Arguments"]["Message"] = verbs.below(out["Arguments"]["Message"], mail)
        if ":sns:publish" in out.get("Resource", "") and "Subject" in out["Arguments"]:
            out["Arguments"]["Subject"] = verbs.subject(out["Arguments"]["Subject"])
        if branches:
            out["Branches"] = [self.states(each, branch=True) for each in branches]
        if item:
            out["ItemProcessor"] = {"ProcessorConfig": {"Mode": "INLINE"}} | self.states(item, branch=True)
        if out["Type"] not in ("Choice", "Succeed", "Fail") and "End" not in out:
            out.setdefault("Next", after)
            if out["Next"] is None:
                raise SourceError(f"{self.name}, {name}: no state follows")
        return out


def expand(name: str) -> dict[str, Any]:
    """The ASL of statemachine/<name>.yaml."""
    source = read(f"{name}.yaml")
    head = {"Comment": source["about"], "QueryLanguage": "JSONata", "TimeoutSeconds": polls.seconds(source["timeout"])}
    return head | Machine(name).states(source["states"])


def machines() -> dict[str, dict[str, Any]]:
    """Every machine, by name. A source without `states` holds fragments."""
    names = [path.stem for path in sorted(SOURCES.glob("*.yaml")) if "states" in read(path.name)]
    return {name: expand(name) for name in names}


def main(argv: list[str]) -> int:
    if len(argv) != 1 or argv[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(argv[0])
    out.mkdir(parents=True, exist_ok=True)
    for name, machine in machines().items():
        (out / f"{name}.asl.json").write_text(json.dumps(machine, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SourceError as error:
        sys.exit(f"build_statemachines: {error}")
