"""A backup's dry run asks the doctor: what the nodes print, judged, and a recording that may be sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from restores import output, run

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up

# Longer than what clpstat shows of a name unless it is told to.
GROUP = "failover-of-the-billing-data"


def refuted(found: dict[str, Any]) -> set[str]:
    return {each["belief"] for each in found["doctor"]["findings"] if each["verdict"] == "refuted"}


def test_a_dry_run_records_both_nodes_and_names_the_beliefs_that_they_refute(tmp_path: Path) -> None:
    cluster, file = {"failover_groups": [GROUP]}, tmp_path / "cluster.json"
    file.write_text(json.dumps(cluster))
    with Lab(scale=10, options=["--cluster", str(file)]) as lab:
        product = Product(lab, parse(cluster))
        product.deploy()
        wait_until_up(lab)
        found = output(run(product, "backup", {"dry_run": True}))
        assert "doctor" in found and "findings" in found["doctor"], found
        assert refuted(found) == set()
        confirmed = {each["belief"] for each in found["doctor"]["findings"] if each["verdict"] == "confirmed"}
        assert {"clp-columns", "clp-blanks", "clp-clpcfget", "clp-long-names"} <= confirmed
        unread = [each for each in found["doctor"]["readings"] if "Err" in each["understood"]]
        assert unread == []
        assert found["doctor"]["likely_lines"] == 0, "they are the nodes' own"
        nodes = found["recording"]["nodes"]
        assert len(nodes) == 2 and found["recording"]["recording"] == 1
        for node in nodes:
            ran = [" ".join(entry["argv"][:3]) for entry in node["entries"]]
            for each in ("clpstat -s --long", "clpstat -m --long", "systemctl --version", "command -v clpsvcctrl.sh"):
                assert each in ran, ran
            assert all(isinstance(entry["exit"], int) and not entry["cut"] for entry in node["entries"])
        # Its names are hidden, those of the report are not.
        assert GROUP not in json.dumps(found["recording"]) and GROUP in json.dumps(found["doctor"])
        assert not any("doctor" in each for each in found["plan"])

        lab.control("cluster_set", switches={"long_names": True})
        found = output(run(product, "backup", {"dry_run": True}))
        assert refuted(found) == {"clp-long-names"}
        assert sum("clp-long-names" in each for each in found["plan"]) == 2, "of each node, in the dry run's words"
