"""What a corpus of a given size costs: hours and memory per stage, from measured unit costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graph_er.errors import InputError
from graph_er.report.tables import Row as TableRow
from graph_er.report.tables import Table
from scripts.benchmarks.document import Document
from scripts.benchmarks.encoder_flops import TRAINING_PASSES, audio_flops_per_second, text_flops
from scripts.benchmarks.tables import quantity

SCALES = (10_000, 1_000_000, 100_000_000)
CLIP_SECONDS = 5.8  # mean of KEMDy19's utterances
_TOKENS = 25  # of a mean transcript
_PEAK_FLOPS, _UTILISATION = 790e12, 0.4  # one H200 in bfloat16, dense; the share that is reached
_GPUS = 8
_BYTES_PER_TRAINED_PARAMETER = 16  # weight, gradient and AdamW's two moments in float32
_NEEDED = (
    *("stage1_seconds_per_audio_second", "stage1_bytes", "stage1_parameters"),
    *("extraction_seconds_per_audio_second", "extraction_bytes", "file_bytes_per_utterance"),
    *("stage3_seconds_per_utterance", "stage3_bytes_per_utterance", "stage3_bytes"),
    "predict_seconds_per_utterance",
)
_HEADER = ("Stage", "Utterances", "2 cores, measured", "Memory", "One H200", "Eight H200")


@dataclass(frozen=True)
class Stage:
    """What one utterance costs in one stage.

    Attributes:
        name: of the stage.
        cpu_seconds: per utterance, measured.
        flops: per utterance, counted; None where arithmetic is not what it waits for.
        bytes: peak memory of a process whatever the number of utterances.
        bytes_per_utterance: beside these.
        limit: where the stage stops scaling.
    """

    name: str
    cpu_seconds: float
    flops: float | None
    bytes: float
    bytes_per_utterance: float
    limit: str

    def memory(self, utterances: int) -> float:
        """Return peak bytes."""
        return self.bytes + self.bytes_per_utterance * utterances

    def gpu_seconds(self, utterances: int, gpus: int) -> float | None:
        """Return estimated seconds, or None where the rule says nothing."""
        if self.flops is None:
            return None
        return utterances * self.flops / (_UTILISATION * _PEAK_FLOPS * gpus)


def stages_of(unit_costs: Mapping[str, Any], memory_bytes: float) -> list[Stage]:
    """Return the stages' costs per utterance.

    Args:
        unit_costs: of a full benchmark.
        memory_bytes: of the machine that was measured.
    """
    forward = CLIP_SECONDS * audio_flops_per_second(CLIP_SECONDS) + text_flops(_TOKENS)
    trained = unit_costs["stage1_parameters"] * _BYTES_PER_TRAINED_PARAMETER
    base, each = unit_costs["stage3_bytes"], max(unit_costs["stage3_bytes_per_utterance"], 1.0)
    fits = int((memory_bytes - base) / each)
    in_memory = (
        "memory: all features of a run are held at once, so that this machine takes at most "
        f"{fits:,} utterances at the measured width, one model after another (--jobs 1): each "
        "further process takes copies of its own; one process's dialogues are one file"
    )
    file_bytes = unit_costs["file_bytes_per_utterance"]
    return [
        Stage(
            "1: train, one epoch",
            CLIP_SECONDS * unit_costs["stage1_seconds_per_audio_second"],
            TRAINING_PASSES * forward,
            unit_costs["stage1_bytes"],
            0,
            f"arithmetic; every GPU holds the whole model ({quantity(trained, 'bytes')} with "
            "AdamW, activations apart)",
        ),
        Stage(
            "2: extract",
            CLIP_SECONDS * unit_costs["extraction_seconds_per_audio_second"],
            forward,
            unit_costs["extraction_bytes"],
            0,
            "arithmetic, then decoding audio; shards share nothing. Disk: "
            f"{file_bytes:,.0f} bytes an utterance at the measured width",
        ),
        Stage(
            "3: train a default run",
            unit_costs["stage3_seconds_per_utterance"], None, base, each, in_memory,
        ),
        Stage(
            "3: predict",
            unit_costs["predict_seconds_per_utterance"], None, base, each,
            "memory, as above; files can be predicted one after another",
        ),
    ]  # fmt: skip


def render_plan(document: Document) -> str:
    """Return the table of hours and memory, with the rules behind it, as Markdown.

    Raises:
        InputError: the benchmark lacks a unit cost, or measured other encoders than the plan's.
    """
    missing = [name for name in _NEEDED if document.unit_costs.get(name) is None]
    if document.size != "full" or missing:
        lacking = f", lacks {missing[0]}" if missing else ""
        raise InputError(
            f"a plan takes the unit costs of a whole `scripts/benchmark.py --full`; this one is "
            f"--{document.size}{lacking}"
        )
    machine = document.machine
    stages = stages_of(document.unit_costs, machine["memory_bytes"])
    fits = machine["memory_bytes"]
    rows = [_row(stage, scale, fits) for stage in stages for scale in SCALES]
    rules = (
        f"Mean clip {CLIP_SECONDS} s, {_TOKENS} tokens. Measured: {machine['cpu']}, "
        f"{machine['cores']} cores, unit costs of the benchmark of {machine['date']} times the "
        "number of utterances. H200: estimate, not measured: operations of XLS-R 300M and "
        "RoBERTa-base counted from their shapes (training three times those of a forward pass), "
        f"divided by {_UTILISATION:g} × {_PEAK_FLOPS / 1e12:g} TFLOP/s (bfloat16, dense) and by "
        "the number of GPUs. Stage 3 waits for memory and small kernels rather than for "
        "arithmetic: this rule says nothing of it, and none is given."
    )
    table = Table(_HEADER, tuple(rows), num_text=1).markdown()
    limits = "\n".join(f"- {stage.name}: {stage.limit}." for stage in stages)
    return f"{table}\n{rules}\n\nWhere each stage stops scaling:\n\n{limits}\n"


def _row(stage: Stage, utterances: int, fits: float) -> TableRow:
    memory = stage.memory(utterances)
    estimates = [stage.gpu_seconds(utterances, gpus) for gpus in (1, _GPUS)]
    return TableRow(
        (
            stage.name,
            f"{utterances:,}",
            hours(utterances * stage.cpu_seconds),
            quantity(memory, "bytes") + (" (too much)" if memory > fits else ""),
            *("–" if spent is None else f"{hours(spent)} (estimate)" for spent in estimates),
        )
    )


def hours(seconds: float) -> str:
    """Return seconds as hours with two significant digits, short times in minutes or seconds."""
    if seconds < 60:
        return f"{seconds:.2g} s"
    if seconds < 3600:
        return f"{seconds / 60:.2g} min"
    value = seconds / 3600
    shown = f"{value:.2g}"
    return f"{shown} h" if float(shown) < 100 else f"{value:,.0f} h"
