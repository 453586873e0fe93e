"""The comparison as a whole: learning rates by dev, then every seed, then what differs surely."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from feature_extractor.batches.chunking import is_too_long
from feature_extractor.fusion.base import needed
from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.fusion_study.baselines import baseline_rows
from feature_extractor.fusion_study.budget import CLIP_LENGTH, LEARNING_RATES, Budget
from feature_extractor.fusion_study.ground import Ground, GroundChoice
from feature_extractor.fusion_study.lanes import Results, lanes, results_identity, run_trials
from feature_extractor.fusion_study.plan import (
    OURS,
    Condition,
    Trial,
    conditions,
    search_trials,
    seed_trials,
)
from feature_extractor.sources import is_synthetic, require_audio
from feature_extractor.splits.record import split_name
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.scoring.bootstrap import confusions_by_dialogue
from graph_er.scoring.comparison import differences
from graph_er.scoring.scores import METRICS

Finished = dict[Trial, tuple[dict[str, Any], np.ndarray]]


def compare_fusions(
    choice: GroundChoice,
    fusions: Sequence[str],
    modalities: Sequence[str],
    budget: Budget,
    folder: Path,
    num_lanes: int,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Train every condition and return the results, plain values.

    The learning rate of a condition is the one of `LEARNING_RATES` with the highest weighted F1 on
    dev for seed 0; a model on one modality takes that of the model on both, where there is one.

    Args:
        choice: corpus, split and encoders.
        fusions: names in `fusion.registry`.
        modalities: of ``a``, ``t`` and ``at``.
        budget: what every condition gets.
        folder: where finished trials are kept, so that a killed run goes on.
        num_lanes: processes at work at a time.
        tell: receives lines for the user.

    Raises:
        InputError: bad input, speaker scaling where nobody is heard, models that hear on a side
            without any audio, clips that are all too long, or a trial whose loss is not finite.
    """
    if choice.speaker_scaling and not any("a" in wanted for wanted in modalities):
        raise InputError(
            "--speaker_scaling scales acoustic features, which --modalities t does not read; leave "
            "one of them out"
        )
    ground = Ground(choice, tell)
    wanted = _conditions(ground, fusions, modalities, tell)
    hears = any("a" in condition.modalities for condition in wanted)
    left_out = _left_out(ground, tell) if hears else {}
    longer = _longer(ground, "a" if hears else "t", tell)
    ground.prepare(wanted)
    baselines = baseline_rows(ground, modalities)
    results = Results(folder, results_identity(ground, budget))
    leading = {condition: _leading(condition, wanted) for condition in wanted}
    searched = [t for c in dict.fromkeys(leading.values()) for t in search_trials(c)]
    with lanes(choice, num_lanes) as pool:
        run_trials(searched, pool, budget, results, "learning rates")
        rates = {
            condition: max(LEARNING_RATES, key=lambda lr: _dev_f1(results, Trial(leader, lr, 0)))
            for condition, leader in leading.items()
        }
        trials = [t for c in wanted for t in seed_trials(c, rates[c], budget.seeds)]
        run_trials(trials, pool, budget, results, "seeds")
    finished = {trial: results.finished(trial) for trial in trials}
    for trial, (record, _) in finished.items():
        if "failed" in record:
            raise InputError(f"{trial.key}: {record['failed']}; leave the model out with --fusions")
    rows = [_row(c, rates[c], [t for t in trials if t.condition == c], finished) for c in wanted]
    return {
        "corpus": ground.corpus.name,
        "synthetic": is_synthetic(ground.corpus.name),
        "split": split_name(ground.split),
        "n": {side: len(rows) for side, rows in ground.sides.items()},
        "left_out_where_heard": left_out,
        "longer_left_out": longer,
        "text_encoder": _shown(needed(ground.text_encoder)),
        "audio_encoder": _shown(needed(ground.audio_encoder)),
        "speaker_scaling": choice.speaker_scaling,
        "budget": replace(budget, context=ground.choice.context).as_dict(),
        "rows": rows,
        "baselines": baselines,
        "ours": _ours_against_best(ground, rows, trials, finished),
    }


def _conditions(
    ground: Ground, fusions: Sequence[str], modalities: Sequence[str], tell: Callable[[str], None]
) -> list[Condition]:
    """Return what is compared, and name the models that are not made for these modalities.

    Raises:
        InputError: none is.
    """
    wanted = conditions(fusions, modalities, ground.audio_encoder)
    for name in sorted(set(fusions) - {condition.fusion for condition in wanted}):
        made_for = " or ".join(FUSIONS[name].modalities)
        tell(f"{name} left out: it is made for --modalities {made_for}")
    if not wanted:
        raise InputError(
            f"no model of --fusions {' '.join(fusions)} is made for --modalities "
            f"{' '.join(modalities)}; add one that is to either"
        )
    return wanted


def _left_out(ground: Ground, tell: Callable[[str], None]) -> dict[str, int]:
    """Return, and tell, how many utterances of train and dev a model that hears leaves out.

    Raises:
        InputError: a side has no audio at all.
    """
    left_out = {}
    for side, utterances in ground.sides.items():
        if utterances:
            require_audio(utterances, f"the {side} side", "compare on the texts: --modalities t")
        lacking = sum(utterance.wav is None for utterance in utterances)
        if lacking and side != "test":
            told = counted(lacking, f"{side} utterance")
            tell(f"{told} without audio left out where a model hears")
            left_out[side] = lacking
    return left_out


