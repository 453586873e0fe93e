"""The picture: rooms on their floors, and the way of one utterance through them."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.patheffects import withStroke

from graph_er.report.canvas import BODY, SMALL, blank_figure, write_png
from graph_er.report.palette import LIGHT
from scripts.rooms.house import PACKAGES, House, Room
from scripts.rooms.route import ROUTE

# Inches, which are the axes' units: a package, what is between two, a row of rooms, and a room.
_COLUMN, _BETWEEN, _ROW = 5.6, 0.7, 0.98
_GAP, _HEIGHT = 0.14, 0.74
_WIDEST = 4.2
_MOST = 4  # rooms in a row; a floor of more has several rows
_NARROW = 2.2  # no room for more than a name and a number
_LETTER = 0.065  # width of a letter of the text, roughly
_ROUTE = 3  # of the theme's bar colours


@dataclass(frozen=True)
class _Box:
    """Where a room is drawn: its left lower corner, its width, and the lines written in it."""

    x: float
    y: float
    width: float
    title: str
    text: str

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + _HEIGHT / 2


def house_figure(house: House) -> Figure:
    """Draw both packages side by side, the ground floor below."""
    boxes: dict[str, _Box] = {}
    for place, package in enumerate(PACKAGES):
        boxes |= _place(house, package, place * (_COLUMN + _BETWEEN))
    top = max(box.y for box in boxes.values()) + _HEIGHT
    right = 2 * _COLUMN + _BETWEEN
    figure, axes = blank_figure((right + 0.4, top + 0.8), LIGHT)
    axes.set(xlim=(-0.25, right + 0.2), ylim=(-0.2, top + 0.6), xticks=[], yticks=[])
    for place, package in enumerate(PACKAGES):
        x = place * (_COLUMN + _BETWEEN) + _COLUMN / 2
        axes.text(x, top + 0.3, f"{package}/", ha="center", color=LIGHT.ink, weight="bold")
    _draw_uses(axes, house, boxes)
    _draw_route(axes, boxes)
    for name, box in boxes.items():
        _draw_box(axes, box, on_route=any(stop.room == name for stop in ROUTE))
    _number_stops(axes, boxes)
    return figure


def draw(house: House, path: Path) -> None:
    """Write the picture as PNG, all of it or nothing."""
    write_png(path, house_figure(house))


def _place(house: House, package: str, left: float) -> dict[str, _Box]:
    rooms = [room for room in house.rooms.values() if room.package == package]
    shown = [room for room in rooms if not room.is_command]
    floors: dict[int, list[Room]] = {}
    for room in shown:
        floors.setdefault(house.floors[room.name], []).append(room)
    boxes, rows = {}, _rows(floors)
    for level, members in enumerate(rows):
        free = _COLUMN - _GAP * (len(members) - 1)
        width = min(_WIDEST, free / len(members))
        x = left + (_COLUMN - len(members) * (width + _GAP) + _GAP) / 2
        for room in members:
            boxes[room.name] = _Box(x, level * _ROW, width, room.label, _text(room, width))
            x += width + _GAP
    commands = sorted(room.label for room in rooms if room.is_command)
    text = " · ".join(commands)
    boxes[f"{package}.*"] = _Box(left, len(rows) * _ROW, _COLUMN, "commands", text)
    return boxes


def _rows(floors: dict[int, list[Room]]) -> list[list[Room]]:
    """Return the rooms from the ground upwards, long ones first on each floor."""
    rows = []
    for number in sorted(floors):
        members = sorted(floors[number], key=lambda room: -room.lines)
        size = math.ceil(len(members) / math.ceil(len(members) / _MOST))
        rows += [members[i : i + size] for i in range(0, len(members), size)]
    return rows


def _text(room: Room, width: float) -> str:
    count = len(room.modules)
    size = f"{count} modules" if count > 1 else f"{room.lines} lines"
    return f"{room.purpose} ({size})" if width > _NARROW else size


def _draw_box(axes: Axes, box: _Box, *, on_route: bool) -> None:
    frame = FancyBboxPatch(
        (box.x, box.y),
        box.width,
        _HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.1",
        facecolor=LIGHT.paper,
        edgecolor=LIGHT.ink if on_route else LIGHT.muted,
        linewidth=1.6 if on_route else 0.8,
        zorder=3,
    )
    axes.add_patch(frame)
    (x, y), text = box.centre, textwrap.fill(box.text, int((box.width - 0.1) / _LETTER))
    # Above the arrows, which stop short of the letters.
    halo = [withStroke(linewidth=2.5, foreground=LIGHT.paper)]
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": LIGHT.ink, "zorder": 6}
    axes.text(x, y + 0.21, box.title, weight="bold", fontsize=BODY, path_effects=halo, **style)
    axes.text(x, y - 0.12, text, fontsize=SMALL, linespacing=1.2, path_effects=halo, **style)


def _draw_uses(axes: Axes, house: House, boxes: dict[str, _Box]) -> None:
    """Draw who imports from whom, without arrows that others imply."""
    for name in boxes:
        targets = {other for other in house.arrows.get(name, ()) if other in boxes}
        implied = set().union(*(_reached(house, other) for other in targets))
        for other in targets - implied:
            (x, y), (end, low) = boxes[name].centre, boxes[other].centre
            axes.plot([x, end], [y, low], color=LIGHT.muted, linewidth=0.5, alpha=0.45, zorder=1)


def _reached(house: House, name: str) -> set[str]:
    found: set[str] = set()
    waiting = list(house.arrows.get(name, ()))
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += house.arrows.get(other, ())
    return found


def _draw_route(axes: Axes, boxes: dict[str, _Box]) -> None:
    for start, end in pairwise(ROUTE):
        places = _badge(boxes[start.room]), _badge(boxes[end.room])
        # Long ones are less bent, or they would leave the picture.
        bend = 0.15 * min(1.0, 3 / math.dist(*places))
        arrow = FancyArrowPatch(
            *places,
            connectionstyle=f"arc3,rad={-bend:.3f}",
            arrowstyle="-|>",
            mutation_scale=11,
            shrinkA=8,
            shrinkB=8,
            linewidth=2,
            color=LIGHT.methods[_ROUTE],
            zorder=5,
        )
        axes.add_patch(arrow)


def _badge(box: _Box) -> tuple[float, float]:
    return box.x, box.y + _HEIGHT


def _number_stops(axes: Axes, boxes: dict[str, _Box]) -> None:
    for number, stop in enumerate(ROUTE, start=1):
        box = boxes[stop.room]
        axes.text(
            *_badge(box),
            str(number),
            ha="center",
            va="center",
            fontsize=SMALL,
            color=LIGHT.paper,
            weight="bold",
            zorder=8,
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": LIGHT.accent, "edgecolor": "none"},
        )
