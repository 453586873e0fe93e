"""The tiny models behind the page."""

import pytest

from graph_er.web.desk import Desk
from tests.graph_er.conversation_factory import talk, write_table


@pytest.fixture
def data(tmp_path):
    """A folder of demo data with the example alone."""
    rows = [{**row, "utterance": n} for n, row in enumerate(talk(4), start=1)]
    write_table(tmp_path / "data" / "example" / "conversation.csv", rows)
    return tmp_path / "data"


@pytest.fixture
def desk(predictor, data, tmp_path):
    (tmp_path / "work").mkdir()
    return Desk(predictor, data, tmp_path / "work")
