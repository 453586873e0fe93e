import pytest

from graph_er.running.counted import counted


@pytest.mark.parametrize(
    ("count", "told", "with_verb"),
    [
        (0, "0 turns", "0 turns have"),
        (1, "1 turn", "1 turn has"),
        (2000, "2,000 turns", "2,000 turns have"),
    ],
)
def test_one_is_singular_and_so_is_its_verb(count, told, with_verb):
    assert counted(count, "turn") == told
    assert counted(count, "turn has", "turns have") == with_verb
