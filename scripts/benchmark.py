"""Times every stage against a plain version of the published approach, and checks both alike.

python scripts/benchmark.py

Writes benchmark.json and, made from it, benchmark.md and benchmark.png. Exit status 1 if any
result differs from the reference's, 2 on bad input.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graph_er.running.cli import run_command
from graph_er.running.paths import project_root
from scripts.benchmarks.measurements import MEASUREMENTS


class ChecksFailedError(Exception):
    """Results differ between ours and the reference."""


def build_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    names = "\n".join(f"  {name:<11} {found.about}" for name, found in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(
        prog="benchmark.py",
        description=__doc__.splitlines()[0],
        epilog=f"measurements:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    size = parser.add_mutually_exclusive_group()
    for name, about in (
        ("quick", "two minutes on 2 cores, tiny encoders, long runs extrapolated (default)"),
        ("full", "an hour: full-size encoders with random weights, whole runs, all rows"),
        ("tiny", "seconds, sizes of the tests; its times mean nothing"),
    ):
        size.add_argument(f"--{name}", dest="size", action="store_const", const=name, help=about)
    parser.add_argument(
        "--only", nargs="+", choices=MEASUREMENTS, metavar="NAME", help="these measurements alone"
    )
    parser.add_argument(
        "--data_dir", type=Path, metavar="FILE.pkl",
        help="dialogue file that stage 3 is measured on (default: a synthetic one)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where the results go (default: runs/benchmark)"
    )
    made = parser.add_mutually_exclusive_group()
    made.add_argument(
        "--from", dest="sources", type=Path, nargs="+", metavar="FILE.json",
        help="measure nothing; make table and picture of these results, as one where they are of "
        "several sittings with --only",
    )  # fmt: skip
    made.add_argument(
        "--plan", type=Path, metavar="FILE.json",
        help="measure nothing; print what 10 thousand to 100 million utterances would cost",
    )  # fmt: skip
    return parser


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    unread = {f"--{arguments.size}": arguments.size, "--only": arguments.only}
    unread["--data_dir"] = arguments.data_dir
    if arguments.plan:
        unread["--out"] = arguments.out
    given = [name for name, value in unread.items() if value is not None]
    if given and (arguments.sources or arguments.plan):
        option = "--plan prints" if arguments.plan else "--from takes"
        parser.error(f"{option} what was measured before; leave {given[0]} out")
    return arguments


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the results.

    Raises:
        ChecksFailedError: a result differs from the reference's; the files are written first.
    """
    arguments = _parse(argv)
    # After parsing: these import torch and transformers.
    from scripts.benchmarks.document import joined, read_document
    from scripts.benchmarks.plan import render_plan
    from scripts.benchmarks.session import measure
    from scripts.benchmarks.sizes import SIZES

    out = arguments.out or project_root() / "runs" / "benchmark"
    if arguments.plan:
        print(render_plan(read_document(arguments.plan)), end="")
        return
    if arguments.sources:
        document = joined([read_document(path) for path in arguments.sources])
        document.write(out)
    else:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
            sizes = SIZES[arguments.size or "quick"]
            names = arguments.only or list(MEASUREMENTS)
            document = measure(
                sizes, names, Path(scratch), arguments.data_dir, lambda so_far: so_far.write(out)
            )
    print(document.markdown())
    print(f"wrote {out}")
    failed = document.failed
    if failed:
        raise ChecksFailedError("; ".join(row.title for row in failed))


def cli() -> int:
    """Run as a console command."""
    try:
        return run_command(main)
    except ChecksFailedError as error:
        print(f"error: results differ from the reference's: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(cli())
