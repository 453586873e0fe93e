"""The model card of a bundle: what it was trained on, how well it does, what it is not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feature_extractor.corpora import CORPORA
from graph_er.report.tables import METRIC_TITLES
from graph_er.running.templates import render
from graph_er.schema.emotions import MODALITY_NAMES
from graph_er.scoring.scores import METRICS

_SIDES = ("dev", "test")


@dataclass(frozen=True)
class Part:
    """What is known of one model of a bundle.

    Attributes:
        record: its run record.
        modalities: letters of what it reads.
        split: of stage 1: the unit, and how many of them lie on each side.
        seeds, trained_dialogues, trained_sides, temperature: of a graph model.
        by_voice: whether it hears features against their speaker's level.
    """

    record: dict[str, Any]
    modalities: str
    split: dict[str, Any] | None = None
    seeds: Sequence[int] = ()
    trained_dialogues: int = 0
    trained_sides: Sequence[str] = ()
    temperature: float | None = None
    by_voice: bool = False


def model_card(name: str, parts: Mapping[str, Part], emotions: Sequence[str]) -> str:
    """Return the card, with the front matter of the Hugging Face hub.

    Args:
        name: of the bundle.
        parts: its models by name.
        emotions: names in label order.
    """
    config = parts["extractor"].record.get("config", {})
    corpus = str(config.get("corpus", "unknown"))
    return render(
        "graph_er.packing",
        "model_card.md.jinja",
        escape=False,
        finalize=_plain,
        name=name,
        parts=parts,
        emotions=list(emotions),
        corpus=corpus,
        config=config,
        synthetic=bool(config.get("synthetic")) or corpus == "demo",
        language=CORPORA[corpus].language if corpus in CORPORA else None,
        scores=_score_rows(parts),
        metrics=list(METRIC_TITLES),
        names=MODALITY_NAMES,
        by_voice=any(part.by_voice for part in parts.values()),
    )


def _plain(value: Any) -> Any:
    """Return a value of a record as it stands in Markdown: on one line, and no HTML."""
    return " ".join(value.splitlines()).replace("<", "&lt;") if isinstance(value, str) else value


def _score_rows(parts: Mapping[str, Part]) -> list[dict[str, Any]]:
    """Return one row for each model and side that has scores; graph models are ensembles."""
    return [
        {
            "part": name,
            "side": side,
            "n": scores["n"],
            "seeds": max(1, len(part.seeds)),
            "values": [_cell(scores, metric) for metric in METRICS],
        }
        for name, part in parts.items()
        for side in _SIDES
        if "n" in (scores := part.record.get("metrics", {}).get(side, {}))
    ]


def _cell(scores: Mapping[str, Any], metric: str) -> str:
    """Return a score in per cent, with mean and deviation over seeds where there are several."""
    value = f"{100 * scores[metric]:.1f}"
    if len(scores.get("seeds", ())) > 1 and metric in scores.get("std", {}):
        value += f" (seeds {100 * scores['mean'][metric]:.1f} ± {100 * scores['std'][metric]:.1f})"
    return value
