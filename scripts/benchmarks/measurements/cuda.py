"""The same on a GPU: epoch, extraction, memory and utilisation; one line where there is none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import mean

import torch

from scripts.benchmarks.context import Context
from scripts.benchmarks.measurements.epoch import epoch_rows
from scripts.benchmarks.measurements.extraction import extraction_row
from scripts.benchmarks.rows import Row
from scripts.benchmarks.stage3 import make_task, same_logits

_SAMPLE_SECONDS = 0.2


def measure_cuda(context: Context) -> list[Row]:
    """Measure epoch and extraction on the first GPU, or say that there is none."""
    if not torch.cuda.is_available():
        return [Row("cuda", "the same on a GPU", "s", None, note="no GPU here")]
    on_gpu = replace(context, device="cuda", unit_costs={})
    task = make_task(on_gpu.dialogues, on_gpu.modalities, "cogmen")
    check = same_logits(task, "cuda")
    with _watched() as epoch_use:
        rows = epoch_rows(task, on_gpu.sizes.epochs, "cuda", check.what, stage="cuda")
    rows = [_with_use(replace(rows[0], check=check), epoch_use), rows[1]]
    for dtype in ("float32", "bfloat16"):
        with _watched() as use:
            row = extraction_row(on_gpu, dtype, stage="cuda")
        assert row.ours is not None
        rows.append(_with_use(row, use))
        context.unit_costs[f"cuda_extraction_{dtype}_seconds_per_audio_second"] = (
            row.ours / on_gpu.speech.seconds
        )
    return rows


@contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """Fill a dictionary with peak bytes and mean utilisation (%) of what runs within."""
    use: dict[str, float] = {}
    samples: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            try:
                samples.append(torch.cuda.utilization())
            except Exception:  # the driver's library is optional and fails in its own ways
                return

    torch.cuda.reset_peak_memory_stats()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield use
    finally:
        done.set()
        watcher.join()
        use["peak_bytes"] = torch.cuda.max_memory_allocated()
        if samples:
            use["utilisation"] = mean(samples)


def _with_use(row: Row, use: dict[str, float]) -> Row:
    """Add memory and utilisation of the GPU, ours and the reference's together, to a row."""
    shown = f"{use['utilisation']:.0f} %" if "utilisation" in use else "not known"
    note = f"{row.note}; GPU memory of ours or the reference, whichever is more; utilisation over "
    return replace(
        row, memory_ours=int(use["peak_bytes"]), note=f"{note}both, scoring included: {shown}"
    )
