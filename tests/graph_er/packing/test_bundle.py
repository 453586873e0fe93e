"""A bundle holds what a prediction needs, opens offline, and shows when it was tampered with."""

import errno
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from graph_er import bundle as command
from graph_er import eval as eval_command
from graph_er import predict
from graph_er.bundles import bundle_folder
from graph_er.bundles.bundle_folder import open_bundle
from graph_er.errors import InputError
from graph_er.inference.predictor import EmotionPredictor
from graph_er.networks.checkpoint import save_checkpoint
from graph_er.packing import bundle_writing
from graph_er.packing.bundle_writing import Sources, write_bundle
from graph_er.running.cli import run_command
from graph_er.running.files import sha256
from tests.graph_er.tiny_models import CONTEXTUAL
from tests.graph_er.tiny_predictor import save_graph

SCORES = {"n": 20, "accuracy": 0.5, "weighted_f1": 0.25, "macro_f1": 0.125, "uar": 0.625}
SEVERAL = {"seeds": [0, 1], "mean": SCORES, "std": SCORES, "calibration": {"ece": 0.0712}}


def finish(folder, **config):
    """Mark a run as finished, with scores, absolute paths, and what must not be passed on."""
    side = {**SCORES, **SEVERAL, "by_speaker": {"민아": SCORES}}
    record = {"config": {"corpus": "demo", "text_encoder": "/srv/someone/encoder",
                         "split": "ids:C:\\someone\\ids.csv", **config},
              "seed": [0, 1], "metrics": {"dev": side, "test": side},
              "data": {"name": "features.pkl", "sha256": "ab" * 32}}  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def sources(models, tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    shutil.copytree(models.extractor, root / "extractor")
    shutil.copytree(models.graph, root / "graph")
    for name in ("extractor", "graph"):
        finish(root / name)
        (root / name / "predictions.csv").write_text("민아,비밀이야\n", encoding="utf-8")
        (root / name / "chat_template.jinja").write_text("{{ messages }}")
        (root / name / "checkpoints").mkdir()
        (root / name / "checkpoints" / "optimizer.pt").write_bytes(b"0")
    save_graph(root / "causal", models.file, config=replace(CONTEXTUAL, wf=0))
    return Sources(root / "extractor", root / "graph", finish(root / "causal"))


@pytest.fixture(scope="module")
def bundle(sources, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundles") / "mine"
    write_bundle(sources, out)
    return out


@pytest.fixture
def copy(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "copy")


def test_a_bundle_predicts_what_its_models_predict(models, predictor, bundle):
    opened = EmotionPredictor.load(bundle, device="cpu")
    assert opened.predict(models.rows[:6]) == predictor.predict(models.rows[:6])
    assert opened.live.config.causal
    assert not opened.checkpoint.config.causal


def test_only_listed_files_are_copied_and_nothing_of_the_machine_or_of_people(bundle, sources):
    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert {name for name in names if "/" not in name} == {"bundle.json", "README.md"}
    assert {"graph/model.pt", "graph/run.json", "live/model.pt"} < names
    assert {name for name in names if "template" in name} == {"extractor/chat_template.jinja"}
    assert not any("predictions" in name or "checkpoints" in name for name in names)
    for name in names:
        content = (bundle / name).read_bytes()
        assert str(sources.extractor.parent).encode() not in content, name
        assert b"someone" not in content, name
        assert "민아".encode() not in content, name


def test_the_card_says_what_the_records_say(bundle):
    card = (bundle / "README.md").read_text(encoding="utf-8")
    front, _, text = card.removeprefix("---\n").partition("\n---\n")
    assert "license: apache-2.0" in front
    assert "- ko" in front
    assert "**Synthetic.**" in text
    assert "| graph | test | 20 | 2 | 50.0 (seeds 50.0 ± 50.0) | 25.0" in text
    assert "calibration error on test 7.1 %" in text
    for part in ("Not intended", "Article 5", "Voices differ", "hf upload", "`features.pkl`"):
        assert part in text


def test_the_card_tells_what_is_heard_of_speakers(bundle, models, sources, tmp_path):
    told = "The graph hears audio against all that its speaker says in the session"
    assert told in (bundle / "README.md").read_text(encoding="utf-8")
    of_dialogues = replace(CONTEXTUAL, audio_level="dialogue")
    save_graph(tmp_path / "graph", models.file, config=of_dialogues)
    write_bundle(Sources(sources.extractor, finish(tmp_path / "graph")), tmp_path / "out")
    assert told not in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_a_card_of_recorded_people_is_not_called_free(models, sources, tmp_path):
    real = shutil.copytree(sources.extractor, tmp_path / "real")
    finish(real, corpus="meld")
    write_bundle(Sources(real, sources.graph), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "license: other" in card
    assert "- en" in card
    assert "Synthetic" not in card


@pytest.mark.parametrize(("corpus", "language"), [("vat", "ko"), ("iemocap", "en"), ("table", "")])
def test_a_card_names_a_language_where_it_is_known(sources, tmp_path, corpus, language):
    real = shutil.copytree(sources.extractor, tmp_path / "real")
    finish(real, corpus=corpus)
    write_bundle(Sources(real, sources.graph), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    told = f"language:\n- {language}\n" if language else ""
    assert f"terms-of-the-training-corpus\n{told}pipeline_tag" in card


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lambda b: (b / "graph/run.json").write_text("{}"), "run.json is not as it was written"),
        (lambda b: (b / "live/model.pt").unlink(), "live/model.pt is missing"),
        (lambda b: (b / "extractor/added.py").write_text(""), "added.py is not of the bundle"),
        (lambda b: (b / "bundle.json").write_text("[1"), "bundle.json: cannot be read as JSON"),
        (lambda b: (b / "bundle.json").write_text("[]"), "bundle.json: is damaged"),
        (
            lambda b: (b / "bundle.json").write_text('{"format": "x", "version": 9}'),
            "is 'x' 9, this release reads",
        ),
    ],
    ids=["changed", "missing", "added", "no JSON", "no object", "other format"],
)
def test_what_is_not_as_it_was_written_is_refused(copy, tamper, message):
    tamper(copy)
    with pytest.raises(InputError, match=message):
        open_bundle(copy)


CLUTTER = (".DS_Store", "._model.pt", "Thumbs.db", "desktop.ini", "__MACOSX/._model.pt")


@pytest.mark.parametrize("name", CLUTTER)
def test_what_systems_put_into_folders_is_passed_over_unread(copy, monkeypatch, name):
    path = copy / "graph" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    link = copy / "extractor" / "._link"
    link.symlink_to(path)
    read = []
    monkeypatch.setattr(bundle_folder, "sha256", lambda path: read.append(path) or sha256(path))
    assert open_bundle(copy).graph == copy / "graph"
    assert len(read) > 5
    assert not {path, link} & {*read}


@pytest.mark.parametrize("name", [".hidden", "__MACOSX/added.py", ".DS_Store/added.py"])
def test_nothing_else_is_passed_over(copy, name):
    path = copy / "graph" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    with pytest.raises(InputError, match=re.escape(f"{name} is not of the bundle")):
        open_bundle(copy)


def test_a_folder_that_holds_such_files_alone_is_filled(sources, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".DS_Store").write_text("x")
    write_bundle(sources, out)
    open_bundle(out)
    assert not (out / ".DS_Store").exists()


def test_a_card_may_be_edited(copy):
    (copy / "README.md").write_text("mine", encoding="utf-8")
    assert open_bundle(copy).live == copy / "live"


def test_extractors_beside_a_bundle_and_lone_graphs_are_refused(models, bundle, tmp_path):
    with pytest.raises(InputError, match="is a bundle with an extractor"):
        EmotionPredictor.load(bundle, models.extractor)
    with pytest.raises(InputError, match="is no bundle; name the extractor"):
        EmotionPredictor.load(models.graph)
    with pytest.raises(InputError, match="gone: no such checkpoint"):
        EmotionPredictor.load(tmp_path / "gone")


def test_folders_in_use_are_kept(sources, copy, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    for out, overwrite, message in (
        (copy, False, "holds a bundle; replace it with --overwrite"),
        (other, True, "holds something else than a bundle"),
        (sources.graph, True, "holds something else than a bundle"),
    ):
        with pytest.raises(InputError, match=message):
            write_bundle(sources, out, overwrite=overwrite)
    (copy / "graph" / "model.pt").unlink()
    write_bundle(sources, copy, overwrite=True)
    assert open_bundle(copy).live is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "other"]


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_with_the_name_of_the_bundle(sources, copy, monkeypatch):
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space") as caught:
        write_bundle(sources, copy, overwrite=True)
    assert caught.value.filename == str(copy)
    assert open_bundle(copy).live is not None


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_filled_and_stays_a_link(sources, tmp_path, there):
    link, target = tmp_path / "link", tmp_path / "far" / "target"
    target.parent.mkdir()
    if there:
        target.mkdir()
    link.symlink_to(target)
    write_bundle(sources, link)
    assert link.is_symlink()
    assert open_bundle(target).live is not None
    assert "# link\n" in (target / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in target.parent.iterdir()] == ["target"]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_a_bundle_that_is_not_replaced_after_all_stays(sources, copy, monkeypatch, error):
    rename = Path.rename

    def fails(path, target):
        if path.name == "bundle":
            raise error
        return rename(path, target)

    before = (copy / "bundle.json").read_bytes()
    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(type(error)):
        write_bundle(sources, copy, overwrite=True)
    assert (copy / "bundle.json").read_bytes() == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_a_long_name_that_is_allowed_is_taken(sources, tmp_path):
    out = tmp_path / ("묶" * 83)
    write_bundle(Sources(sources.extractor, sources.graph), out)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_runs_that_cannot_be_bundled_leave_nothing(models, sources, tmp_path):
    unfinished = shutil.copytree(models.graph, tmp_path / "unfinished")
    save_graph(tmp_path / "widths", models.file, widths=(20, 17))
    finish(tmp_path / "widths")
    for given, message in (
        (replace(sources, graph=unfinished), "run.json: no such file; was the run finished"),
        (replace(sources, graph=tmp_path / "widths"), "text features of width 17"),
        (replace(sources, live=sources.graph), "hears later turns"),
        (replace(sources, extractor=tmp_path / "gone"), "gone"),
    ):
        with pytest.raises(InputError, match=message):
            write_bundle(given, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_file_between_them_tells_whether_they_belong_together(models, sources, tmp_path):
    data = models.extractor.parent / "features.pkl"
    checkpoint = replace(models.checkpoint, data_sha256=sha256(data))
    own = tmp_path / "own"
    save_checkpoint(own, checkpoint)
    finish(own)
    write_bundle(Sources(sources.extractor, own), tmp_path / "out", data=data)
    other = shutil.copytree(sources.extractor, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    name = min(weights)
    save_file({**weights, name: weights[name] + 1}, other / "model.safetensors", {"format": "pt"})
    write_bundle(Sources(other, own), tmp_path / "fits")
    for given, message in (
        (Sources(other, own), "its features are not of .*other"),
        (Sources(sources.extractor, sources.graph), "is not the file that the graph model was"),
        (Sources(sources.extractor, own, sources.live), "is not the file that the graph model was"),
    ):
        with pytest.raises(InputError, match=message):
            write_bundle(given, tmp_path / "wrong", data=data)


def test_the_command(sources, tmp_path, capsys):
    argv = ["--extractor", sources.extractor, "--pt_dir", sources.graph / "model.pt"]
    argv = [str(value) for value in (*argv, "--out", tmp_path / "out")]
    assert run_command(command.main, argv) == 0
    assert run_command(command.main, argv) == 2
    assert "--overwrite" in capsys.readouterr().err
    rows = EmotionPredictor.load(tmp_path / "out").predict([{"speaker": "A", "text": "그래"}])
    assert np.isfinite(rows[0]["confidence"])


def test_the_prediction_command_takes_a_bundle_alone(bundle, models, tmp_path, capsys):
    (tmp_path / "t.csv").write_text("speaker,text\nA,그래\n", encoding="utf-8")
    argv = ["--pt_dir", bundle, "--input", tmp_path / "t.csv", "--out", tmp_path / "o.csv"]
    argv = [str(value) for value in (*argv, "--device", "cpu")]
    assert run_command(predict.main, argv) == 0
    assert (tmp_path / "o.csv").is_file()
    assert run_command(predict.main, [*argv, "--extractor", str(models.extractor)]) == 2
    assert "is a bundle with an extractor" in capsys.readouterr().err


def test_another_file_beside_the_checkpoint_is_not_taken_for_it(sources, tmp_path):
    graph = shutil.copytree(sources.graph, tmp_path / "graph")
    (graph / "older.pt").write_bytes(b"")
    with pytest.raises(InputError, match=r"older\.pt: a bundle takes a run's model\.pt"):
        write_bundle(Sources(sources.extractor, graph / "older.pt"), tmp_path / "bundle")


@pytest.fixture
def own_bundle(models, sources, tmp_path):
    """A bundle whose graph model was trained on the very file that it is scored on."""
    own = shutil.copytree(sources.graph, tmp_path / "own")
    record = json.loads((own / "run.json").read_text(encoding="utf-8"))
    record["data"]["sha256"] = sha256(models.extractor.parent / "features.pkl")
    (own / "run.json").write_text(json.dumps(record), encoding="utf-8")
    write_bundle(Sources(sources.extractor, own), tmp_path / "scored")
    return tmp_path / "scored"


def evaluate(models, pt_dir, *options):
    data = models.extractor.parent / "features.pkl"
    argv = ["--pt_dir", pt_dir, "--data_dir", data, "--device", "cpu", *options]
    return run_command(eval_command.main, [str(value) for value in argv])


def test_who_evaluates_a_bundle_is_told_of_the_graph_model_in_it(models, own_bundle, capsys):
    assert evaluate(models, own_bundle) == 2
    told = capsys.readouterr().err
    assert f"{own_bundle}: is a bundle; name the graph model in it, --pt_dir {own_bundle}" in told
    remedy = own_bundle.joinpath(re.search(r"--pt_dir \S+/(\w+),", told)[1])
    scores = own_bundle.parent / "scores.json"
    assert evaluate(models, remedy, "--out", scores) == 0
    assert scores.is_file()


@pytest.mark.parametrize("named", ["graph", "graph/model.pt"])
@pytest.mark.parametrize("out", [None, "graph/scores/eval.json", "eval.json"])
def test_an_evaluation_writes_nothing_into_a_bundle(models, own_bundle, capsys, named, out):
    before = sorted(own_bundle.rglob("*"))
    options = () if out is None else ("--out", own_bundle / out)
    assert evaluate(models, own_bundle / named, *options) == 2
    assert "outside of it with --out FILE.json" in capsys.readouterr().err
    assert sorted(own_bundle.rglob("*")) == before
    assert open_bundle(own_bundle).graph == own_bundle / "graph"


def test_nor_does_one_of_a_model_that_lies_elsewhere(models, own_bundle, tmp_path):
    model = shutil.copytree(own_bundle / "graph", tmp_path / "model")
    assert evaluate(models, model, "--out", own_bundle / "graph" / "scores" / "eval.json") == 2
    assert open_bundle(own_bundle).graph == own_bundle / "graph"


def test_nor_does_one_from_within_the_folder_of_the_model(models, own_bundle, monkeypatch):
    monkeypatch.chdir(own_bundle / "graph")
    assert evaluate(models, ".") == 2
    assert open_bundle(own_bundle).graph == own_bundle / "graph"


def test_a_bundle_that_was_scored_elsewhere_still_opens(models, own_bundle, tmp_path):
    out = tmp_path / "scores" / "eval.json"
    assert evaluate(models, own_bundle / "graph", "--out", out) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["n"] > 0
    assert open_bundle(own_bundle).graph == own_bundle / "graph"


def test_an_endless_configuration_is_refused_unread(sources, tmp_path, monkeypatch):
    name = "special_config.json"  # none that transformers reads before
    monkeypatch.setattr(bundle_writing, "CHECKPOINT_FILES", (name,))
    extractor = shutil.copytree(sources.extractor, tmp_path / "extractor")
    (extractor / name).touch()
    os.truncate(extractor / name, 1 << 29)
    with pytest.raises(InputError, match=rf"{name}: is 536,870,912 bytes large, where"):
        write_bundle(replace(sources, extractor=extractor), tmp_path / "out")
    assert not (tmp_path / "out").exists()
