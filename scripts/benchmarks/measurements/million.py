"""One epoch over a million utterances: time per utterance beside a small file's, and memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.context import Context
from scripts.benchmarks.measurements.run import train
from scripts.benchmarks.processes import task
from scripts.benchmarks.rows import Goal, Row

_TURNS, _WIDTH = 50, 64
_MOST_BYTES = 6_000_000_000
_MOST_GROWTH = 1.5


def measure_million(context: Context) -> list[Row]:
    """Measure an epoch of preset ``default`` and the whole command; nothing in small sizes."""
    many, few = context.sizes.many_utterances, context.sizes.few_utterances
    if not many:
        return []
    small, large = (_epoch(context, count) for count in (few, many))
    path = Path(large["path"])
    command = train(context, "many", "--epochs", "1", "--no-refit", data=path)
    path.unlink()
    grown = (large["seconds"] / large["utterances"]) / (small["seconds"] / small["utterances"])
    extra = (large["peak_bytes"] - small["peak_bytes"]) / (many - few)
    context.unit_costs["stage3_bytes_per_utterance"] = extra
    context.unit_costs["stage3_bytes"] = small["peak_bytes"]
    about = f"{many:,} utterances ({_WIDTH} + {_WIDTH})"
    return [
        Row(
            "million",
            f"one epoch of the default, {about}",
            "s",
            large["seconds"],
            items=large["utterances"],
            item="training utterances",
            memory_ours=large["peak_bytes"],
            note="training alone; without reading the file",
        ),
        Row(
            "million",
            f"time per utterance, {many:,} utterances against {few:,}",
            "times",
            grown,
            goal=Goal("ours at most", _MOST_GROWTH),
        ),
        Row(
            "million",
            f"memory of train.py, one epoch, {about}",
            "bytes",
            command.peak_bytes,
            goal=Goal("ours at most", _MOST_BYTES),
            note=f"the whole command took {command.seconds:.0f} s",
        ),
    ]


def _epoch(context: Context, utterances: int) -> dict[str, Any]:
    """Make a file and train one epoch on it, both in processes of their own."""
    path = context.scratch / f"utterances_{utterances}.pkl"
    task("write_synthetic", path=str(path), dialogues=utterances // _TURNS, turns=_TURNS,
         text=_WIDTH, audio=_WIDTH)  # fmt: skip
    told, cost = task("default_epoch", path=str(path), modalities="at", device=context.device)
    return {**told, "path": str(path), "peak_bytes": cost.peak_bytes}
