"""`python -m lab`: the lab in the foreground. `--help` lists the options."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from . import server
from .nodes.clusterpro.spec import load


def _write_env(path: Path, endpoint: str, region: str) -> None:
    """Shell exports for any AWS client; written to a side file and moved, so that a reader never sees half of it."""
    lines = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    side = path.with_suffix(".tmp")
    side.write_text("".join(f"export {k}={v}\n" for k, v in lines.items()), encoding="utf-8")
    side.replace(path)


def _stop_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent ends, so that a killed test run leaves no lab behind."""
    pr_set_pdeathsig = 1  # linux/prctl.h
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM)


def main(argv: list[str] | None = None, adopt: server.Adopt = server.nothing_to_adopt) -> int:
    """Run a lab to its end; the exit code. `adopt` as server.run has it."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("--port", type=int, help="loopback port; default: a free one")
    parser.add_argument("--scale", type=float, default=1.0, help="lab seconds per real second (default 1)")
    parser.add_argument("--env-file", type=Path, help="write shell exports here once the lab is ready")
    parser.add_argument("--world", type=Path, help="JSON file with the initial world (keys: see lab/ec2/world.py)")
    parser.add_argument("--cluster", type=Path, help="YAML or JSON file with a scenario's `cluster:` mapping")
    parser.add_argument("--lie", action="append", default=[], metavar="ID", help="tell this lie (tests/lies/lies.yaml)")
    parser.add_argument("--mutate", type=int, metavar="SEED", help="change one member of one call's answers")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started the lab ends")
    args = parser.parse_args(argv)
    if args.with_parent:
        _stop_with_parent()

    def ready(lab) -> None:
        from .context import REGION

        if args.env_file:
            _write_env(args.env_file, lab.endpoint, REGION)
        if not args.quiet:
            print(f"lab ready at {lab.endpoint} (time x{lab.clock.scale:g}); Ctrl-C stops it", flush=True)
            if args.env_file:
                print(f"in another shell:  . {os.path.relpath(args.env_file)}", flush=True)

    try:
        world = json.loads(args.world.read_text(encoding="utf-8")) if args.world else {}
        cluster = load(args.cluster) if args.cluster else {}
        server.run(
            scale=args.scale,
            port=args.port,
            ready=ready,
            world=world,
            cluster=cluster,
            lies=args.lie,
            mutation=args.mutate,
            adopt=adopt,
        )
    except (ValueError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    finally:
        if args.env_file:
            args.env_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
