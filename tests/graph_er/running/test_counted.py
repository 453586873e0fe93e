import pytest

from graph_er.running.counted import counted


@pytest.mark.parametrize(("count", "told"), [(0, "0 turns"), (1, "1 turn"), (2, "2 turns")])
def test_one_is_singular(count, told):
    assert counted(count, "turn") == told
