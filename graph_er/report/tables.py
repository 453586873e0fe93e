"""The tables of the report, as rows of text and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graph_er.report.lettering import text_width
from graph_er.report.runs import METHODS
from graph_er.report.summary import (
    Condition,
    best_condition,
    conditions,
    emotion_f1,
    mean_sd_text,
    measured,
    modalities_title,
    percent,
    seed_entries,
    shown_methods,
    support,
)
from graph_er.scoring.scores import METRICS

METRIC_TITLES = ("Accuracy", "Weighted F1", "Macro F1", "UAR")
_EMPTY = "–"
Kind = Literal["run", "ensemble", "baseline", "missing"]


@dataclass(frozen=True)
class Row:
    """One row: its cells, what it stands for, and the columns in which it is the best run."""

    cells: tuple[str, ...]
    kind: Kind = "run"
    best: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Table:
    """A table of text; the first `num_text` columns are left-aligned, the others are numbers."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    num_text: int = 1

    def markdown(self) -> str:
        """Return a Markdown table whose columns also line up as plain text."""
        lines = [[_escape(cell) for cell in self.header], *map(_markdown_cells, self.rows)]
        widths = [max(3, *(text_width(line[c]) for line in lines)) for c in range(len(self.header))]
        rule = [
            "-" * width if column < self.num_text else "-" * (width - 1) + ":"
            for column, width in enumerate(widths)
        ]
        lines.insert(1, rule)
        return "".join(self._line(line, widths) for line in lines)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        padded = []
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            space = " " * (width - text_width(cell))
            padded.append(cell + space if column < self.num_text else space + cell)
        return f"| {' | '.join(padded)} |\n"


def main_table(results: dict[str, Any]) -> str:
    """Return the study's main table as Markdown; README files and the command quote it."""
    return scores_table(results).markdown()


def scores_table(results: dict[str, Any]) -> Table:
    """Return the four metrics of every run in % (mean ± sd), of ensembles and the baseline."""
    best = [best_condition(results, metric) for metric in METRICS]
    rows = [
        *(_condition_row(results, condition, best) for condition in conditions(results)),
        *(_ensemble_row(ensemble) for ensemble in results["ensembles"]),
        *_control_rows(results["baselines"]),
    ]
    header = ("Method", "Modalities", "Seeds", "n", *METRIC_TITLES)
    return Table(header, tuple(rows), num_text=2)


def compact_table(results: dict[str, Any]) -> Table:
    """Return weighted F1 in %, methods down and modalities across, as the seed's paper has it."""
    columns = results["modalities"]
    best = best_condition(results, "weighted_f1")
    rows = [
        Row(
            (
                METHODS[method],
                *(
                    mean_sd_text(seed_entries(results, (method, modalities)), "weighted_f1")
                    if (method, modalities) in conditions(results)
                    else _EMPTY
                    for modalities in columns
                ),
            ),
            best=frozenset({1 + columns.index(best[1])} if best[0] == method else ()),
        )
        for method in shown_methods(results)
    ]
    return Table(("Weighted F1 (%)", *map(modalities_title, columns)), tuple(rows))


def emotion_table(results: dict[str, Any]) -> Table:
    """Return F1 in % of each emotion (mean over seeds) and how often it occurs in test."""
    rows = [
        Row(
            (
                METHODS[condition[0]],
                modalities_title(condition[1]),
                *(percent(f1) for f1 in emotion_f1(results, condition)),
            )
        )
        for condition in measured(results)
    ]
    counts = Row(("Utterances in test", _EMPTY, *map(str, support(results))), kind="baseline")
    return Table(("F1 (%)", "Modalities", *results["emotions"]), (*rows, counts), num_text=2)


def _condition_row(results: dict[str, Any], condition: Condition, best: Sequence[Condition]) -> Row:
    names = (METHODS[condition[0]], modalities_title(condition[1]))
    entries = seed_entries(results, condition)
    if not entries:
        return Row((*names, "missing", *[_EMPTY] * (1 + len(METRICS))), kind="missing")
    return Row(
        (
            *names,
            str(len(entries)),
            str(entries[0]["n"]),
            *(mean_sd_text(entries, metric) for metric in METRICS),
        ),
        best=frozenset(4 + column for column, winner in enumerate(best) if winner == condition),
    )


def _ensemble_row(ensemble: dict[str, Any]) -> Row:
    return Row(
        (
            f"{METHODS[ensemble['method']]}, ensemble",
            modalities_title(ensemble["modalities"]),
            str(len(ensemble["seeds"])),
            str(ensemble["n"]),
            *(percent(ensemble[metric]) for metric in METRICS),
        ),
        kind="ensemble",
    )


def _control_rows(controls: dict[str, dict[str, Any]]) -> list[Row]:
    titles = {
        "majority": f"Majority class ({controls['majority']['emotion']})",
        "text_lookup": "Text lookup in train",
        "previous_label": "Previous gold label of the speaker (oracle)",
    }
    return [
        Row(
            (
                *(titles[name], _EMPTY, _EMPTY, str(scores["n"])),
                *(percent(scores[metric]) for metric in METRICS),
            ),
            kind="baseline",
        )
        for name, scores in controls.items()
    ]


def _markdown_cells(row: Row) -> list[str]:
    cells = [_escape(cell) for cell in row.cells]
    return [f"**{cell}**" if column in row.best else cell for column, cell in enumerate(cells)]


def _escape(cell: str) -> str:
    """Return a cell that ends no cell, begins no link, and is no HTML."""
    plain = " ".join(cell.split())
    return plain.replace("|", "\\|").replace("](", "]\\(").replace("<", "&lt;")
