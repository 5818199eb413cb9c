"""The document describe on the lab's nodes: what a rebuild needs, in parts, without secrets, nothing left behind."""

from __future__ import annotations

import base64
import gzip
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from document_nodes import Nodes, sections
from node_steps import sh

from lab.client import Lab
from lab.nodes.clusterpro.configuration import SECRETS

SEEDED = Path(__file__).resolve().parent / "fixtures" / "clp-with-secrets.xml"
HERE = 'cd "${MIRRORSNAP_ETC}" && '


@pytest.fixture(scope="module")
def nodes(lab: Lab) -> Iterator[Nodes]:
    made = Nodes(lab)
    lab.wait_for(lambda: "Online" in sh(lab, "clpstat -s")["stdout"] and not lab.control("oracles")["residue"], 60)
    yield made


@pytest.fixture
def configuration(nodes: Nodes) -> Iterator[Any]:
    """Replaces server1's clp.conf."""
    sh(nodes.lab, HERE + "cp clp.conf clp.kept")

    def replace(text: bytes) -> None:
        packed = base64.b64encode(text).decode()
        sh(nodes.lab, HERE + ": >clp.new")
        for at in range(0, len(packed), 30_000):
            sh(nodes.lab, HERE + f"printf %s '{packed[at : at + 30_000]}' >>clp.new")
        assert sh(nodes.lab, HERE + "base64 -d clp.new >clp.conf && rm clp.new")["rc"] == 0

    yield replace
    sh(nodes.lab, HERE + "mv clp.kept clp.conf")


def described(nodes: Nodes, run: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What all parts together hold, and the first lines."""
    lines, packed, part = [], "", 0
    while part == 0 or part < lines[0]["pack"]["parts"]:
        part += 1
        found = nodes.send("describe", Run=run, Part=str(part))
        assert found["status"] == "Success" and found["disturbed"] == [] and found["size"] < 24_000
        lines.append(found["line"])
        packed += found["sections"]["part"].strip()
    assert len(packed) == lines[0]["pack"]["characters"]
    return sections(gzip.decompress(base64.b64decode(packed)).decode()), lines


def test_it_holds_what_a_rebuild_needs_and_leaves_nothing_on_the_node(nodes: Nodes) -> None:
    find = 'find "$MIRRORSNAP_RUN/mirrorsnap" "$MIRRORSNAP_VAR_LIB/mirrorsnap" -type f 2>/dev/null | sort'
    before = sh(nodes.lab, find)["stdout"]
    found, _ = described(nodes, "describe-1")
    assert "<cppath>/dev/xvdb1</cppath>" in found["clp.conf"]
    assert "DISK1 : start=" in found["partitions of the disk of /dev/xvdb1"]
    assert found["kernel"] and "NAME=" in found["system"] and "logical volumes" in found
    assert found["left out"].split() == [
        "/root/webmgr/security/operationpwd",
        "/root/resource/awsvip/parameters/accesskey",
        "/root/monitor/psqlw/parameters/agentparam",
    ]
    assert sh(nodes.lab, find)["stdout"] == before


def test_no_secret_of_clp_conf_leaves_the_node(nodes: Nodes, configuration: Any) -> None:
    found, _ = described(nodes, "describe-2")
    assert not [secret for secret in SECRETS if secret in str(found)]
    text = SEEDED.read_text(encoding="utf-8")
    configuration(text.encode())
    found, _ = described(nodes, "describe-3")
    assert "seed-" in text and "seed" not in str(found) and "5f4dcc3b" not in str(found)
    assert len(found["left out"].split()) == 17
    for kept in ("受注", "vol0123456789abcdef0-part2", "-P 3306", "DB_PASSWORD", "123456789abc", "kept too",
                 "ip-10-0-0-1.ap-northeast-1.compute.internal", "<userpwd></userpwd>"):  # fmt: skip
        assert kept in found["clp.conf"], kept


@pytest.mark.parametrize(
    "broken",
    ["<root><a>seed-1</root>", "<!DOCTYPE r [<!ENTITY e 'seed-1'>]><root>&e;</root>", "seed-1", "<root>seed-1"],
)
def test_what_is_not_well_formed_is_left_out_whole(nodes: Nodes, configuration: Any, broken: str) -> None:
    configuration(broken.encode())
    found, _ = described(nodes, "describe-4")
    assert found["clp.conf"] == "" and found["left out"] == "clp.conf\n" and "seed" not in str(found)


def test_a_long_one_comes_in_parts_of_one_whole(nodes: Nodes, configuration: Any) -> None:
    words = random.Random(7)
    text = "".join(f"<c>{words.getrandbits(60)}</c>\n" for _ in range(4000))
    configuration(f"<root>\n{text}</root>\n".encode())
    found, lines = described(nodes, "describe-5")
    assert found["clp.conf"] == f"<root>\n{text}</root>\n"
    assert len(lines) >= 2 and len({line["pack"]["digest"] for line in lines}) == 1
    assert [line["pack"]["part"] for line in lines] == list(range(1, len(lines) + 1))
    assert nodes.send("describe", Run="describe-5", Part=str(len(lines) + 1))["line"]["result"] == "failed"
