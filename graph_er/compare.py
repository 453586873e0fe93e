"""Compare two evaluated runs: intervals by dialogue, paired tests, effect size.

python -m graph_er.compare model_checkpoints/graph_at model_checkpoints/stage1_at
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.running.cli import run_command

_FEWEST_REPLICATES = 200  # below that a 95 % interval rests on a handful of draws


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the comparison."""
    parser = argparse.ArgumentParser(prog="graph-er-compare", description=__doc__.splitlines()[0])
    for name in ("run_a", "run_b"):
        parser.add_argument(
            name,
            type=Path,
            metavar=name.upper(),
            help="an evaluated checkpoint folder of stage 1 or 3, an evaluation folder, or a "
            "predictions.csv",
        )
    parser.add_argument(
        "--split",
        choices=("test", "dev", "train"),
        default="test",
        help="on which side both were evaluated; a cross-validation is taken whole (default: test)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the comparison here")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the differences here")
    parser.add_argument(
        "--replicates",
        type=int,
        default=10_000,
        metavar="N",
        help="draws of the bootstrap (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Read both runs, compare them, print the comparison and write what was asked for."""
    arguments = build_parser().parse_args(argv)
    # After parsing: scipy takes seconds to import.
    from graph_er.errors import InputError
    from graph_er.report.canvas import write_png
    from graph_er.report.comparison import comparison_figure, comparison_text, conclusion
    from graph_er.running.files import write_json
    from graph_er.running.paths import keep_inputs, require_suffix
    from graph_er.scoring.comparison import compare_runs
    from graph_er.scoring.prediction_files import read_evaluated_run

    for option, least in (("replicates", _FEWEST_REPLICATES), ("seed", 0)):
        if getattr(arguments, option) < least:
            raise InputError(f"--{option} is {getattr(arguments, option)}; it must be >= {least}")
    if arguments.plot:
        require_suffix("--plot", arguments.plot, (".png",))
    run_a, run_b = (
        read_evaluated_run(path, arguments.split) for path in (arguments.run_a, arguments.run_b)
    )
    outputs = [("--out", arguments.out), ("--plot", arguments.plot)]
    read = [
        (name, path)
        for name, run in (("RUN_A", run_a), ("RUN_B", run_b))
        for path in (*(part.path for part in (run.predictions, *run.members)), run.scores)
    ]
    for option, path in outputs:
        if path:
            keep_inputs(option, path, [path], read)
            read.append((option, path))
    comparison = compare_runs(run_a, run_b, arguments.replicates, arguments.seed)
    if arguments.out:
        write_json(arguments.out, {**comparison, "conclusion": conclusion(comparison)})
    if arguments.plot:
        write_png(arguments.plot, comparison_figure(comparison))
    print(comparison_text(comparison))  # last: a reader that is gone is not to cost the files


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
