"""clp.conf as a file: the part of it that the lab knows, and what somebody else's holds besides, secrets too."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from .spec import ClusterSpec

# As an operator's clp.conf holds them; no description of a node may.
SECRETS = ("lab-operation-word", "AKIALABKEYOFNOBODY00", "lab-monitor-word")


def text(spec: ClusterSpec) -> str:
    """The same on every node."""
    operation, key, monitor = SECRETS
    servers = "".join(
        f"<server name={quoteattr(name)}><priority>{i}</priority></server>" for i, name in enumerate(spec.nodes)
    )
    disks = "".join(
        f"<md name={quoteattr(disk.name)}><parameters><diskdev>"
        f"<dppath>{escape(disk.data_partition[spec.nodes[0]])}</dppath>"
        f"<cppath>{escape(disk.cluster_partition[spec.nodes[0]])}</cppath></diskdev></parameters></md>"
        for disk in spec.disks
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<root>\n<all><charset>UTF-8</charset></all>\n<cluster><name>{escape(spec.name)}</name></cluster>\n"
        f"<webmgr><security><operationpwd>{operation}</operationpwd></security></webmgr>\n{servers}\n"
        f'<resource>{disks}<awsvip name="vip"><parameters><accesskey>{key}</accesskey></parameters></awsvip>'
        "</resource>\n"
        f'<monitor><psqlw name="psqlw"><parameters><agentparam>-U app --password {monitor}</agentparam></parameters>'
        "</psqlw></monitor>\n</root>\n"
    )


def write(spec: ClusterSpec, root: Path) -> None:
    """Installs it on a node, once: whoever changes it changes the file."""
    path = root / "etc" / "clp.conf"
    if not path.exists():
        path.write_text(text(spec), encoding="utf-8")
