"""The committed page names the rooms, floors and stops that the code has now."""

import re
from pathlib import Path

from scripts.architecture import main
from scripts.rooms.house import read_house
from scripts.rooms.route import ROUTE

ROOT = Path(__file__).resolve().parents[2]


def rooms_of(page):
    return re.findall(r"^\| (\d+) \| (`\w+`(?: \(command\))?) \| (.*?) \|", page, re.M)


def test_the_page_is_of_this_code(tmp_path):
    main(["--out", str(tmp_path)])
    committed = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    fresh = (tmp_path / "architecture.md").read_text(encoding="utf-8")
    assert len(rooms_of(fresh)) > 40
    assert rooms_of(committed) == rooms_of(fresh)
    before_the_rooms = re.compile(r".*?(?=^## Rooms)", re.M | re.S)
    assert before_the_rooms.match(committed)[0] == before_the_rooms.match(fresh)[0]
    assert (tmp_path / "architecture.png").stat().st_size > 10_000


def test_every_stop_is_a_room():
    house = read_house(ROOT)
    assert {stop.room for stop in ROUTE} <= set(house.rooms)
    assert len({stop.room for stop in ROUTE}) == len(ROUTE)
