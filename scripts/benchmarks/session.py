"""Measuring one thing after another, with a bar that tells how long it will take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from scripts.benchmarks.context import Context
from scripts.benchmarks.document import Document
from scripts.benchmarks.machine import describe_machine
from scripts.benchmarks.measurements import MEASUREMENTS
from scripts.benchmarks.sizes import Sizes


def measure(
    sizes: Sizes,
    names: Sequence[str],
    scratch: Path,
    data: Path | None = None,
    keep: Callable[[Document], None] = lambda document: None,
) -> Document:
    """Run measurements.

    Args:
        sizes: how much is measured.
        names: of `MEASUREMENTS`; they run in the order given there.
        scratch: a folder for files that are not kept.
        data: a dialogue file for stage 3, or None for a synthetic one.
        keep: given what is measured so far after each measurement; a run of an hour may be stopped.

    Raises:
        InputError: the dialogue file cannot be used.
    """
    context = Context(sizes, scratch, data=data and data.resolve())  # children run elsewhere
    chosen = {name: found for name, found in MEASUREMENTS.items() if name in names}
    weights = {
        name: found.full if sizes.name == "full" else found.quick for name, found in chosen.items()
    }
    about = "a synthetic file" if data is None else data.name
    document = Document(sizes.name, describe_machine(), [], context.unit_costs, about)
    shape = "{desc}{percentage:3.0f}%|{bar}| {elapsed}, about {remaining} left"
    with tqdm(total=sum(weights.values()) or 1, bar_format=shape) as bar:
        for name, measurement in chosen.items():
            bar.set_description(name)
            document.rows.extend(measurement.measure(context))
            keep(document)
            bar.update(weights[name])
    return document
