"""What is measured in processes of its own: ``python -m scripts.benchmarks.tasks NAME JSON``.

Every task takes plain values and prints what it found as one line of JSON. Heavy modules are
imported within the tasks, so that each process holds no more than it needs.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

_WARM_UP_DIALOGUES = 100
# A small file's epoch is over soon: it is repeated.
_REPEATS, _FEW_DIALOGUES = 5, 1000

Told = dict[str, Any]


def cogmen_epoch(path: str, modalities: str) -> Told:
    """Train one epoch of preset ``cogmen``, scored on dev."""
    from graph_er.training.fit import fit

    spec, recipe, sides = _material(path, modalities, "cogmen")
    options: dict[str, Any] = {"seed": 1, "device": "cpu", "stop_after": 1}
    start = time.perf_counter()
    fit(
        lambda: spec.build(recipe.model),
        sides.train, sides.dev, spec.emotions, recipe.training, **options,
    )  # fmt: skip
    utterances = sum(len(graph.y) for graph in sides.train)
    return {"seconds": time.perf_counter() - start, "utterances": utterances}


def default_epoch(path: str, modalities: str, device: str) -> Told:
    """Train one epoch of preset ``default`` without scoring; tell seconds and utterances."""
    from graph_er.training.optimisation import Trainer
    from scripts.benchmarks.timing import seconds

    spec, recipe, sides = _material(path, modalities, "default")

    def trainer(graphs: list[Any]) -> Trainer:
        model = spec.build(recipe.model).to(device)
        return Trainer(model, graphs, len(spec.emotions), recipe.training, device)

    trainer(sides.train[:_WARM_UP_DIALOGUES]).run_epoch()
    trained = trainer(sides.train)
    repeats = _REPEATS if len(sides.train) <= _FEW_DIALOGUES else 1
    spent = median(seconds(trained.run_epoch, device) for _ in range(repeats))
    return {"seconds": spent, "utterances": sum(len(graph.y) for graph in sides.train)}


def _material(path: str, modalities: str, preset: str) -> tuple[Any, Any, Any]:
    """Read a file; return spec, recipe and sides."""
    from graph_er.dialogues import read_dialogues, require_side
    from graph_er.networks.spec import spec_of
    from graph_er.training.one_seed import sides_of
    from graph_er.training.recipe import make_recipe

    file = read_dialogues(path)
    recipe = make_recipe(preset, modalities, {}, {})
    train, dev = require_side(file, "train"), require_side(file, "dev")
    spec = spec_of(file, [*train, *dev], modalities, recipe.model)
    sides = sides_of(spec, recipe, train, dev)
    return spec, recipe, sides


def published_epoch(path: str, modalities: str) -> Told:
    """Train one epoch of the published loop."""
    from graph_er.dialogues import read_dialogues
    from scripts.benchmarks.stage3 import make_task, published_training

    task = make_task(read_dialogues(path), modalities, "cogmen")
    return {"dev_f1": published_training(task).epoch()}


def write_synthetic(path: str, dialogues: int, turns: int, text: int, audio: int) -> Told:
    """Write a synthetic dialogue file."""
    from graph_er.dialogues import write_dialogues
    from scripts.benchmarks.synthetic_dialogues import make_file

    write_dialogues(path, make_file(dialogues, turns, text=text, audio=audio, even=True))
    return {}


def read_ours(path: str) -> Told:
    """Read a dialogue file as every command does."""
    from graph_er.dialogues import read_dialogues

    return _timed(lambda: read_dialogues(path))


def read_plain(path: str) -> Told:
    """Read it by pickle alone; the benchmark has written it itself."""
    import numpy  # noqa: F401 (what pickle would import while the clock runs)

    return _timed(lambda: _load(path))


def write_ours(path: str) -> Told:
    """Write a dialogue file beside the one that was read."""
    from graph_er.dialogues import read_dialogues, write_dialogues

    file, out = read_dialogues(path), Path(path).with_suffix(".ours.pkl")
    told = _timed(lambda: write_dialogues(out, file))
    out.unlink()
    return told


def write_plain(path: str) -> Told:
    """Write it by pickle alone."""
    values, out = _load(path), Path(path).with_suffix(".plain.pkl")
    told = _timed(lambda: _dump(out, values))
    out.unlink()
    return told


def plain_extraction(table: str, text: str, audio: str, device: str, out: str) -> Told:
    """Extract by the plain loop and pickle the vectors: the reference's whole command."""
    from feature_extractor.corpora.registry import read_corpus
    from scripts.benchmarks.reference.extraction import PlainExtractor

    utterances = read_corpus("table", Path(table)).utterances
    vectors = PlainExtractor(text, audio, device).run(utterances)
    _dump(Path(out), [{u.id: row for u, row in zip(utterances, vectors["text"], strict=True)}])
    return {"utterances": len(utterances)}


def stage1_steps(table: str, text: str, audio: str, clips: int, steps: int, device: str) -> Told:
    """Train a fresh stage-1 model for some steps on one batch; tell the fastest one's seconds.

    The first step, in which the optimiser makes its state, is left out.
    """
    import torch

    from feature_extractor.batches.dataset import UtteranceDataset
    from feature_extractor.corpora.registry import read_corpus
    from feature_extractor.networks.checkpoint import build_checkpoint
    from feature_extractor.settings import ModelSettings
    from scripts.benchmarks.timing import seconds

    corpus = read_corpus("table", Path(table))
    settings = ModelSettings(text_encoder=text, audio_encoder=audio)
    checkpoint = build_checkpoint(settings, "at", corpus.emotions)
    # transformers wraps `to` without its types.
    model = checkpoint.model.to(device).train()  # type: ignore[arg-type]
    utterances = corpus.utterances[:clips]
    dataset = UtteranceDataset(corpus, utterances, sampling_rate=model.config.sampling_rate)
    batch = checkpoint.collator()([dataset[index] for index in range(len(dataset))])
    batch = {name: value.to(device) for name, value in batch.items()}
    labels = batch.pop("labels")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(**batch).logits, labels).backward()
        optimizer.step()

    step()
    return {
        "seconds": min(seconds(step, device) for _ in range(steps)),
        "audio_seconds": sum(utterance.duration for utterance in utterances),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def _timed(function: Callable[[], object]) -> Told:
    start = time.perf_counter()
    function()
    return {"seconds": time.perf_counter() - start}


def _load(path: str) -> Any:
    """Read as whoever trusts a file does: the benchmark itself wrote it."""
    with Path(path).open("rb") as file:
        return pickle.load(file)


def _dump(path: Path, values: Any) -> None:
    with path.open("wb") as file:
        pickle.dump(values, file, protocol=4)


_TASKS: dict[str, Callable[..., Told]] = {
    task.__name__: task
    for task in (
        *(cogmen_epoch, default_epoch, published_epoch, write_synthetic, stage1_steps),
        *(read_ours, read_plain, write_ours, write_plain, plain_extraction),
    )
}


if __name__ == "__main__":
    from graph_er.running.tracking import forbid_error_reports

    forbid_error_reports()
    print(json.dumps(_TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
