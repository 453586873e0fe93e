"""What file managers put into folders: known by name, never followed, removed with nothing else."""

import pytest

from graph_er.running.clutter import is_clutter, is_empty, remove_empty


@pytest.mark.parametrize(
    "name", [".DS_Store", "._.DS_Store", "._model.pt", "Thumbs.db", "desktop.ini", "__MACOSX"]
)
def test_clutter_is_known_by_its_name(name):
    assert is_clutter(name)


@pytest.mark.parametrize("name", ["", ".", ".hidden", "DS_Store", "x.DS_Store", "_MACOSX", "x._y"])
def test_anything_else_is_none(name):
    assert not is_clutter(name)


def put_clutter(folder):
    below = folder / "__MACOSX" / "run"
    below.mkdir(parents=True)
    for path in (folder / ".DS_Store", folder / "desktop.ini", below / "._model.pt"):
        path.write_text("x")


def test_a_folder_with_clutter_alone_is_empty(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    assert is_empty(folder)
    put_clutter(folder)
    assert is_empty(folder)
    remove_empty(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    "mine", ["thesis.tex", "folder/.DS_Store", "__MACOSX/thesis.tex", ".DS_Store.d/._x", "._x/y"]
)
def test_a_folder_with_a_file_of_the_users_is_not(tmp_path, mine):
    put_clutter(tmp_path)
    (tmp_path / mine).parent.mkdir(exist_ok=True)
    (tmp_path / mine).write_text("years of work")
    assert not is_empty(tmp_path)
    with pytest.raises(OSError, match=tmp_path.name):
        remove_empty(tmp_path)
    assert (tmp_path / mine).read_text() == "years of work"


@pytest.mark.parametrize("name", [".DS_Store", "__MACOSX", "__MACOSX/._x"])
def test_links_are_not_followed(tmp_path, name):
    mine, folder = tmp_path / "mine", tmp_path / "folder"
    mine.mkdir()
    (mine / "._x").write_text("years of work")
    link = folder / name
    link.parent.mkdir(parents=True)
    link.symlink_to(mine, target_is_directory=True)
    assert is_empty(folder)
    remove_empty(folder)
    assert not folder.exists()
    assert (mine / "._x").read_text() == "years of work"
