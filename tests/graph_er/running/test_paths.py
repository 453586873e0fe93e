import json
import os

import pytest

from feature_extractor.configuration import UtteranceConfig
from graph_er.errors import InputError
from graph_er.running.paths import checkpoint_file, keep_inputs


def test_a_checkpoint_is_named_by_its_folder_or_by_itself(tmp_path):
    path = tmp_path / "model.pt"
    path.touch()
    assert checkpoint_file(tmp_path) == checkpoint_file(path) == path


def test_a_model_of_stage_1_is_told_from_nothing(tmp_path):
    UtteranceConfig().save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"is a model of stage 1, .*feature_extractor/eval\.py"):
        checkpoint_file(tmp_path)


@pytest.mark.parametrize("config", [None, "{", [], {}, {"model_type": "roberta"}])
def test_other_folders_hold_no_checkpoint(tmp_path, config):
    if config is not None:
        text = config if isinstance(config, str) else json.dumps(config)
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"model\.pt: no such checkpoint; train one with"):
        checkpoint_file(tmp_path)


def test_an_output_that_is_an_input_is_refused_also_through_a_link(tmp_path):
    mine, link = tmp_path / "mine.csv", tmp_path / "link.csv"
    mine.touch()
    link.symlink_to(mine)
    for named, read in (
        (mine, mine),
        (link, mine),
        (mine, link),
        (tmp_path / "." / "mine.csv", mine),
    ):
        with pytest.raises(
            InputError, match=r"--out .*\.csv: is --root as well; name another file"
        ):
            keep_inputs("--out", named, [named], [("--split", None), ("--root", read)])
    keep_inputs("--out", tmp_path / "other.csv", [tmp_path / "x.csv"], [("--root", mine)])


def test_one_file_under_two_names_is_one_file(tmp_path):
    mine, other = tmp_path / "mine.csv", tmp_path / "Mine.csv"
    mine.touch()
    if not other.exists():  # where the disk tells small from capital letters
        other.hardlink_to(mine)
    with pytest.raises(InputError, match=r"--out .*Mine\.csv: is --root as well"):
        keep_inputs("--out", other, [other], [("--root", mine)])


def test_a_disk_that_does_not_number_its_files_is_asked_for_paths_alone(tmp_path, monkeypatch):
    mine, other = tmp_path / "mine.csv", tmp_path / "other.csv"
    mine.touch()
    other.touch()
    real = os.stat
    monkeypatch.setattr(
        os, "stat", lambda *a, **k: os.stat_result((0o100644, 0, *real(*a, **k)[2:]))
    )
    keep_inputs("--out", other, [other], [("--root", mine)])
    with pytest.raises(InputError, match="is --root as well"):
        keep_inputs("--out", mine, [mine], [("--root", mine)])


def test_what_is_written_beside_an_output_is_no_input_either(tmp_path):
    with pytest.raises(
        InputError, match=r"x\.csv would be replaced, which is --root; name another"
    ):
        keep_inputs(
            "--out", tmp_path / "e.json", [tmp_path / "x.csv"], [("--root", tmp_path / "x.csv")]
        )


def test_links_in_a_circle_are_left_to_the_reader(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    keep_inputs("--out", tmp_path / "x", [tmp_path / "x"], [("--data_dir", loop)])
