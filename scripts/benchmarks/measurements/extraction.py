"""Stage 2: vectors of frozen encoders, ours against batches of six in corpus order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.corpora.registry import read_corpus
from feature_extractor.execution import Execution, resolve_dtype
from feature_extractor.extraction.prediction import predict
from feature_extractor.extraction.stage2 import Source
from feature_extractor.networks.frozen import load_frozen
from feature_extractor.utterance import Corpus
from scripts.benchmarks.context import Context
from scripts.benchmarks.processes import ROOT, Cost, measured, python
from scripts.benchmarks.processes import task as in_process
from scripts.benchmarks.reference.extraction import BATCH_SIZE, PlainExtractor
from scripts.benchmarks.rows import Check, Goal, Row, at_most
from scripts.benchmarks.timing import alternate

_FLOAT32_TOLERANCE = 1e-4
_SMALLEST_COSINE = 0.999
_GOALS = {"float32": 1.3, "bfloat16": 2.5}

Vectors = dict[str, np.ndarray]


class FrozenExtraction:
    """Stage 2 without stage 1, as the command runs it, on utterances that stay the same.

    Args:
        corpus: what is extracted, in its order.
        text: folder of the text encoder.
        audio: folder of the audio encoder.
        device: ``cpu`` or a CUDA device.
        dtype: ``float32`` or ``bfloat16``.
    """

    def __init__(self, corpus: Corpus, text: str, audio: str, device: str, dtype: str) -> None:
        self.corpus = corpus
        self.model, self.collate, self.sampling_rate = load_frozen(text, audio, None)
        self.execution = Execution(device=torch.device(device), dtype=getattr(torch, dtype))

    def run(self) -> Vectors:
        """Return ``text`` and ``audio`` vectors ``[N, D]``."""
        utterances = self.corpus.utterances
        dataset = UtteranceDataset(self.corpus, utterances, sampling_rate=self.sampling_rate)
        output = predict(self.model, self.collate, dataset, self.execution, Source.clip_length)
        return {name: output[name] for name in ("text", "audio")}


def measure_extraction(context: Context) -> list[Row]:
    """Measure both in one process, and both as whole commands."""
    rows = [extraction_row(context, "float32"), _bfloat16_row(context), _commands(context)]
    row = rows[0]
    assert row.ours is not None
    context.unit_costs["extraction_seconds_per_audio_second"] = row.ours / context.speech.seconds
    context.unit_costs["extraction_bytes"] = rows[2].memory_ours
    rows[0] = replace(
        row, memory_ours=rows[2].memory_ours, memory_reference=rows[2].memory_reference
    )
    return rows


def extraction_row(context: Context, dtype: str, stage: str = "extraction") -> Row:
    """Return the row of one precision; the reference computes in float32.

    Args:
        context: its clips and encoders are taken.
        dtype: of ours.
        stage: name of the measurement.
    """
    corpus = read_corpus("table", context.speech.table)
    text, audio = map(str, context.encoders)
    ours = FrozenExtraction(corpus, text, audio, context.device, dtype)
    reference = PlainExtractor(text, audio, context.device)
    expected = reference.run(corpus.utterances)
    compare = same_vectors if dtype == "float32" else alike_vectors
    check = compare(ours.run(), expected)
    spent = alternate(
        ours.run,
        lambda: reference.run(corpus.utterances),
        context.sizes.clip_repeats,
        context.device,
        warm=True,
    )
    return Row(
        stage,
        f"vectors of {len(corpus.utterances)} clips in {dtype} ({context.device})",
        "s",
        *spent,
        items=context.speech.seconds,
        item="s of audio",
        goal=Goal("ratio at least", _GOALS[dtype]),
        check=check,
        note=f"{context.encoder_names}; reference: float32, batches of {BATCH_SIZE} in corpus "
        "order; models loaded already",
    )


def same_vectors(ours: Vectors, reference: Vectors) -> Check:
    """Compare vectors of one precision: the largest difference of any number."""
    worst = max(np.abs(ours[name] - reference[name]).max() for name in reference)
    return at_most("largest difference of any vector's numbers", worst, _FLOAT32_TOLERANCE)


def alike_vectors(ours: Vectors, reference: Vectors) -> Check:
    """Compare vectors of two precisions: the smallest cosine of an utterance's two vectors."""
    cosines = []
    for name, expected in reference.items():
        norms = np.linalg.norm(ours[name], axis=1) * np.linalg.norm(expected, axis=1)
        cosines.append(((ours[name] * expected).sum(axis=1) / norms).min())
    smallest = float(min(cosines))
    what = "smallest cosine of any vector with the reference's"
    return Check(what, smallest, _SMALLEST_COSINE, smallest > _SMALLEST_COSINE)


def _bfloat16_row(context: Context) -> Row:
    if resolve_dtype("auto", torch.device(context.device)) == torch.bfloat16:
        return extraction_row(context, "bfloat16")
    return Row(
        "extraction",
        f"the same in bfloat16 ({context.device})",
        "s",
        None,
        goal=Goal("ratio at least", _GOALS["bfloat16"]),
        note="no native bfloat16 here",
    )


def _commands(context: Context) -> Row:
    """Return what whole commands take: start-up, models, reading, and writing the result."""
    text, audio = map(str, context.encoders)
    table, out = str(context.speech.table), context.scratch / "vectors.pkl"
    command = python(str(ROOT / "feature_extractor" / "extract.py"), "--frozen")
    corpus = ["--corpus", "table", "--root", table, "--device", context.device]
    encoders = ["--text_encoder", text, "--audio_encoder", audio]
    plain = {"table": table, "text": text, "audio": audio, "device": context.device}
    pairs: list[tuple[Cost, Cost]] = []
    for _ in range(max(1, context.sizes.clip_repeats // 3)):
        out.unlink(missing_ok=True)
        ours = measured([*command, *corpus, *encoders, "--out", str(out)])
        reference = in_process("plain_extraction", **plain, out=str(context.scratch / "plain.pkl"))
        pairs.append((ours, reference[1]))
    return Row(
        "extraction",
        f"the whole command on these clips ({context.device})",
        "s",
        float(np.median([ours.seconds for ours, _ in pairs])),
        float(np.median([plain.seconds for _, plain in pairs])),
        items=context.speech.seconds,
        item="s of audio",
        memory_ours=max(ours.peak_bytes for ours, _ in pairs),
        memory_reference=max(plain.peak_bytes for _, plain in pairs),
        note="start-up and loading included; ours also checks, names by content and can resume",
    )
