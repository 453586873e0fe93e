"""What the pictures share: an empty themed figure, heat-map cells, and writing SVG and PNG.

matplotlib is used through its objects only: no window and no global figure.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from graph_er.report.fonts import LATIN, drawable_or, families
from graph_er.report.lettering import shortened_apart, text_width
from graph_er.report.palette import Theme, text_on
from graph_er.running.files import atomic_path

# Font sizes in points.
TINY, SMALL, BODY = 6, 8, 9.5
_LABEL = 24  # columns of text
_EM, _LINE = 0.6, 1.6  # width of a column of text, and height of a legend's line, in its font size
# Of text of ours: not every Korean font is there in bold.
BOLD: dict[str, Any] = {"weight": "bold", "family": LATIN}


@contextmanager
def any_text() -> Iterator[None]:
    """Let figures made within, or by a function so decorated, hold Korean and dollar signs."""
    with matplotlib.rc_context({"font.family": families(), "text.parse_math": False}):
        yield


def blank_figure(size: tuple[float, float], theme: Theme) -> tuple[Figure, Axes]:
    """Return a figure of `size` inches and its axes, without frame or tick marks."""
    figure = Figure(figsize=size, layout="constrained", facecolor=theme.paper)
    axes = figure.add_subplot(facecolor=theme.paper)
    axes.set_frame_on(False)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor=theme.ink, labelsize=BODY)
    return figure, axes


def outline(theme: Theme) -> dict[str, Any]:
    """Return the edge of bars and boxes: pale colours are hardly seen on the paper without it."""
    return {"edgecolor": theme.muted, "linewidth": 0.75}


def add_legend(figure: Figure, colours: dict[str, str], theme: Theme) -> None:
    """Add labelled colour patches above the axes, at the left, in one line if they fit."""
    figure.legend(
        handles=[
            Patch(facecolor=colour, label=label, **outline(theme))
            for label, colour in colours.items()
        ],
        loc="outside upper left",
        ncols=fit_legend(figure, list(colours), BODY),
        frameon=False,
        labelcolor=theme.ink,
        fontsize=BODY,
        handlelength=1.1,
        handleheight=1.1,
        columnspacing=1.6,
    )


def fit_legend(figure: Figure, labels: Sequence[str], size: float, ems: float = 3.5) -> int:
    """Make a figure higher by all lines of its legend but one; return how many columns fit.

    Args:
        figure: where the legend is to stand above the axes.
        labels: its texts, of `size` points.
        size: of the font.
        ems: width of what stands beside each text, patch and gaps, in `size`.
    """

    def width(columns: int) -> float:
        split = np.array_split(np.array([text_width(label) for label in labels]), columns)
        return size * sum(_EM * column.max() + ems for column in split)

    room = 72 * figure.get_figwidth()
    columns = next((n for n in range(len(labels), 1, -1) if width(n) <= room), 1)
    lines = math.ceil(len(labels) / columns)
    figure.set_figheight(figure.get_figheight() + (lines - 1) * _LINE * size / 72)
    return columns


def heat_cells(
    axes: Axes, shares: np.ndarray, theme: Theme, counts: np.ndarray | None = None
) -> None:
    """Draw shares (0 to 1) as coloured cells with the per cent in them.

    Args:
        axes: where to draw.
        shares: ``[R, C]``.
        theme: colours run from the paper to the theme's accent.
        counts: ``[R, C]``, written small below the per cent; cells of count 0 stay empty.
    """
    red, green, blue = 0.92 * _rgb(theme.paper) + 0.08 * _rgb(theme.accent)
    base = to_hex((red, green, blue))
    colours = LinearSegmentedColormap.from_list("paper to accent", [base, theme.accent])
    axes.imshow(shares, cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for (row, column), share in np.ndenumerate(shares):
        ink = text_on(to_hex(colours(share)))
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
        if counts is None:
            axes.text(column, row, f"{100 * share:.0f}", fontsize=BODY, **style)
        elif counts[row, column]:
            axes.text(column, row - 0.12, f"{100 * share:.0f}", fontsize=SMALL, **style)
            axes.text(column, row + 0.28, f"{counts[row, column]:.0f}", fontsize=TINY, **style)
    axes.set_xticks(np.arange(shares.shape[1] - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(shares.shape[0] - 1) + 0.5, minor=True)
    axes.grid(which="minor", color=theme.paper, linewidth=2)
    axes.tick_params(which="minor", length=0)


def label_row(axes: Axes, row: float, label: str, distance: float = 6, **style: Any) -> None:
    """Write `label` left of the axes at height `row`, ending `distance` points before them."""
    axes.annotate(
        label,
        xy=(0, row),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-distance, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        annotation_clip=False,
        **style,
    )


def plain_labels(labels: Sequence[str], word: str, width: int = _LABEL) -> list[str]:
    """Return labels as they can be drawn where text is `any_text`.

    Those whose letters no font has become ``<word> <n>``, `n` by their order; those of more than
    `width` columns are cut, so that they can be told apart.
    """
    drawn = [drawable_or(label, f"{word} {number}") for number, label in enumerate(labels, start=1)]
    return shortened_apart(drawn, width)


def to_svg(figure: Figure) -> str:
    """Return the figure as SVG; the same figure gives the same text."""
    buffer = io.StringIO()
    # Ids in SVG are random unless salted; matplotlib takes the salt from its settings only.
    with matplotlib.rc_context({"svg.hashsalt": "graph_er", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def to_png(figure: Figure, dpi: int = 200) -> bytes:
    """Return the figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def write_png(path: Path, figure: Figure, dpi: int = 200) -> None:
    """Write the figure as PNG, all of it or nothing."""
    content = to_png(figure, dpi)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
