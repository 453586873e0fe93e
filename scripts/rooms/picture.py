"""The picture: rooms on their floors, and the way of one utterance through them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from graph_er.report.canvas import SMALL, TINY, blank_figure, to_png
from graph_er.report.palette import LIGHT, Theme
from graph_er.running.files import atomic_path
from scripts.rooms.house import PACKAGES, House, Room
from scripts.rooms.route import ROUTE

_COLUMN, _FLOOR = 12.0, 1.5  # of one package and of one floor, in the axes' units
_GAP, _HEIGHT = 0.3, 1.0
_NARROW = 1.8  # no room for more than a name
_PER_INCH = 1.5  # units
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


def house_figure(house: House, theme: Theme = LIGHT) -> Figure:
    """Draw both packages side by side, the ground floor below."""
    boxes: dict[str, _Box] = {}
    for place, package in enumerate(PACKAGES):
        boxes |= _place(house, package, place * (_COLUMN + 1.4))
    top = max(box.y for box in boxes.values()) + _HEIGHT
    width, height = 2 * _COLUMN + 1.4, top + 1.2
    figure, axes = blank_figure((width / _PER_INCH, height / _PER_INCH), theme)
    axes.set(xlim=(-0.3, width + 0.3), ylim=(-0.3, height), xticks=[], yticks=[])
    for place, package in enumerate(PACKAGES):
        x = place * (_COLUMN + 1.4) + _COLUMN / 2
        axes.text(x, top + 0.7, f"{package}/", ha="center", color=theme.ink, weight="bold")
    _draw_uses(axes, house, boxes, theme)
    _draw_route(axes, boxes, theme)
    for name, box in boxes.items():
        _draw_box(axes, box, theme, on_route=any(stop.room == name for stop in ROUTE))
    _number_stops(axes, boxes, theme)
    return figure


def draw(house: House, path: Path) -> None:
    """Write the picture as PNG, all of it or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(to_png(house_figure(house)))


def _place(house: House, package: str, left: float) -> dict[str, _Box]:
    rooms = [room for room in house.rooms.values() if room.package == package]
    shown = [room for room in rooms if not room.is_command]
    floors: dict[int, list[Room]] = {}
    for room in shown:
        floors.setdefault(house.floors[room.name], []).append(room)
    boxes = {}
    for level, number in enumerate(sorted(floors)):
        # Rooms of the route in the middle, the small ones beside them.
        members = sorted(floors[number], key=lambda room: -room.lines)
        weights = [max(room.lines, 1500) ** 0.5 for room in members]
        free = _COLUMN - _GAP * (len(members) - 1)
        widths = [min(6.0, free * weight / sum(weights)) for weight in weights]
        x = left + (_COLUMN - sum(widths) - _GAP * (len(members) - 1)) / 2
        for room, width in zip(members, widths, strict=True):
            boxes[room.name] = _Box(x, level * _FLOOR, width, room.label, _text(room, width))
            x += width + _GAP
    commands = sorted(room.label for room in rooms if room.is_command)
    text = " · ".join(commands)
    boxes[f"{package}.*"] = _Box(left, len(floors) * _FLOOR, _COLUMN, "commands", text)
    return boxes


def _text(room: Room, width: float) -> str:
    count = len(room.modules)
    size = f"{count} modules" if count > 1 else f"{room.lines} lines"
    return f"{room.purpose} ({size})" if width > _NARROW else size


def _draw_box(axes: Axes, box: _Box, theme: Theme, *, on_route: bool) -> None:
    frame = FancyBboxPatch(
        (box.x, box.y),
        box.width,
        _HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.1",
        facecolor=theme.paper,
        edgecolor=theme.ink if on_route else theme.muted,
        linewidth=1.6 if on_route else 0.8,
        zorder=3,
    )
    axes.add_patch(frame)
    x, y = box.centre
    axes.text(x, y + 0.3, box.title, ha="center", va="center", weight="bold", fontsize=SMALL,
              color=theme.ink, zorder=4)  # fmt: skip
    text = "\n".join(textwrap.wrap(box.text, max(14, int(box.width * 14))))
    axes.text(x, y - 0.15, text, ha="center", va="center", fontsize=TINY, color=theme.ink,
              zorder=4, linespacing=1.05)  # fmt: skip


def _draw_uses(axes: Axes, house: House, boxes: dict[str, _Box], theme: Theme) -> None:
    """Draw who imports from whom, without arrows that others imply."""
    for name in boxes:
        targets = {other for other in house.arrows.get(name, ()) if other in boxes}
        implied = set().union(*(_reached(house, other) for other in targets))
        for other in targets - implied:
            (x, y), (end, low) = boxes[name].centre, boxes[other].centre
            axes.plot([x, end], [y, low], color=theme.muted, linewidth=0.5, alpha=0.45, zorder=1)


def _reached(house: House, name: str) -> set[str]:
    found: set[str] = set()
    waiting = list(house.arrows.get(name, ()))
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += house.arrows.get(other, ())
    return found


def _draw_route(axes: Axes, boxes: dict[str, _Box], theme: Theme) -> None:
    for start, end in pairwise(ROUTE):
        arrow = FancyArrowPatch(
            _badge(boxes[start.room]),
            _badge(boxes[end.room]),
            connectionstyle="arc3,rad=-0.15",
            arrowstyle="-|>",
            mutation_scale=11,
            shrinkA=8,
            shrinkB=8,
            linewidth=2,
            color=theme.methods[_ROUTE],
            zorder=5,
        )
        axes.add_patch(arrow)


def _badge(box: _Box) -> tuple[float, float]:
    return box.x, box.y + _HEIGHT


def _number_stops(axes: Axes, boxes: dict[str, _Box], theme: Theme) -> None:
    for number, stop in enumerate(ROUTE, start=1):
        box = boxes[stop.room]
        axes.text(
            *_badge(box),
            str(number),
            ha="center",
            va="center",
            fontsize=SMALL,
            color=theme.paper,
            weight="bold",
            zorder=6,
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": theme.accent, "edgecolor": "none"},
        )
