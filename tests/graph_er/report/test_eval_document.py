import errno
import os

import numpy as np
import pytest

from graph_er.report import eval_document
from graph_er.report.eval_document import write_document


def test_the_picture_of_another_evaluation_does_not_stay_where_this_one_finds_no_room(
    tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "reliability.png").write_bytes(b"of another model")
    monkeypatch.setattr(eval_document, "write_evaluation", full)
    with pytest.raises(OSError, match="No space"):
        write_document(tmp_path / "eval.json", {}, None, np.zeros((1, 2, 3)))
    assert list(tmp_path.iterdir()) == []
