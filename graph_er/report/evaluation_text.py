"""What stands beside the scores of an evaluation in the terminal: controls, parts, intervals."""

from __future__ import annotations

from typing import Any

from graph_er.report.summary import percent
from graph_er.report.tables import METRIC_TITLES, Row, Table
from graph_er.running.counted import counted
from graph_er.scoring.scores import METRICS

_CONTROLS = {
    "majority": "Majority class of {known}",
    "text_lookup": "Text lookup in {known}",
    "previous_label": "Previous label of the speaker (oracle: gold)",
}
_BREAKDOWNS = {"by_part": "Part", "by_session": "Session", "by_speaker": "Speaker"}


def controls_text(evaluation: dict[str, Any]) -> str:
    """Return the scores of an evaluation, with their intervals where known, above its controls.

    Args:
        evaluation: with ``controls``, ``texts_seen``, ``controls_know`` (the sides that these two
            are made from) and ``confidence_intervals``, as ``eval.json`` holds them.
    """
    sides = evaluation["controls_know"]
    intervals = evaluation["confidence_intervals"]
    rows = [Row(("This run", *(_with_interval(evaluation, intervals, m) for m in METRICS)))]
    for name, title in _CONTROLS.items():
        control = (evaluation["controls"] or {}).get(name)
        if control:
            named = title.format(known=" and ".join(sides))
            rows.append(Row((named, *(percent(control[metric]) for metric in METRICS))))
    table = Table(("per cent", *METRIC_TITLES), tuple(rows)).markdown()
    seen = evaluation["texts_seen"]
    notes = []
    if seen is not None:
        notes.append(f"{percent(seen)} % of the texts stand in {' or '.join(sides)} too.")
    if intervals:
        notes.append(
            f"Intervals: {100 * intervals['level']:.0f} %, "
            f"{counted(intervals['replicates'], 'draw')} of "
            f"{counted(intervals['dialogues'], 'dialogue')}."
        )
    return table + "\n".join(notes)


def breakdown_text(evaluation: dict[str, Any]) -> str:
    """Return a table of each breakdown with more than one group; empty where there is none."""
    tables = []
    for name, title in _BREAKDOWNS.items():
        groups = evaluation[name]
        if len(groups) < 2:
            continue
        rows = tuple(
            Row(
                (
                    group,
                    *(str(scores["dialogues"]), str(scores["n"])),
                    *(percent(scores[metric]) for metric in METRICS),
                )
            )
            for group, scores in groups.items()
        )
        tables.append(Table((title, "Dialogues", "n", *METRIC_TITLES), rows).markdown())
        if name == "by_speaker" and len(evaluation["by_session"]) == 1 and _shared(groups):
            tables.append(
                "All dialogues are of one session. Where their speakers are named anew in each, a "
                "row is several people.\n"
            )
    return "\n".join(tables).rstrip()


def _shared(groups: dict[str, Any]) -> bool:
    """Tell whether a name stands in several dialogues."""
    return any(scores["dialogues"] > 1 for scores in groups.values())


def _with_interval(
    evaluation: dict[str, Any], intervals: dict[str, Any] | None, metric: str
) -> str:
    value = percent(evaluation[metric])
    if intervals is None:
        return value
    low, high = intervals[metric]
    return f"{value} [{percent(low)}, {percent(high)}]"
