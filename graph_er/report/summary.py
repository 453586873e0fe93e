"""Questions that tables, pictures and text ask of a study's record (``results.json``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph_er.report.lettering import signed
from graph_er.report.runs import METHODS
from graph_er.schema.emotions import MODALITY_NAMES
from graph_er.scoring.scores import summarise

Condition = tuple[str, str]  # (method, modalities)


def conditions(results: dict[str, Any]) -> list[Condition]:
    """Return the conditions of the study in table order, missing ones included."""
    named = {
        (entry["method"], entry["modalities"])
        for entry in (*results["entries"], *results["missing"])
    }
    return [
        (method, modalities)
        for method in METHODS
        for modalities in results["modalities"]
        if (method, modalities) in named
    ]


def shown_methods(results: dict[str, Any]) -> list[str]:
    """Return the methods of the study in table order, those of missing runs included."""
    return list(dict.fromkeys(method for method, _ in conditions(results)))


def measured(results: dict[str, Any]) -> list[Condition]:
    """Return the conditions that have scores, in table order."""
    return [condition for condition in conditions(results) if seed_entries(results, condition)]


def seed_entries(results: dict[str, Any], condition: Condition) -> list[dict[str, Any]]:
    """Return the entries of a condition, one per seed; empty where its run is missing."""
    return [
        entry for entry in results["entries"] if (entry["method"], entry["modalities"]) == condition
    ]


def mean_and_sd(entries: Sequence[dict[str, Any]], metric: str) -> tuple[float, float | None]:
    """Return a metric's mean over seeds and its sample standard deviation (None for one seed)."""
    if len(entries) == 1:
        return entries[0][metric], None
    mean, sd = summarise(entries)
    return mean[metric], sd[metric]


def best_condition(results: dict[str, Any], metric: str) -> Condition:
    """Return the condition with the highest mean; the first in table order among equals."""
    return max(
        measured(results),
        key=lambda condition: mean_and_sd(seed_entries(results, condition), metric)[0],
    )


def emotion_f1(results: dict[str, Any], condition: Condition) -> list[float]:
    """Return F1 of each emotion in label order, mean over the seeds of a condition."""
    entries = seed_entries(results, condition)
    return [
        sum(entry["per_class"][emotion]["f1"] for entry in entries) / len(entries)
        for emotion in results["emotions"]
    ]


def support(results: dict[str, Any]) -> list[int]:
    """Return how many test utterances have each emotion, in label order."""
    per_class = results["baselines"]["majority"]["per_class"]
    return [per_class[emotion]["support"] for emotion in results["emotions"]]


def modalities_title(modalities: str) -> str:
    """Return ``audio + text`` for ``at``."""
    return " + ".join(MODALITY_NAMES[letter] for letter in modalities)


def condition_title(condition: Condition) -> str:
    """Return method and modalities as one phrase."""
    method, modalities = condition
    return f"{METHODS[method]}, {modalities_title(modalities)}"


def percent(value: float) -> str:
    """Return a score of 0 to 1 in per cent, with one decimal."""
    return f"{100 * value:.1f}"


def points(difference: float) -> str:
    """Return a difference of two scores of 0 to 1 in percentage points, with its sign."""
    return signed(100 * difference)


def mean_sd_text(entries: Sequence[dict[str, Any]], metric: str) -> str:
    """Return ``79.3 ± 0.6`` in per cent, ``79.3`` for one seed, ``missing`` for none."""
    if not entries:
        return "missing"
    mean, sd = mean_and_sd(entries, metric)
    return percent(mean) if sd is None else f"{percent(mean)} ± {percent(sd)}"


def synthetic_note(results: dict[str, Any]) -> str | None:
    """Return the sentence that a study on a synthetic corpus must carry, else None."""
    if not results["study"]["synthetic"]:
        return None
    return (
        f"The corpus ({results['study']['corpus']}) is synthetic: these numbers show that the "
        "pipeline works and are not comparable with published ones."
    )


def findings(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the study's main differences as (number, what it is), weighted F1 in points.

    The reference is the study's last method on audio and text; where that run is missing there
    is nothing to compare and the list is empty.
    """
    *others, last = shown_methods(results)
    reference = seed_entries(results, (last, "at"))
    if not reference:
        return []
    value, _ = mean_and_sd(reference, "weighted_f1")
    compared = {
        f"points against {condition_title(condition)}": seed_entries(results, condition)
        for condition in [(method, "at") for method in others]
        + [(last, modalities) for modalities in ("a", "t")]
    }
    majority = results["baselines"]["majority"]["weighted_f1"]
    return [
        (
            mean_sd_text(reference, "weighted_f1"),
            f"weighted F1 of {condition_title((last, 'at'))} (%)",
        ),
        *(
            (points(value - mean_and_sd(entries, "weighted_f1")[0]), text)
            for text, entries in compared.items()
            if entries
        ),
        (points(value - majority), "points against the majority class"),
    ]
