"""The measurements, by the name that ``--only`` takes; each is a module, imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.benchmarks.context import Context
    from scripts.benchmarks.rows import Row


@dataclass(frozen=True)
class Measurement:
    """One measurement.

    Attributes:
        name: of its module here; it runs the module's ``measure_<name>``.
        about: what it measures, for ``--help``.
        quick, full: seconds that it roughly takes, for the progress bar.
    """

    name: str
    about: str
    quick: int
    full: int

    def measure(self, context: Context) -> list[Row]:
        """Return its rows."""
        module = import_module(f"{__name__}.{self.name}")
        return getattr(module, f"measure_{self.name}")(context)


MEASUREMENTS = {
    found.name: found
    for found in (
        Measurement("graph", "building dialogue graphs", 5, 5),
        Measurement("epoch", "an epoch of preset cogmen against the published loop", 40, 90),
        Measurement("run", "whole training runs", 30, 900),
        Measurement("stage1", "a training step of stage 1", 8, 120),
        Measurement("extraction", "stage 2, vectors from audio and text", 20, 900),
        Measurement("files", "reading and writing dialogue files", 10, 60),
        Measurement("imports", "starting up", 15, 15),
        Measurement("million", "a million utterances (--full alone)", 0, 600),
        Measurement("cuda", "the same on a GPU, where there is one", 1, 1),
    )
}
