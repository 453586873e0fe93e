"""The page `docs/architecture.md`: the picture, the way of one utterance, rooms and figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from graph_er.running.files import atomic_path
from scripts.rooms.figures import Figures, measure
from scripts.rooms.house import PACKAGES, House, Room
from scripts.rooms.route import ROUTE

_HEAD = """# Architecture

Made by `python scripts/architecture.py --out docs` from the code itself; tests hold the floors
below (`tests/test_architecture.py`) and this page (`tests/rooms/test_page.py`) to it.

Two packages. `feature_extractor` turns speech and transcript into two vectors per utterance,
`graph_er` turns dialogues of such vectors into emotions. What passes between them is one file,
described in `graph_er/dialogues.py` alone. `graph_er` knows nothing of `feature_extractor`, but
for three rooms beside training, which go from raw speech to emotions and so use both:
`graph_er.conversations` reads what a user gives as corpora are read, `graph_er.inference` runs
the extractor and then the graph, `graph_er.packing` puts both into one folder.

![Rooms on their floors](architecture.png)

A room is a folder, or a module that stands alone; it imports only from floors below its own. Thin
lines: who imports from whom, without those that others imply. Arrows and numbers: the way of one
utterance.

## The way of one utterance

"""
_RULES = """
## Rules that tests hold

- A room imports from lower floors only; no module takes part in a circle; nobody imports commands.
- `graph_er` imports `feature_extractor` in `graph_er.conversations`, `graph_er.inference` and
  `graph_er.packing` alone.
- Modules have a docstring and at most 300 lines, functions less than 70; no name hides a module
  of Python's own.
- Importing a command loads neither torch nor transformers: they are imported when work begins.
- No `pickle.load`, no `weights_only=False`, no `trust_remote_code`.
- The trainer is given train and dev; test data has no way in.

## Beside other codebases

The two packages as they were when this page was made, tests and scripts left out. The figures of
other projects were taken earlier and with another script, so that small differences mean nothing;
it counted no shape comments apart, which ours does not take for dead code. The prints are those of
commands, which tell what they wrote, and of the one place that tells errors.

"""
_OTHERS = (
    ("PyG `nn/conv`", 69, "12,553", 144, "9 / 44 / 143", "13 %", "95 %", "2.3", 6, 0, 0),
    ("PyG `nn/models`", 36, "10,610", 195, "11 / 43 / 119", "36 %", "90 %", "2.2", 2, 0, 0),
    ("torchtune `modules`", 60, "10,769", 147, "15 / 56 / 147", "62 %", "90 %", "8.2", 10, 0, 0),
    ("opensmile-python", 6, "1,261", 79, "7 / 31 / 57", "51 %", "90 %", "4.0", 0, 0, 0),
    ("s3prl `nn` + `dataio`", 51, "7,805", 123, "8 / 34 / 103", "23 %", "71 %", "2.2", 12, 0, 0),
    ("SpeechBrain IEMOCAP", 4, "1,356", 356, "34 / 66 / 79", "93 %", "9 %", "7.4", 0, 0, 0),
    ("EmoBox", 43, "5,290", 105, "27 / 78 / 121", "30 %", "5 %", "5.3", 26, 92, 32),
    ("COGMEN", 15, "1,945", 85, "14 / 79 / 141", "7 %", "11 %", "1.8", 6, 15, 0),
)
_COLUMNS = (
    *("code", "files", "lines", "median module", "function median / p90 / longest"),
    *("with docstring", "annotated", "comments in 100 lines", "dead comments", "prints"),
    "star imports",
)


def page_text(house: House) -> str:
    """Return the page."""
    stops = [f"{number}. `{stop.room}`: {stop.done}." for number, stop in enumerate(ROUTE, start=1)]
    parts = [_HEAD, "\n".join(stops), "\n\n## Rooms\n"]
    for package in PACKAGES:
        rooms = [room for room in house.rooms.values() if room.package == package]
        parts.append(f"\n### {package}\n\n{_rooms_table(house, rooms)}\n")
    parts += [_RULES, _figures_table(house), "\n"]
    return "".join(parts)


def write_page(house: House, path: Path) -> None:
    """Write the page, all of it or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_text(page_text(house), encoding="utf-8")


def _rooms_table(house: House, rooms: list[Room]) -> str:
    lines = ["| floor | room | purpose | modules | lines |", "| --: | --- | --- | --: | --: |"]
    for room in sorted(rooms, key=lambda room: (-house.floors[room.name], room.name)):
        name = f"`{room.label}`" + (" (command)" if room.is_command else "")
        size = f"{len(room.modules)} | {room.lines:,}"
        lines.append(f"| {house.floors[room.name]} | {name} | {room.purpose} | {size} |")
    return "\n".join(lines)


def _figures_table(house: House) -> str:
    own = []
    for package in PACKAGES:
        paths = [
            p for room in house.rooms.values() if room.package == package for p in room.modules
        ]
        own.append(_row(f"**{package}**", measure(paths)))
    header = [_line(_COLUMNS), _line(("---", *["--:"] * (len(_COLUMNS) - 1)))]
    return "\n".join(header + own + [_line(map(str, row)) for row in _OTHERS])


def _row(name: str, found: Figures) -> str:
    return _line(
        (
            name,
            str(found.files),
            f"{found.lines:,}",
            f"{found.median_module:.0f}",
            " / ".join(map(str, found.functions)),
            f"{100 * found.documented:.0f} %",
            f"{100 * found.annotated:.0f} %",
            f"{found.comments:.1f}",
            str(found.dead),
            str(found.prints),
            str(found.stars),
        )
    )


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
