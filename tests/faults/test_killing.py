"""What the harness calls whole: a broken file under a final name is found wherever it lies."""

import pytest

from tests.faults.killing import assert_nothing_is_half_written, leftovers


@pytest.mark.parametrize(
    "name", ["run.json", "deep/eval.json", "model.safetensors", "features.pkl", "seed0/model.pt"]
)
def test_a_half_written_file_is_found(name, tmp_path):
    assert_nothing_is_half_written(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'{"half": ')
    with pytest.raises(Exception, match=r".+"):
        assert_nothing_is_half_written(tmp_path)


@pytest.mark.parametrize("name", [".run-x.partial.json", "tmp123/run.json", "checkpoints/a.json"])
def test_what_bears_no_final_name_may_be_half_written(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'{"half": ')
    assert_nothing_is_half_written(tmp_path)


def test_temporary_files_are_left_over(tmp_path):
    for name in (".run-x.partial.json", "a.tmp", "graph.before", "features.pkl.parts", "run.json"):
        (tmp_path / name).touch()
    assert leftovers(tmp_path) == sorted(
        (".run-x.partial.json", "a.tmp", "graph.before", "features.pkl.parts")
    )
