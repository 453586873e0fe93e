from dataclasses import replace

import numpy as np
import pytest
import torch

from graph_er.answers.prediction import predict_logits
from graph_er.errors import InputError
from graph_er.networks import config as config_module
from graph_er.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from graph_er.probabilities.finish import Finish
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue
from tests.graph_er.tiny_models import COGMEN, CONFIGS, CONTEXTUAL, SPEC

FINISH = Finish(temperature=1.5, weight=0.2, transitions=np.eye(3), causal=False)


def perturbed(seed, config=CONTEXTUAL):
    torch.manual_seed(seed)
    model = SPEC.build(config)
    for value in (*model.parameters(), *model.buffers()):
        if value.is_floating_point():
            value.data += torch.rand_like(value)
    return model


def save(folder, models, config=CONTEXTUAL, *, refitted=False):
    members = tuple(
        {"seed": seed, "epoch": 1, "dev": {"weighted_f1": 0.5}, "weights": model.state_dict()}
        for seed, model in enumerate(models)
    )
    return save_checkpoint(folder, Checkpoint(config, SPEC, members, FINISH, refitted=refitted))


@pytest.mark.parametrize("preset", CONFIGS)
@pytest.mark.parametrize("refitted", [True, False])
def test_what_was_saved_comes_back_with_equal_logits(tmp_path, preset, refitted):
    config = CONFIGS[preset]
    models = [perturbed(seed, config) for seed in range(2)]
    path = save(tmp_path, models, config, refitted=refitted)
    graph = SPEC.graph(make_dialogue("S1_a", 6), config)
    for source in (tmp_path, path):
        loaded = load_checkpoint(source)
        assert loaded.seeds == [0, 1]
        assert (loaded.spec, loaded.config, loaded.refitted) == (SPEC, config, refitted)
        assert loaded.finish.to_plain() == FINISH.to_plain()
        for model, again in zip(models, loaded.models(), strict=True):
            assert not again.training
            assert torch.equal(predict_logits(model, [graph]), predict_logits(again, [graph]))


def test_a_refitted_model_was_trained_on_dev_as_well(tmp_path):
    for refitted, sides in ((True, ("train", "dev")), (False, ("train",))):
        path = save(tmp_path, [perturbed(0)], refitted=refitted)
        assert load_checkpoint(path).known_sides == sides


def test_dialogues_that_were_trained_on_are_known_by_id_within_their_file(tmp_path):
    weights = {"seed": 1, "weights": perturbed(0).state_dict()}
    known = {"trained_ids": ("S1_a", "S2_a"), "data_sha256": "0" * 64}
    save_checkpoint(tmp_path, Checkpoint(CONTEXTUAL, SPEC, (weights,), FINISH, **known))
    loaded = load_checkpoint(tmp_path)
    assert loaded.trained_on(["S3_a", "S2_a"], "0" * 64)
    assert not loaded.trained_on(["S3_a"], "0" * 64)
    assert not loaded.trained_on(["S2_a"], "1" * 64)


def test_the_file_loads_with_weights_only_and_holds_plain_values(tmp_path):
    content = torch.load(save(tmp_path, [perturbed(0)]), weights_only=True)
    assert content["preset"] == "default"
    assert content["spec"]["emotions"] == list(EMOTIONS)
    assert set(content) == {
        *("format", "version", "preset", "config", "spec", "finish", "refitted", "members"),
        *("trained_ids", "data_sha256"),
    }


def test_a_constant_feature_is_no_broken_weight(tmp_path):
    model = perturbed(0)
    model.fit_scaler(torch.ones(5, 10))
    assert load_checkpoint(save(tmp_path, [model])).seeds == [0]


