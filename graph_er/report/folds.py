"""Cross-validation in the terminal: scores by fold, and epoch counts side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph_er.report.summary import percent
from graph_er.report.tables import METRIC_TITLES, Row, Table
from graph_er.running.counted import counted
from graph_er.scoring.scores import METRICS

Scores = dict[str, float]
_NAMED = 12  # sessions in a message


def folds_text(evaluation: dict[str, Any]) -> str:
    """Return each fold's scores (mean ± sd over seeds), their mean over folds, and all together.

    Args:
        evaluation: from `graph_er.validation.cross_evaluation.cross_evaluation`.
    """
    folds, over = evaluation["folds"], evaluation["over_folds"]
    lines = [(f["name"], f["dialogues"], f["n"], f["mean"], f["std"], f["ensemble"]) for f in folds]
    mean, ensemble = over["mean"], over["ensemble"]
    lines.append(("mean ± sd of folds", "", "", mean["mean"], mean["std"], ensemble["mean"]))
    dialogues, together = sum(f["dialogues"] for f in folds), evaluation.get("mean", evaluation)
    sd = evaluation.get("std")
    lines.append(("all together", dialogues, evaluation["n"], together, sd, evaluation))
    several = "mean" in evaluation
    rows = []
    for name, size, n, scores, std, whole in lines:
        last = (percent(whole["weighted_f1"]),) if several else ()
        rows.append(Row((name, str(size), str(n), *_cells(scores, std), *last)))
    header = ("Fold", "Dialogues", "n", *METRIC_TITLES, *["Ensemble's WF1"] * several)
    note = "per cent; mean ± sd over seeds" if several else "per cent"
    return f"{Table(header, tuple(rows)).markdown()}{note}"


def epochs_text(choice: dict[str, Any]) -> str:
    """Return the table of epoch counts and the line that names the chosen one.

    Args:
        choice: from `graph_er.validation.epoch_choice.choose_epochs`, with ``fold_names``.
    """
    rows = tuple(
        Row(
            (
                str(count["epochs"]),
                *(percent(value) for value in count["folds"]),
                percent(count["mean"]),
                f"{percent(count['behind'])} ± {percent(count['error'])}",
            )
        )
        for count in choice["counts"]
    )
    header = ("Epochs", *choice["fold_names"], "Mean", "Behind the best ± SE")
    table = Table(header, rows, num_text=0).markdown()
    return (
        f"{table}weighted F1 in per cent, mean over seeds\n\n"
        f"--epochs {choice['chosen']}: the fewest within one standard error of the best "
        f"({choice['best']})"
    )


def extractor_note(sessions: Sequence[str]) -> str:
    """Return why scores on these sessions tell too much, and what to do; empty for none.

    Args:
        sessions: from `graph_er.validation.folds.extractor_trained_on`.
    """
    if not sessions:
        return ""
    more = f" and {len(sessions) - _NAMED} more" if len(sessions) > _NAMED else ""
    return (
        "The extractor that made these features was trained on the labels of "
        f"{counted(len(sessions), 'session')} ({', '.join(sessions[:_NAMED])}{more}), "
        "unless it was trained on another corpus: scores on them are too high and tell nothing "
        "about new sessions. Take features of encoders as pretrained "
        "(`extract.py --frozen`), or out-of-fold ones (docs/out_of_fold.md)."
    )


def _cells(scores: Scores, std: Scores | None) -> list[str]:
    return [
        percent(scores[metric]) + (f" ± {percent(std[metric])}" if std else "")
        for metric in METRICS
    ]
