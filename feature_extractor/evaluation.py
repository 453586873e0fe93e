"""Scoring stage 1 alone on the utterances of one side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax
from tqdm import tqdm

from feature_extractor.batches.dataset import States, UtteranceDataset
from feature_extractor.corpora.policies import named_policies
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import predict
from feature_extractor.extraction.speaker_states import speaker_scaled_states
from feature_extractor.networks.checkpoint import Checkpoint, load_checkpoint
from feature_extractor.networks.encoders import quiet_transformers
from feature_extractor.networks.tuned_encoders import refuse_started_on_held_out
from feature_extractor.sources import (
    CorpusChoice,
    Tell,
    corpus_digest,
    is_synthetic,
    open_choice,
    refuse_other_emotions,
    require_audio,
    tell_split,
    utterances_by_side,
)
from feature_extractor.splits.record import (
    HELD_OUT,
    choose_split,
    split_digest,
    split_name,
    trained_among,
)
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.run_record import RECORD_NAME, add_metrics, read_run_record
from graph_er.scoring.evaluation import EvaluatedUtterances, evaluate, write_evaluation


@dataclass(frozen=True)
class Evaluation:
    """Utterances, the probabilities ``[N, C]`` that stage 1 gives them, and their scores."""

    utterances: EvaluatedUtterances
    probabilities: np.ndarray
    scores: dict[str, Any]


def evaluate_utterances(
    checkpoint: Checkpoint,
    corpus: Corpus,
    utterances: Sequence[Utterance],
    seed: int,
    execution: Execution,
    states: Mapping[str, States] | None = None,
) -> Evaluation:
    """Score a checkpoint on `utterances`, all of them, however long and also without audio.

    Args:
        checkpoint: the stage 1 model.
        corpus: where the utterances are from.
        utterances: ``N`` of them.
        seed: the seed that the checkpoint was trained with.
        execution: how to run.
        states: acoustic features of the whole corpus, scaled by speaker, where the checkpoint wants
            such and they are there already; else they are made.

    Raises:
        InputError: the model's output is not finite.
    """
    config = checkpoint.model.config
    if config.speaker_scaling and states is None:
        scaled = speaker_scaled_states(
            checkpoint.model, checkpoint.collator(), corpus, checkpoint.sampling_rate, execution
        )
        states = {"audio": scaled}
    dataset = UtteranceDataset(
        corpus,
        utterances,
        sampling_rate=checkpoint.sampling_rate,
        context=checkpoint.model.context,
        states=states,
    )
    with tqdm(total=len(utterances), desc="evaluation", unit="utt", leave=False) as bar:
        output = predict(
            checkpoint.model,
            checkpoint.collator(),
            dataset,
            execution,
            config.clip_length,
            progress=bar,
        )
    name = checkpoint.model.name_or_path or "the trained model"
    refuse_not_finite(output["logits"], utterances, name)
    evaluated = EvaluatedUtterances(
        dialogues=[u.dialogue for u in utterances],
        utterances=[u.id for u in utterances],
        speakers=[u.speaker for u in utterances],
        gold=np.array([corpus.label(u) for u in utterances]),
        emotions=corpus.emotions,
    )
    probabilities = softmax(output["logits"], axis=1)
    return Evaluation(evaluated, probabilities, evaluate(evaluated, probabilities[None], [seed]))


def refuse_not_finite(logits: np.ndarray, utterances: Sequence[Utterance], name: str) -> None:
    """Refuse outputs ``[N, C]`` of a model of some `name` that are not finite.

    Raises:
        InputError: those of an utterance are not; the message names the first.
    """
    bad = ~np.isfinite(logits).all(axis=1)
    if bad.any():
        first = utterances[int(np.flatnonzero(bad)[0])]
        raise InputError(
            f"{name}: its output on {counted(int(bad.sum()), 'utterance')}, {first.id} "
            "the first, is not finite; train stage 1 again, with a lower --lr if need be"
        )


def run_evaluation(
    checkpoint_dir: Path,
    choice: CorpusChoice,
    side: str,
    out: Path,
    execution: Execution,
    tell: Tell,
) -> dict[str, Any]:
    """Score a checkpoint folder on one side of a corpus; write the scores to `out` and its record.

    Returns:
        The scores as written.

    Raises:
        InputError: bad input, a corpus whose emotions are not the checkpoint's or whose test
            dialogues it or an encoder that it started from was trained with, policies under which
            it has other labels, or no audio for one that hears.
    """
    quiet_transformers()
    checkpoint = load_checkpoint(checkpoint_dir)
    config = checkpoint.model.config
    corpus, _ = open_choice(choice, tell, config, checkpoint_dir)
    refuse_other_emotions(config, corpus, checkpoint_dir)
    held_out = HELD_OUT if side == "dev" else ("test",)
    split = choose_split(corpus, choice.split, choice.fold, config, checkpoint_dir, held_out)
    refuse_started_on_held_out(checkpoint_dir, config, corpus, split, tell, held_out)
    tell_split(split, tell)
    record = read_run_record(checkpoint_dir)
    utterances = utterances_by_side(corpus, split)[side]
    if not utterances:
        raise InputError(f"corpus {corpus.name} has no {side} dialogue here; choose another --side")
    if checkpoint.sampling_rate is not None:
        require_audio(utterances, f"the {side} side", "take a checkpoint of --modalities t")
    result = evaluate_utterances(checkpoint, corpus, utterances, record["seed"], execution)
    run = record.get("config", {})
    same_corpus = run.get("corpus_sha256") == corpus_digest(corpus)
    seen = trained_among(corpus, {u.dialogue for u in utterances}, config)
    scores = {
        **result.scores,
        "modalities": config.modalities,
        "split": side,
        "corpus": corpus.name,
        "corpus_split": split_name(split),
        "policies": named_policies(corpus.policies),
        "synthetic": is_synthetic(corpus.name),
        "trained_on": bool(seen) and same_corpus,
        "ids_trained_on": len(seen),
    }
    write_evaluation(out, scores, result.utterances, result.probabilities[None])
    if seen:
        tell(
            f"the checkpoint was trained on {counted(len(seen), 'dialogue')} of these ids: if "
            "they are the same ones, such scores tell nothing about new dialogues"
        )
    if same_corpus and run.get("split_sha256") == split_digest(split):
        add_metrics(checkpoint_dir, side, scores)
    else:
        tell(
            f"{checkpoint_dir / RECORD_NAME} is left as it is: it keeps the scores on the corpus "
            "and split that the checkpoint was trained with"
        )
    return scores