def test_foreign_and_broken_files_are_refused(tmp_path):
    for name, content in {"html.pt": b"<html>", "empty.pt": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            load_checkpoint(tmp_path / name)
    torch.save({"model": torch.zeros(1)}, tmp_path / "other.pt")
    torch.save(perturbed(0), tmp_path / "module.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("other.pt", "module.pt", "list.pt"):
        with pytest.raises(InputError, match="not a graph_er checkpoint"):
            load_checkpoint(tmp_path / name)
    with pytest.raises(InputError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "absent")


def test_a_checkpoint_of_the_first_release_is_refused_in_one_line(tmp_path):
    members = [{"seed": 1, "epoch": 1, "dev": {}, "weights": perturbed(0).state_dict()}]
    first = {"format": "graph_er", "version": 1, "config": {"hidden_size": 8}, "members": members}
    torch.save(first, tmp_path / "model.pt")
    with pytest.raises(InputError, match=r"model\.pt.*another program or release") as refused:
        load_checkpoint(tmp_path)
    assert "\n" not in str(refused.value)


def test_equal_models_give_equal_bytes(tmp_path):
    paths = [save(tmp_path / name, [perturbed(0)]) for name in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("config", {"hidden_size": "x"}),
        ("config", {"hidden_size": 16}),
        ("config", {"hidden_size": 10**9}),
        ("config", {"members": 10**9}),
        ("config", {"members": 1}),
        ("config", {"wp": 2.5}),
        ("config", {"wf": -7}),
        ("config", {"graph_heads": 3}),
        ("config", {"dropout": float("nan")}),
        ("config", {"decay": "far"}),
        ("config", {"relations": "same_other"}),
        ("config", {"unknown": 1}),
        ("spec", {"modalities": "zz"}),
        ("spec", {"modalities": "a"}),
        ("spec", {"widths": [4]}),
        ("spec", {"widths": [4, -6]}),
        ("spec", {"widths": [4, 7]}),
        ("spec", {"num_speakers": 0}),
        ("spec", {"emotions": ["a", "b"]}),
        ("spec", {"cues": True}),
        ("finish", {"temperature": 0.0}),
        ("finish", {"temperature": float("nan")}),
        ("finish", {"weight": float("inf")}),
        ("finish", {"transitions": [[0.0]]}),
        ("finish", {"transitions": [["x"] * 3] * 3}),
        ("config", {"context_layers": 65}),
        ("config", {"attention_layers": 10**9}),
        ("spec", {"modalities": ["a", "t"]}),
        ("spec", {"modalities": "aa"}),
        ("spec", {"widths": [4, True]}),
        ("spec", {"emotions": "abc"}),
        ("spec", {"emotions": ["a", "b", "b"]}),
        ("spec", {"emotions": ["a", "b", 3]}),
        ("spec", {"cues": 0}),
        ("finish", {"temperature": True}),
        ("finish", {"weight": "0.2"}),
        (None, {"refitted": 1}),
        (None, {"trained_ids": ["a", "a"]}),
        (None, {"trained_ids": [1]}),
        (None, {"data_sha256": 5}),
        (None, {"members": [{"seed": -1, "weights": perturbed(0).state_dict()}]}),
        (None, {"members": [{"seed": True, "weights": perturbed(0).state_dict()}]}),
        (None, {"members": [{"seed": 1, "weights": perturbed(0).state_dict()}] * 2}),
        (None, {"finish": None}),
        (None, {"preset": "cogmen"}),
        (None, {"preset": "unknown"}),
        (None, {"members": []}),
        (None, {"members": [{"seed": 1, "weights": {}}]}),
        (None, {"members": [{"weights": perturbed(0).state_dict()}]}),
        (None, {"members": [{"seed": "1", "weights": perturbed(0).state_dict()}]}),
        (None, {"version": 99}),
    ],
)
def test_checkpoints_that_do_not_fit_together_are_refused(tmp_path, part, change):
    path = save(tmp_path, [perturbed(0)])
    content = torch.load(path, weights_only=True)
    (content[part] if part else content).update(change)
    torch.save(content, path)
    with pytest.raises(InputError, match="not a graph_er checkpoint") as refused:
        load_checkpoint(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("shared", ["expanded", "strided", "repeated"])
def test_weights_larger_than_the_file_are_refused_before_they_are_built(
    tmp_path, shared, monkeypatch
):
    path = save(tmp_path, [perturbed(0)])
    content = torch.load(path, weights_only=True)
    if shared == "repeated":  # many members, one memory
        content["members"] = [{**content["members"][0], "seed": seed} for seed in range(99)]
    else:
        weights = content["members"][0]["weights"]
        weights["output.weight"] = {
            "expanded": torch.zeros(1).expand(weights["output.weight"].shape),
            "strided": weights["output.weight"].transpose(0, 1).contiguous().transpose(0, 1),
        }[shared]
    torch.save(content, path)
    monkeypatch.setattr("graph_er.networks.spec.ModelSpec.build", None)
    with pytest.raises(InputError, match=r"not plain arrays|bytes of weights in a file of"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("output.bias", float("nan")), ("output.bias", float("inf")), ("scaler.mean", float("nan")),
     ("scaler.std", float("nan")), ("scaler.std", 0.0)],
)  # fmt: skip
def test_weights_that_are_no_numbers_are_refused(tmp_path, name, value):
    model = perturbed(0)
    model.state_dict()[name].fill_(value)
    with pytest.raises(InputError, match="not finite"):
        load_checkpoint(save(tmp_path, [model]))


def test_a_batch_norm_that_is_no_number_is_refused(tmp_path):
    model = perturbed(0, COGMEN)
    model.graph.norm.running_var.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        load_checkpoint(save(tmp_path, [model], COGMEN))


BEFORE = {"context_span": -1, "audio_level": "dialogue", "deviation_terms": False}


@pytest.mark.parametrize("absent", [*((name,) for name in BEFORE), tuple(BEFORE)])
def test_a_checkpoint_of_before_an_option_does_what_it_did(tmp_path, absent):
    config = replace(CONTEXTUAL, **BEFORE)
    path = save(tmp_path, [perturbed(0, config)], config)
    content = torch.load(path, weights_only=True)
    for option in absent:
        del content["config"][option]
    torch.save(content, path)
    assert load_checkpoint(path).config == config


def test_what_was_before_an_option_concerns_the_architectures_that_have_it(tmp_path, monkeypatch):
    path = save(tmp_path, [perturbed(0, COGMEN)], COGMEN)
    monkeypatch.setattr(config_module, "BEFORE_OPTIONS", {"context_span": -1, "members": 1})
    assert load_checkpoint(path).config == COGMEN


def test_loading_and_building_draw_no_random_numbers_of_others(tmp_path):
    path = save(tmp_path, [perturbed(0)])
    state = torch.get_rng_state()
    load_checkpoint(path).models()
    assert torch.equal(torch.get_rng_state(), state)


def test_paths_may_be_texts(tmp_path):
    path = save(str(tmp_path), [perturbed(0)])
    assert path == tmp_path / "model.pt"
    assert load_checkpoint(str(path)).seeds == load_checkpoint(str(tmp_path)).seeds == [0]
