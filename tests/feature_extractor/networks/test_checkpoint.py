import json
import shutil

import pytest
import torch

from feature_extractor.networks.checkpoint import load_checkpoint
from graph_er.errors import InputError
from graph_er.running.run_record import RECORD_NAME
from tests.feature_extractor.tiny_corpus import EMOTIONS, make_checkpoint


def batch_of(checkpoint):
    clips = [torch.linspace(-1, 1, 3000).numpy(), torch.linspace(1, 0, 900).numpy()]
    return checkpoint.collator()(
        [{"text": text, "audio": clip} for text, clip in zip(("왜", "그래"), clips, strict=True)]
    )


def logits(checkpoint):
    with torch.inference_mode():
        return checkpoint.model.eval()(**batch_of(checkpoint)).logits


def save(checkpoint, folder):
    checkpoint.save(folder)
    (folder / RECORD_NAME).write_text("{}")


@pytest.mark.parametrize("modalities", ["a", "t", "at"])
@pytest.mark.parametrize("norm", ["layer", "group"])
def test_loads_without_the_encoders_it_was_made_from(tmp_path, modalities, norm):
    checkpoint = make_checkpoint(tmp_path / "encoders", modalities, norm)
    with torch.no_grad():
        for parameter in checkpoint.model.parameters():
            parameter.add_(0.01)
    before = logits(checkpoint)
    save(checkpoint, tmp_path / "run")
    shutil.rmtree(tmp_path / "encoders")
    again = load_checkpoint(tmp_path / "run")
    assert torch.equal(logits(again), before)
    assert (again.tokenizer is None) == ("t" not in modalities)
    assert again.sampling_rate == (16_000 if "a" in modalities else None)


def test_config_tells_what_the_model_is(tmp_path):
    checkpoint = make_checkpoint(tmp_path / "encoders")
    save(checkpoint, tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["emotions"] == list(EMOTIONS)
    assert (config["modalities"], config["fusion"]) == ("at", "concat")
    assert config["sampling_rate"] == 16_000
    assert config["transcript_version"] >= 1
    assert config["text_config"]["hidden_size"] == 16
    assert config["fusion_options"] == {"audio_size": 20}
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nothing: no stage 1 checkpoint"):
        load_checkpoint(tmp_path / "nothing")


def test_only_a_free_folder_is_named_to_train_in(tmp_path):
    with pytest.raises(InputError, match=r"train\.py --out .*nothing`"):
        load_checkpoint(tmp_path / "nothing")
    (tmp_path / "thesis.txt").touch()
    for folder in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(InputError, match=r"no stage 1 checkpoint .*train\.py --out DIR`"):
            load_checkpoint(folder)


def test_a_graph_model_is_told_from_nothing(tmp_path):
    (tmp_path / "model.pt").touch()
    for named in (tmp_path, tmp_path / "model.pt"):
        with pytest.raises(InputError, match=r"is a model of stage 3, .*graph_er/eval") as refused:
            load_checkpoint(named)
        assert str(refused.value).startswith(f"{named}: ")
        assert "--out" not in str(refused.value)


def test_an_unfinished_run_is_refused(tmp_path):
    make_checkpoint(tmp_path / "encoders").save(tmp_path / "run")
    with pytest.raises(InputError, match="did not finish"):
        load_checkpoint(tmp_path / "run")


def test_weights_of_another_model_are_refused(tmp_path):
    save(make_checkpoint(tmp_path / "encoders", "at"), tmp_path / "both")
    save(make_checkpoint(tmp_path / "encoders", "a"), tmp_path / "audio")
    shutil.copy(tmp_path / "audio" / "model.safetensors", tmp_path / "both")
    with pytest.raises(InputError, match=r"does not fit|cannot be loaded"):
        load_checkpoint(tmp_path / "both")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", None),
        ("config.json", "[1]"),
        ("config.json", {"modalities": 5}),
        ("config.json", {"emotions": None}),
        ("config.json", {"emotions": [1, 2, 3]}),
        ("config.json", {"split": ["Sess01"]}),
        ("config.json", {"split": {"name": "official", "unit": "session", "sides": {"test": 1}}}),
        ("config.json", {"started_from": [{"name": "a", "corpus": "demo", "split": {}}]}),
        ("config.json", {"policies": {"labels_of": "nobody"}}),
        ("preprocessor_config.json", "[]"),
        ("tokenizer.json", "{}"),
    ],
)
def test_a_damaged_folder_is_named_in_one_line(tmp_path, name, content):
    run = tmp_path / "run"
    save(make_checkpoint(tmp_path / "encoders"), run)
    path = run / name
    if content is None:
        path.write_bytes(path.read_bytes()[:-100])
    elif isinstance(content, dict):
        path.write_text(json.dumps({**json.loads(path.read_text()), **content}))
    else:
        path.write_text(content)
    with pytest.raises(InputError, match=str(run)) as caught:
        load_checkpoint(run)
    assert "\n" not in str(caught.value)


def test_weights_are_as_readable_as_any_new_file(tmp_path):
    make_checkpoint(tmp_path / "encoders").save(tmp_path / "run")
    (tmp_path / "new").write_text("")
    mode = (tmp_path / "new").stat().st_mode
    assert (tmp_path / "run" / "model.safetensors").stat().st_mode == mode
