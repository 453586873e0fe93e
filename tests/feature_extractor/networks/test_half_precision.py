"""Encoders and checkpoints that were saved in half precision are trained and run in float32."""

import json

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer

from feature_extractor.networks.checkpoint import build_checkpoint, load_checkpoint
from feature_extractor.networks.encoders import (
    load_masked_language_model,
    load_sentence_encoder,
)
from feature_extractor.networks.frozen import load_frozen
from feature_extractor.settings import ModelSettings
from graph_er.running.run_record import RECORD_NAME
from tests.feature_extractor.tiny_corpus import EMOTIONS, make_audio_folder, make_text_folder

HALVES = (torch.float16, torch.bfloat16)


def in_half(folder, dtype, kind=AutoModel):
    kind.from_pretrained(folder).to(dtype).save_pretrained(folder)
    saved = json.loads((folder / "config.json").read_text())
    assert saved["dtype"] == str(dtype).removeprefix("torch.")
    return str(folder)


def encoders(root, dtype):
    return {
        "text_encoder": in_half(make_text_folder(root / "text"), dtype),
        "audio_encoder": in_half(make_audio_folder(root / "audio"), dtype),
    }


def dtypes(model):
    return {tensor.dtype for tensor in model.state_dict().values() if tensor.is_floating_point()}


@pytest.mark.parametrize("dtype", HALVES)
def test_a_model_of_them_is_in_float32_and_so_is_its_checkpoint(tmp_path, dtype):
    checkpoint = build_checkpoint(ModelSettings(**encoders(tmp_path, dtype)), "at", EMOTIONS)
    assert dtypes(checkpoint.model) == {torch.float32}
    checkpoint.save(tmp_path / "run")
    (tmp_path / "run" / RECORD_NAME).write_text("{}")
    saved = json.loads((tmp_path / "run" / "config.json").read_text())
    parts = (saved, saved["text_config"], saved["audio_config"])
    assert [part["dtype"] for part in parts] == ["float32"] * 3
    assert dtypes(load_checkpoint(tmp_path / "run").model) == {torch.float32}


@pytest.mark.parametrize("dtype", HALVES)
def test_a_checkpoint_in_half_precision_is_taken_up_in_float32(tmp_path, dtype):
    checkpoint = build_checkpoint(ModelSettings(**encoders(tmp_path, dtype)), "at", EMOTIONS)
    run = tmp_path / "run"
    checkpoint.model.to(dtype)
    for part in (checkpoint.model.config.text_config, checkpoint.model.config.audio_config):
        part.dtype = dtype
    checkpoint.save(run)
    (run / RECORD_NAME).write_text("{}")
    assert json.loads((run / "config.json").read_text())["text_config"]["dtype"] != "float32"
    assert dtypes(load_checkpoint(run).model) == {torch.float32}
    again = ModelSettings(text_encoder=str(run), audio_encoder=str(run))
    assert dtypes(build_checkpoint(again, "at", EMOTIONS).model) == {torch.float32}


def test_frozen_encoders_too(tmp_path):
    found = encoders(tmp_path, torch.bfloat16)
    model, _, _ = load_frozen(found["text_encoder"], found["audio_encoder"], None)
    assert dtypes(model) == {torch.float32}


def test_a_masked_language_model_too(tmp_path):
    folder = make_text_folder(tmp_path / "text")
    whole = AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(folder))
    whole.save_pretrained(folder)
    model = load_masked_language_model(in_half(folder, torch.float16, AutoModelForMaskedLM))
    assert dtypes(model) == {torch.float32}


def test_a_sentence_encoder_too(tmp_path):
    from sentence_transformers import SentenceTransformer

    folder = in_half(make_text_folder(tmp_path / "text"), torch.bfloat16)
    assert AutoTokenizer.from_pretrained(folder)
    SentenceTransformer(folder).save(str(tmp_path / "sentences"))
    model = load_sentence_encoder(str(tmp_path / "sentences"))
    assert dtypes(model) == {torch.float32}
    assert model.encode(["그래"], convert_to_tensor=True).dtype == torch.float32


def test_a_sentence_encoder_is_not_put_on_a_gpu_that_nobody_named(tmp_path, monkeypatch):
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(make_text_folder(tmp_path / "text"))).save(str(tmp_path / "sentences"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    model = load_sentence_encoder(str(tmp_path / "sentences"))
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}
