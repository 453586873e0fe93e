import json

import pytest

from feature_extractor.training.run_folder import (
    check_folder,
    check_same_options,
    discard_unmarked,
    discard_unstarted,
    is_finished,
    open_folder,
)
from graph_er.errors import InputError

CONFIG = {"corpus_sha256": "0", "modalities": "at", "transcript_version": 1, "lr": 0.1}


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def write(folder, **contents):
    for name, text in contents.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def finished(tmp_path):
    run = tmp_path / "run"
    write(
        run,
        run_dot_json=json.dumps({"config": CONFIG, "metrics": {}}),
        config_dot_json=json.dumps({"model_type": "utterance_classifier"}),
        model_dot_safetensors="",
        tokenizer_dot_json="",
        chat_template_dot_jinja="",
        processor_config_dot_json="{}",
        eval_test__eval_dot_json="{}",
        eval_test__predictions_dot_csv="",
        eval_dot_json="{}",
        predictions_dot_csv="",
        comet__1_dot_zip="archive",
    )
    return run


@pytest.fixture
def unfinished(tmp_path):
    run = tmp_path / "run"
    open_folder(run, CONFIG, overwrite=False)
    write(run, **{"checkpoints__checkpoint-3__trainer_state_dot_json": "{}"})
    return run


def refused(folder, **options):
    before = files(folder)
    wanted = {"resume": False, "overwrite": False, **options}
    with pytest.raises(InputError) as caught:
        check_folder(folder, **wanted)
    if wanted["overwrite"]:
        with pytest.raises(InputError):
            open_folder(folder, CONFIG, overwrite=True)
    assert files(folder) == before
    return str(caught.value)


@pytest.mark.parametrize("option", ["resume", "overwrite"])
@pytest.mark.parametrize(
    "contents",
    [
        {"checkpoints__mine_dot_pt": "x", "thesis_dot_tex": "x"},
        {"checkpoints__settings_dot_json": '{"theme": "dark"}'},
        {"run_dot_json": "{}", "thesis_dot_tex": "x"},
        {"run_dot_json": "{}", "config_dot_json": '{"model_type": "bert"}'},
        {"run_dot_json": "{}", "checkpoint_dot_pt": "of stage 3"},
    ],
)
def test_a_folder_without_our_marks_is_left_alone(tmp_path, option, contents):
    write(tmp_path, **contents)
    assert "holds other files" in refused(tmp_path, **{option: True})


@pytest.mark.parametrize(
    "foreign",
    [
        "thesis.tex",
        "checkpoints/thesis.tex",
        "eval_test/thesis.tex",
        "eval_test/deep/eval.json",
        "eval_mine/eval.json",
        "notes/thesis.tex",
        ".hidden",
    ],
)
def test_a_run_with_a_file_of_the_users_is_not_emptied(finished, foreign):
    (finished / foreign).parent.mkdir(parents=True, exist_ok=True)
    (finished / foreign).write_text("years of work")
    assert foreign in refused(finished, overwrite=True)


CLUTTER = (".DS_Store", "eval_test/._eval.json", "comet/Thumbs.db", "notes/desktop.ini")


def test_what_systems_put_into_folders_is_no_file_of_the_users(finished, tmp_path):
    for name in (*CLUTTER, "__MACOSX/run/._run.json"):
        (finished / name).parent.mkdir(parents=True, exist_ok=True)
        (finished / name).write_text("x")
    (tmp_path / "mine").write_text("years of work")
    (finished / "._link").symlink_to(tmp_path / "mine")
    open_folder(finished, CONFIG, overwrite=True)
    assert not (finished / "run.json").exists()
    assert {*CLUTTER, "__MACOSX/run/._run.json", "._link"} < {*files(finished)}
    assert (tmp_path / "mine").read_text() == "years of work"
    (finished / "__MACOSX" / "thesis.tex").write_text("years of work")
    assert "thesis.tex" in refused(finished, overwrite=True)


def test_a_folder_that_a_file_manager_looked_into_may_be_used(tmp_path):
    (tmp_path / ".DS_Store").write_text("x")
    check_folder(tmp_path, resume=False, overwrite=False)
    (tmp_path / "thesis.tex").write_text("years of work")
    assert "holds other files" in refused(tmp_path)


def test_a_link_in_a_run_is_not_followed(finished, tmp_path):
    write(tmp_path / "elsewhere", **{"settings_dot_json": json.dumps(CONFIG)})
    (finished / "checkpoints").symlink_to(tmp_path / "elsewhere")
    assert "checkpoints" in refused(finished, overwrite=True)


def test_a_finished_run_is_emptied_on_request(finished):
    assert "finished run" in refused(finished)
    open_folder(finished, {**CONFIG, "lr": 0.5}, overwrite=True)
    assert files(finished) == ["checkpoints/settings.json", "comet/1.zip"]
    check_same_options(finished, {**CONFIG, "lr": 0.5})


def test_an_unfinished_run_is_emptied_on_request(unfinished):
    assert "unfinished run" in refused(unfinished)
    open_folder(unfinished, CONFIG, overwrite=True)
    assert files(unfinished) == ["checkpoints/settings.json"]
    assert not list(unfinished.glob("checkpoints/checkpoint-*"))


