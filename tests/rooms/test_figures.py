import pytest

from scripts.rooms.figures import measure

SOURCE = '''"""A module."""

from os import *  # all of it


def area(width: float, height: float) -> float:
    """Say it."""
    # [B, U, H]
    # product = width + height
    return width * height


def tell(text, *more):
    print(text)


class Box:
    def open(self) -> None:
        # the lid first
        pass
'''


def test_figures_of_a_small_file(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    empty = tmp_path / "__init__.py"
    empty.write_text("\n")
    found = measure([path, empty])
    assert (found.files, found.lines, found.median_module) == (1, 20, 20)
    assert found.functions == (3, 3, 5)
    assert found.documented == pytest.approx(1 / 3)
    assert found.annotated == pytest.approx(2 / 3)
    assert found.comments == pytest.approx(100 * 4 / 20)
    assert (found.dead, found.prints, found.stars) == (1, 1, 1)
