"""`python -m hal_conformance.power run|table`: measure what the suite finds."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hal_conformance.power import campaign, results, table
from hal_conformance.power.fault import operators as every_operator


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    options = _parsed(arguments)
    if options.command == "run":
        _run(options.out, options.operator, options.jobs)
    elif options.command == "pack":
        results.pack(options.results, options.out)
    elif options.write:
        table.write(results.read(options.results), options.write)
    else:
        print(table.text(results.read(options.results)))
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hal_conformance.power", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="try every fault in every operator")
    run.add_argument("-o", "--out", type=Path, required=True, help="a .jsonl; goes on if there")
    run.add_argument("-j", "--jobs", type=int, default=2, help="processes")
    run.add_argument("operator", nargs="*", help="only these")
    pack = commands.add_parser("pack", help="sort and compress results")
    pack.add_argument("results", type=Path)
    pack.add_argument("-o", "--out", type=Path, required=True)
    made = commands.add_parser("table", help="print the tables, or put them into a document")
    made.add_argument("results", type=Path)
    made.add_argument("--write", type=Path, help="a document with the marks in it")
    return parser.parse_args(arguments)


def _run(out: Path, operators: list[str], jobs: int) -> None:
    started, done = time.perf_counter(), set[str]()
    if out.exists():
        lines = out.read_text("utf-8").splitlines()[1:]
        done = {json.loads(line)["operator"] for line in lines}
    else:
        out.write_text(json.dumps(results.header()) + "\n", "utf-8")
    wanted = operators or [operator.name for operator in every_operator()]
    left = [name for name in wanted if name not in done]
    with out.open("a", encoding="utf-8") as file:
        for number, (name, pairs) in enumerate(campaign.run(left, jobs), 1):
            file.write(results.line_of(name, pairs) + "\n")
            file.flush()
            count = table.counted(pairs)
            seconds = time.perf_counter() - started
            print(
                f"{number}/{len(left)} {name}: {len(count)} count, "
                f"{100 * table.share(count):.1f} % found; {seconds:.0f} s",
                file=sys.stderr,
            )


if __name__ == "__main__":
    sys.exit(main())