def _longer(ground: Ground, modalities: str, tell: Callable[[str], None]) -> int:
    """Return, and tell, how many clips of train are too long to be trained on.

    Raises:
        InputError: nothing is left to train on.
    """
    if not ground.learnt_from("train", modalities):
        raise InputError(
            f"corpus {ground.corpus.name} has no train utterance of at most {CLIP_LENGTH:g} s "
            "here, and longer ones are left out of training; cut them, or see --split"
        )
    longer = sum(is_too_long(u, CLIP_LENGTH) for u in ground.sides["train"])
    if longer:
        told = counted(longer, "train utterance")
        tell(f"{told} longer than {CLIP_LENGTH:g} s left out of training")
    return longer


def _shown(encoder: str) -> str:
    """Return a folder by its last two names: where it lies on this machine is nobody's concern."""
    path = Path(encoder)
    return "/".join(path.parts[-2:]) if path.is_dir() else encoder


def _leading(condition: Condition, wanted: Sequence[Condition]) -> Condition:
    """Return the condition whose learning rate another takes: that of all modalities."""
    both = Condition(condition.fusion, "at", condition.mfcc and "a" in condition.modalities)
    return both if both in wanted else condition


def _dev_f1(results: Results, trial: Trial) -> float:
    record, _ = results.finished(trial)
    return -1.0 if "failed" in record else record["dev"]["weighted_f1"]


def _row(
    condition: Condition, lr: float, trials: Sequence[Trial], finished: Finished
) -> dict[str, Any]:
    records = [finished[trial][0] for trial in trials]
    spread = {
        side: {
            metric: _mean_and_sd([record[side][metric] for record in records]) for metric in METRICS
        }
        for side in ("dev", "test")
    }
    return {
        "fusion": condition.fusion,
        "name": condition.name,
        "modalities": condition.modalities,
        "mfcc": condition.mfcc,
        "lr": lr,
        "seeds": [trial.seed for trial in trials],
        **spread,
        "parameters": records[0]["parameters"],
        "train_seconds": float(np.mean([record["train_seconds"] for record in records])),
        "inference_ms": float(np.mean([record["inference_ms"] for record in records])),
    }


def _mean_and_sd(values: Sequence[float]) -> dict[str, Any]:
    """Return mean, standard deviation over the seeds (None for one) and the values themselves."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "values": [float(v) for v in values]}


def _ours_against_best(
    ground: Ground, rows: list[dict[str, Any]], trials: list[Trial], finished: Finished
) -> list[dict[str, Any]]:
    """Compare our model with those of the others that are best on dev and on test.

    All on all modalities and on the same states: those of the common encoder, then MFCC. Dialogues
    and seeds are drawn, see `graph_er.scoring.bootstrap`.

    Returns:
        Plain values of one comparison each, a model that is best on both sides once; none where
        there is nothing to compare, or one dialogue alone.
    """
    dialogues = [utterance.dialogue for utterance in ground.sides["test"]]
    if len(set(dialogues)) < 2:
        return []
    gold = np.array([ground.corpus.label(u) for u in ground.sides["test"]])
    emotions = len(ground.corpus.emotions)

    def members(row: dict[str, Any]) -> np.ndarray:
        condition = Condition(row["fusion"], row["modalities"], row["mfcc"])
        predicted = [finished[t][1].argmax(axis=1) for t in trials if t.condition == condition]
        return np.stack([confusions_by_dialogue(dialogues, gold, p, emotions) for p in predicted])

    found = []
    for mfcc in (False, True):
        both = [row for row in rows if row["modalities"] == "at" and row["mfcc"] == mfcc]
        ours = [row for row in both if row["fusion"] == OURS]
        others = [row for row in both if row["fusion"] != OURS]
        if ours and others:
            found += _against_best(ours[0], others, members)
    return found


def _against_best(
    ours: dict[str, Any],
    others: list[dict[str, Any]],
    members: Callable[[dict[str, Any]], np.ndarray],
) -> list[dict[str, Any]]:
    """Compare rows on the same states.

    Args:
        ours: our row.
        others: those of other models.
        members: gives a row's confusions by dialogue, one array for each seed.
    """
    best_on: dict[str, list[str]] = {}
    for side in ("dev", "test"):
        best = max(others, key=lambda row: row[side]["weighted_f1"]["mean"])
        best_on.setdefault(best["fusion"], []).append(side)
    own, comparisons = members(ours), []
    for other, sides in best_on.items():
        row = next(row for row in others if row["fusion"] == other)
        found = differences([own, members(row)])["weighted_f1"]["difference"]
        comparison = {"other": other, "mfcc": ours["mfcc"], "best_on": sides}
        comparison |= {"others": len(others), "metric": "weighted_f1", "difference": found["value"]}
        comparison |= {name: found[name] for name in ("low", "high", "p")}
        comparisons.append(comparison | {"dialogues": own.shape[1]})
    return comparisons
