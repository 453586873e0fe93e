"""Measuring one thing after another, with a bar that tells how long it will take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from scripts.benchmarks.context import Context
from scripts.benchmarks.document import Document
from scripts.benchmarks.machine import describe_machine
from scripts.benchmarks.measurements import MEASUREMENTS
from scripts.benchmarks.rows import Row
from scripts.benchmarks.sizes import Sizes


def measure(
    sizes: Sizes, names: Sequence[str], scratch: Path, data: Path | None = None
) -> Document:
    """Run measurements.

    Args:
        sizes: how much is measured.
        names: of `MEASUREMENTS`; they run in the order given there.
        scratch: a folder for files that are not kept.
        data: a dialogue file for stage 3, or None for a synthetic one.

    Raises:
        InputError: the dialogue file cannot be used.
    """
    context = Context(sizes, scratch, data=data and data.resolve())  # children run elsewhere
    chosen = {name: found for name, found in MEASUREMENTS.items() if name in names}
    weights = {
        name: found.full if sizes.name == "full" else found.quick for name, found in chosen.items()
    }
    rows: list[Row] = []
    shape = "{desc}{percentage:3.0f}%|{bar}| {elapsed}, about {remaining} left"
    with tqdm(total=sum(weights.values()) or 1, bar_format=shape) as bar:
        for name, measurement in chosen.items():
            bar.set_description(name)
            rows += measurement.measure(context)
            bar.update(weights[name])
    name = "a synthetic file" if data is None else data.name
    return Document(sizes.name, describe_machine(), rows, context.unit_costs, name)
