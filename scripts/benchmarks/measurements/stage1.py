"""Stage 1: a training step of encoders and fusion head; no reference, for the unit costs."""

from __future__ import annotations

from scripts.benchmarks.context import Context
from scripts.benchmarks.processes import task
from scripts.benchmarks.rows import Row

_STEPS = 2


def measure_stage1(context: Context) -> list[Row]:
    """Measure training steps on a few clips in a process of its own."""
    text, audio = map(str, context.encoders)
    told, cost = task(
        "stage1_steps",
        table=str(context.speech.table),
        text=text,
        audio=audio,
        clips=context.sizes.stage1_clips,
        steps=_STEPS,
        device=context.device,
    )
    context.unit_costs["stage1_seconds_per_audio_second"] = told["seconds"] / told["audio_seconds"]
    context.unit_costs["stage1_bytes"] = cost.peak_bytes
    context.unit_costs["stage1_parameters"] = told["parameters"]
    return [
        Row(
            "stage1",
            f"one training step of stage 1 on {context.sizes.stage1_clips} clips, float32",
            "s",
            told["seconds"],
            items=told["audio_seconds"],
            item="s of audio",
            memory_ours=cost.peak_bytes,
            note=f"{context.encoder_names}; forward, backward and AdamW of all "
            f"{told['parameters']:,} parameters; the fastest of {_STEPS} steps",
        )
    ]