@pytest.mark.parametrize("kind", ["finished", "unfinished"])
def test_a_run_goes_on_with_the_same_options_only(kind, request):
    run = request.getfixturevalue(kind)
    assert is_finished(run) == (kind == "finished")
    check_folder(run, resume=True, overwrite=False)
    check_same_options(run, CONFIG)
    with pytest.raises(InputError, match=r"lr was 0\.1, is 0\.5.*--overwrite") as caught:
        check_same_options(run, {**CONFIG, "lr": 0.5})
    assert "modalities" not in str(caught.value)


def test_a_run_that_left_an_option_out_goes_on_with_its_default_given(tmp_path):
    config = {**CONFIG, "fusion": "distilled_gate", "fusion_options": {}}
    open_folder(tmp_path, config, overwrite=False)
    check_same_options(tmp_path, {**config, "fusion_options": {"level": False}})
    with pytest.raises(InputError, match=r"fusion_options was \{\}, is \{'level': True\}"):
        check_same_options(tmp_path, {**config, "fusion_options": {"level": True}})


@pytest.mark.parametrize("kept", [None, [], {"of": "another release"}])
def test_options_that_are_none_of_the_models_are_others(tmp_path, kept):
    config = {**CONFIG, "fusion": "distilled_gate", "fusion_options": kept}
    open_folder(tmp_path, config, overwrite=False)
    check_same_options(tmp_path, config)
    with pytest.raises(InputError, match="fusion_options was"):
        check_same_options(tmp_path, {**config, "fusion_options": {}})


@pytest.mark.parametrize("before", [{}, {"text_weights": None}])
def test_a_run_whose_encoder_was_known_by_name_goes_on(tmp_path, before):
    config = {**CONFIG, "text_encoder": "here"}
    open_folder(tmp_path, {**config, **before}, overwrite=False)
    open_folder(tmp_path, {**config, "text_weights": "a"}, overwrite=False)
    for weights in ("b", None):
        with pytest.raises(InputError, match="text_weights was 'a', is"):
            check_same_options(tmp_path, {**config, "text_weights": weights})


@pytest.mark.parametrize("config", ["x", [], None])
def test_a_record_without_options_is_named(finished, config):
    write(finished, run_dot_json=json.dumps({"config": config, "metrics": {}}))
    with pytest.raises(InputError, match=r"run\.json: does not tell the run's options"):
        check_same_options(finished, CONFIG)


@pytest.mark.parametrize("speed", [0.0, 0.1])
def test_who_decodes_may_change_where_nothing_is_drawn_in_decoding(tmp_path, speed):
    config = {**CONFIG, "speed_perturbation": speed, "num_workers": 2}
    open_folder(tmp_path, config, overwrite=False)
    again = {**config, "num_workers": 0}
    if speed == 0:
        open_folder(tmp_path, again, overwrite=False)
        return
    with pytest.raises(InputError, match=r"num_workers was 2, is 0"):
        check_same_options(tmp_path, again)


def test_an_empty_folder_may_be_used_and_a_file_not(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for overwrite in (False, True):
        check_folder(tmp_path / "empty", resume=False, overwrite=overwrite)
        check_folder(tmp_path / "absent", resume=False, overwrite=overwrite)
        with pytest.raises(InputError, match="is a file"):
            check_folder(tmp_path / "file", resume=False, overwrite=overwrite)


def test_a_run_refused_before_it_kept_anything_leaves_no_mark(tmp_path):
    open_folder(tmp_path / "run", CONFIG, overwrite=False)
    discard_unstarted(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_kept_an_epoch_keeps_its_marks(unfinished):
    before = files(unfinished)
    discard_unstarted(unfinished)
    assert files(unfinished) == before


def test_a_run_whose_folder_was_removed_leaves_nothing_in_the_way_of_the_next(tmp_path, unfinished):
    kept = sorted(unfinished.rglob("*"))
    discard_unmarked(unfinished)
    assert sorted(unfinished.rglob("*")) == kept
    late = tmp_path / "late"
    write(
        late,
        checkpoints__text_dot_safetensors="",
        **{"checkpoints__checkpoint-4__optimizer_dot_pt": ""},
        **{"checkpoints__audio__checkpoint-2__optimizer_dot_pt": ""},
    )
    with pytest.raises(InputError, match="other files than a run's"):
        check_folder(late, resume=False, overwrite=False)
    discard_unmarked(late)
    assert not late.exists()


def test_archives_alone_do_not_make_a_folder_foreign(tmp_path):
    write(tmp_path, comet__1_dot_zip="x")
    for overwrite in (False, True):
        check_folder(tmp_path, resume=False, overwrite=overwrite)
    open_folder(tmp_path, CONFIG, overwrite=True)
    assert files(tmp_path) == ["checkpoints/settings.json", "comet/1.zip"]


def test_a_folder_where_no_mark_could_be_written_can_be_used(tmp_path):
    write(
        tmp_path, comet__1_dot_zip="archive", checkpoints___dot_settings_x_dot_partial_dot_json=""
    )
    partial = tmp_path / "checkpoints" / ".settings-x.partial.json"
    next((tmp_path / "checkpoints").iterdir()).rename(partial)
    check_folder(tmp_path, resume=False, overwrite=False)
    partial.unlink()
    check_folder(tmp_path, resume=False, overwrite=False)
    write(tmp_path, notes_dot_txt="")
    assert "other files" in refused(tmp_path)
