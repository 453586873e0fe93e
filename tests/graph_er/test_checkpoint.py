from dataclasses import replace

import pytest
import torch

from graph_er.checkpoint import (
    Checkpoint,
    ModelSpec,
    feature_widths,
    load_checkpoint,
    save_checkpoint,
)
from graph_er.config import ModelConfig
from graph_er.errors import InputError
from graph_er.prediction import predict_logits
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue, make_file

SPEC = ModelSpec(modalities="at", widths=(4, 6), emotions=EMOTIONS, num_speakers=2)
CONFIG = ModelConfig(hidden_size=16, context_feedforward=16)


def perturbed(seed):
    torch.manual_seed(seed)
    model = SPEC.build(CONFIG)
    for value in (*model.parameters(), *model.buffers()):
        value.data += torch.rand_like(value)
    return model


def save(folder, models):
    members = tuple(
        {"seed": seed, "epoch": 1, "dev": {"weighted_f1": 0.5}, "weights": model.state_dict()}
        for seed, model in enumerate(models)
    )
    return save_checkpoint(folder, Checkpoint(CONFIG, SPEC, members))


def test_saved_models_come_back_with_equal_logits(tmp_path):
    models = [perturbed(seed) for seed in range(2)]
    path = save(tmp_path, models)
    graph = SPEC.graph(make_dialogue("S1_a", 6), CONFIG)
    for source in (tmp_path, path):
        loaded = load_checkpoint(source)
        assert loaded.seeds == [0, 1]
        assert loaded.spec == SPEC
        for model, again in zip(models, loaded.models(), strict=True):
            assert torch.equal(predict_logits(model, [graph]), predict_logits(again, [graph]))


def test_the_file_loads_with_weights_only_and_holds_plain_values(tmp_path):
    content = torch.load(save(tmp_path, [perturbed(0)]), weights_only=True)
    assert content["spec"]["emotions"] == list(EMOTIONS)
    assert set(content) == {"format", "version", "config", "spec", "members"}


def test_foreign_and_broken_files_are_refused(tmp_path):
    for name, content in {"html.pt": b"<html>", "empty.pt": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            load_checkpoint(tmp_path / name)
    torch.save({"model": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="not a graph_er checkpoint"):
        load_checkpoint(tmp_path / "other.pt")
    torch.save(perturbed(0), tmp_path / "module.pt")
    with pytest.raises(InputError, match="not a graph_er checkpoint"):
        load_checkpoint(tmp_path / "module.pt")
    with pytest.raises(InputError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "absent")


def test_equal_models_give_equal_bytes(tmp_path):
    paths = [save(tmp_path / name, [perturbed(0)]) for name in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("config", {"hidden_size": "x"}),
        ("config", {"hidden_size": 64}),
        ("config", {"relations": "unknown"}),
        ("config", {"unknown": 1}),
        ("spec", {"modalities": "zz"}),
        ("spec", {"widths": [4]}),
        ("spec", {"num_speakers": 0}),
        (None, {"members": []}),
        (None, {"members": [{"seed": 1, "weights": {}}]}),
        (None, {"version": 99}),
    ],
)
def test_checkpoints_that_do_not_fit_together_are_refused(tmp_path, part, change):
    path = save(tmp_path, [perturbed(0)])
    content = torch.load(path, weights_only=True)
    (content[part] if part else content).update(change)
    torch.save(content, path)
    with pytest.raises(InputError, match="not a graph_er checkpoint"):
        load_checkpoint(path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    model = perturbed(0)
    model.head.output.bias.data.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        load_checkpoint(save(tmp_path, [model]))


def test_a_file_of_other_widths_emotions_or_modalities_is_refused():
    SPEC.check(make_file())
    with pytest.raises(InputError, match=r"audio 4 \+ text 6.*audio 5 \+ text 6"):
        SPEC.check(make_file(widths=(6, 5)))
    with pytest.raises(InputError, match="emotions"):
        SPEC.check(replace(make_file(), emotions=("x", "y", "z")))
    file = make_file()
    with pytest.raises(InputError, match="no audio features"):
        SPEC.check(replace(file, dialogues=tuple(replace(d, audio=None) for d in file.dialogues)))


def test_widths_that_differ_between_dialogues_are_refused():
    dialogues = [make_dialogue("S1_a", 3), make_dialogue("S1_b", 3, widths=(7, 4))]
    assert feature_widths(dialogues, "a") == (4,)
    with pytest.raises(InputError, match="6 in S1_a, 7 in S1_b"):
        feature_widths(dialogues, "t")
