"""The comparison of two runs as text for the terminal and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from graph_er.report.canvas import BODY, SMALL, any_text, blank_figure, plain_labels
from graph_er.report.lettering import signed
from graph_er.report.palette import LIGHT
from graph_er.report.summary import percent, points
from graph_er.report.tables import METRIC_TITLES, Row, Table
from graph_er.running.counted import counted
from graph_er.scoring.comparison import PRIMARY, models_text
from graph_er.scoring.scores import METRICS

_SIGNIFICANT = 0.05
_NAME = 40  # columns of text, for the name of a run
_TITLES = dict(zip(METRICS, METRIC_TITLES, strict=True))


def comparison_text(comparison: dict[str, Any]) -> str:
    """Return the whole comparison as plain text, its conclusion last."""
    level = f"{100 * comparison['level']:.0f} %"
    blocks = [
        "\n".join(
            f"{letter.upper()}: {run['run']}/{run['name']} ({models_text(run['seeds'])})"
            for letter, run in ((letter, comparison[letter]) for letter in "ab")
        ),
        f"{comparison['split']}: {counted(comparison['n'], 'utterance')} in "
        f"{comparison['dialogues']} dialogues; per cent, with {level} intervals from "
        f"{counted(comparison['replicates'], 'draw')} of dialogues",
        _table(comparison["scores"]).markdown().rstrip(),
    ]
    if comparison["mean_over_seeds"]:
        blocks += [
            "Mean over seeds, drawing dialogues and seeds:",
            _table(comparison["mean_over_seeds"]).markdown().rstrip(),
        ]
    notes = "\n".join(f"Note: {note}." for note in comparison["notes"])
    blocks += [_tests_text(comparison), notes, conclusion(comparison)]
    return "\n\n".join(block for block in blocks if block)


def conclusion(comparison: dict[str, Any]) -> str:
    """Say in one sentence what the comparison shows, by weighted F1.

    It is that of the runs as a whole, or where they are of unequal numbers of seeds, the mean over
    seeds: an ensemble of more models is better by that alone. A run that was trained on what
    is compared is called neither better nor worse: its scores would be high in any case.
    """
    a, b = comparison["a"], comparison["b"]
    if a["sha256"] == b["sha256"]:
        itself = ", a run compared with itself; name two runs" if a["run"] == b["run"] else ""
        return f"Conclusion: no difference; A and B are the same predictions{itself}."
    if trained := _letters(comparison, "trained_on"):
        whose = "their scores tell" if len(trained) > 1 else "its scores tell"
        return (
            f"Conclusion: none; {' and '.join(trained)} learned from dialogues that are compared "
            f"(see the notes), so {whose} nothing about new ones. Which of the two is better "
            "there cannot be concluded; compare on dialogues that neither has seen."
        )
    learned = " and ".join(_letters(comparison, "learned"))
    only_if = f" That holds only if {learned} learned nothing from what is compared; see the notes."
    return _concluded(comparison) + (only_if if learned else "")


def _concluded(comparison: dict[str, Any]) -> str:
    source = comparison["conclusion_from"]
    if source is None:
        models = (models_text(comparison[letter]["seeds"]) for letter in "ab")
        return (
            "Conclusion: none; A is {} and B {}, and without predictions of single seeds like is "
            "not compared with like.".format(*models)
        )
    result = comparison[source][PRIMARY]["difference"]
    what, chance = _TITLES[PRIMARY], "dialogues"
    if source == "mean_over_seeds":
        what, chance = f"mean over seeds of {what}", "dialogues and seeds"
    if not any(result[key] for key in ("value", "low", "high")):
        return "Conclusion: no difference; A and B score alike on whatever dialogues are drawn."
    better, worse = ("A", "B") if result["value"] >= 0 else ("B", "A")
    sign = 1 if better == "A" else -1
    low, high = sorted(sign * result[end] for end in ("low", "high"))
    numbers = (
        f"{what} {points(sign * result['value'])} points, "
        f"{100 * comparison['level']:.0f} % interval {points(low)} to {points(high)}, "
        f"{_p_text(result['p'])}"
    )
    if result["p"] < _SIGNIFICANT:
        return (
            f"Conclusion: {better} is better than {worse} ({numbers}); {chance} by "
            "chance alone would seldom make such a difference."
        )
    return (
        f"Conclusion: not shown that either is better ({better} less {worse}: {numbers}); "
        f"with {comparison['dialogues']} dialogues such a difference can be chance."
    )


@any_text()
def comparison_figure(comparison: dict[str, Any]) -> Figure:
    """Draw the difference of each metric with its interval, in points, zero marked."""
    series = {"runs as evaluated": comparison["scores"]}
    if comparison["mean_over_seeds"]:
        series["mean over seeds"] = comparison["mean_over_seeds"]
    figure, axes = blank_figure((7.2, 1.0 + 0.5 * len(METRICS) * len(series) ** 0.5), LIGHT)
    axes.axvline(0, color=LIGHT.ink, linewidth=1, linestyle=(0, (4, 3)))
    for position, (name, scores) in enumerate(series.items()):
        offset = 0.32 * (position - (len(series) - 1) / 2)
        colour = LIGHT.methods[2 - position]
        for row, metric in enumerate(METRICS):
            label = name if row == 0 else None
            place = row + offset, -1 if position else 1
            _draw_interval(axes, place, scores[metric]["difference"], colour, label)
    axes.set_yticks(range(len(METRICS)), [_TITLES[metric] for metric in METRICS])
    axes.set_ylim(len(METRICS) - 0.5, -0.6)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.xaxis.grid(visible=True, color=LIGHT.line, linewidth=0.8)
    axes.tick_params(axis="x", labelcolor=LIGHT.muted, labelsize=SMALL)
    axes.set_xlabel(_caption(comparison), color=LIGHT.muted, fontsize=SMALL)
    if len(series) > 1:
        style = {"frameon": False, "labelcolor": LIGHT.ink, "fontsize": BODY}
        figure.legend(loc="outside upper left", ncols=len(series), **style)
    return figure


def _table(scores: dict[str, Any]) -> Table:
    rows = [
        Row(
            (
                _TITLES[metric],
                *(f"{percent(s['value'])} [{percent(s['low'])}, {percent(s['high'])}]" for s in ab),
                f"{points(d['value'])} [{points(d['low'])}, {points(d['high'])}]",
                f"{d['p']:.4f}",
            )
        )
        for metric in METRICS
        for ab in [(scores[metric]["a"], scores[metric]["b"])]
        for d in [scores[metric]["difference"]]
    ]
    return Table(("", "A", "B", "A less B", "p"), tuple(rows))


def _tests_text(comparison: dict[str, Any]) -> str:
    test, effect = comparison["mcnemar"], comparison["effect_size"]
    kind = {"exact": "exact", "chi2": "chi-square, continuity-corrected"}[test["test"]]
    counts = effect["dialogues"]
    return (
        f"McNemar ({kind}; takes utterances as independent): only A right "
        f"{test['only_a_right']}, only B right {test['only_b_right']}, {_p_text(test['p'])}\n"
        f"Effect size: Cohen's h of the accuracies {signed(effect['cohens_h'], 2)} "
        f"({effect['magnitude']}); more often right: A on "
        f"{counted(counts['a_better'], 'dialogue')}, B on {counts['b_better']}, "
        f"equal {counts['equal']}"
    )


def _draw_interval(
    axes: Axes,
    place: tuple[float, int],
    difference: dict[str, float],
    colour: str,
    label: str | None,
) -> None:
    """Draw an interval at a height, its numbers on the side of it away from the other series."""
    y, side = place
    value, low, high = (100 * difference[key] for key in ("value", "low", "high"))
    axes.plot([low, high], [y, y], color=colour, linewidth=2.5, solid_capstyle="butt")
    axes.plot([value], [y], "o", color=colour, markersize=7, label=label)
    axes.annotate(
        f"{points(difference['value'])}  ({_p_text(difference['p'])})",
        (value, y),
        (0, 6 * side),
        textcoords="offset points",
        ha="center",
        va="bottom" if side > 0 else "top",
        color=LIGHT.ink,
        fontsize=SMALL,
    )


def _letters(comparison: dict[str, Any], told: str) -> list[str]:
    """Return the letters of the runs of which a field tells something."""
    return [letter.upper() for letter in "ab" if comparison[letter][told]]


def _caption(comparison: dict[str, Any]) -> str:
    learned = " and ".join(_letters(comparison, "learned"))
    caveat = f"\n{learned} may have learned from these dialogues" if learned else ""
    names = ["/".join(Path(comparison[letter]["run"]).parts[-2:]) for letter in "ab"]
    return (
        f"A less B in points with {100 * comparison['level']:.0f} % intervals; "
        f"{comparison['n']} utterances in {comparison['dialogues']} dialogues\n"
        "A: {}   B: {}".format(*plain_labels(names, "run", _NAME))
    ) + caveat


def _p_text(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}"
