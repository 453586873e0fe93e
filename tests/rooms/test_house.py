import pytest

from graph_er.errors import InputError
from scripts.rooms.house import read_house


def build(root, **sources):
    for package in ("feature_extractor", "graph_er"):
        (root / package).mkdir()
        (root / package / "__init__.py").write_text('"""A package."""\n')
    for name, source in sources.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (path.parent / "__init__.py").exists():
            (path.parent / "__init__.py").write_text('"""A folder."""\n')
        path.write_text(source)
    return root


def test_rooms_stand_above_what_they_import(tmp_path):
    house = read_house(
        build(
            tmp_path,
            graph_er__errors='"""What is wrong."""\n',
            graph_er__models__net='"""One."""\nfrom graph_er import errors\n',
            graph_er__models__other='"""Two."""\nfrom graph_er.models.net import Net\n\n\n',
            graph_er__train='"""Train it."""\nimport graph_er.models.net\nrun_command(main)\n',
            feature_extractor__audio='"""Sound."""\nfrom graph_er.errors import InputError\n',
        )
    )
    assert house.floors == {
        "graph_er.errors": 0,
        "graph_er.models": 1,
        "graph_er.train": 2,
        "feature_extractor.audio": 0,
    }
    assert house.arrows["feature_extractor.audio"] == {"graph_er.errors"}
    models = house.rooms["graph_er.models"]
    assert (len(models.modules), models.lines, models.is_command) == (2, 6, False)
    assert house.rooms["graph_er.train"].is_command
    assert house.rooms["graph_er.train"].purpose == "Train it"


def test_rooms_in_a_circle_are_refused(tmp_path):
    house = read_house(
        build(
            tmp_path,
            graph_er__a__one='"""A."""\nfrom graph_er.b.one import x\n',
            graph_er__b__one='"""B."""\n',
            graph_er__b__two='"""B."""\nfrom graph_er.a import one\n',
        )
    )
    with pytest.raises(InputError, match=r"circle.*graph_er\.a.*graph_er\.b"):
        _ = house.floors
