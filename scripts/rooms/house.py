"""The packages as a house: rooms, which room imports which, and the floor of each."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from graph_er.errors import InputError

PACKAGES = ("feature_extractor", "graph_er")


@dataclass(frozen=True)
class Room:
    """A folder of a package, or a module that stands beside the folders.

    Attributes:
        name: as imported, ``graph_er.networks``.
        purpose: first line of its docstring.
        modules: its files, docstring-only ``__init__.py`` left out.
        lines: of these.
        is_command: whether it is run rather than imported.
    """

    name: str
    purpose: str
    modules: tuple[Path, ...]
    lines: int
    is_command: bool

    @property
    def package(self) -> str:
        """Return ``graph_er`` or ``feature_extractor``."""
        return self.name.split(".")[0]

    @property
    def label(self) -> str:
        """Return its name within the package."""
        return self.name.split(".")[1]


@dataclass(frozen=True)
class House:
    """All rooms, and for each the rooms that its modules import from.

    Attributes:
        rooms: by name.
        arrows: names of rooms to names of the rooms that they use, other packages' included.
    """

    rooms: dict[str, Room]
    arrows: dict[str, set[str]]

    @cached_property
    def floors(self) -> dict[str, int]:
        """Return each room's floor: above all rooms of its package that it imports from.

        Raises:
            InputError: two rooms import from each other, directly or around corners.
        """
        below = {
            name: {other for other in self.arrows[name] if other.split(".")[0] == room.package}
            for name, room in self.rooms.items()
        }
        floors: dict[str, int] = {}
        while len(floors) < len(below):
            ready = {
                name: 1 + max((floors[other] for other in others), default=-1)
                for name, others in below.items()
                if name not in floors and others <= set(floors)
            }
            if not ready:
                raise InputError(f"rooms in a circle: {sorted(set(below) - set(floors))}")
            floors |= ready
        return floors


def read_house(root: Path) -> House:
    """Read the packages below a checkout."""
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
    }
    members: dict[str, list[Path]] = {}
    arrows: dict[str, set[str]] = {}
    for module, path in modules.items():
        if module in PACKAGES:
            continue
        room = _room(module)
        members.setdefault(room, []).append(path)
        targets = {_room(name) for name in _imports(path, modules) if name not in PACKAGES}
        arrows.setdefault(room, set()).update(targets - {room})
    rooms = {name: _describe(name, paths, root) for name, paths in members.items()}
    return House(rooms, arrows)


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _imports(path: Path, modules: dict[str, Path]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & set(modules) or {node.module} & set(modules)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & set(modules)
    return found


def _describe(name: str, paths: list[Path], root: Path) -> Room:
    folder = root.joinpath(*name.split("."))
    first = folder / "__init__.py" if folder.is_dir() else paths[0]
    docstring = ast.get_docstring(ast.parse(first.read_text(encoding="utf-8"))) or ""
    kept = tuple(path for path in paths if path.name != "__init__.py")
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in kept)
    is_command = not folder.is_dir() and "run_command" in paths[0].read_text(encoding="utf-8")
    purpose = docstring.splitlines()[0].replace("`", "").rstrip(".:;")
    return Room(name, purpose, kept, lines, is_command)
