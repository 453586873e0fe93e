"""Encoders of other kinds than the default RoBERTa and wav2vec 2.0, from end to end."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoTokenizer, Wav2Vec2FeatureExtractor

from feature_extractor.networks.checkpoint import (
    TrainedOn,
    build_checkpoint,
    load_checkpoint,
    load_configuration,
)
from feature_extractor.networks.tuned_encoders import (
    refuse_started_on_held_out,
    refuse_tuned_on_held_out,
)
from feature_extractor.settings import ModelSettings
from feature_extractor.splits.record import split_record
from feature_extractor.splits.splitting import split_corpus
from graph_er.errors import InputError
from graph_er.running.run_record import RECORD_NAME
from tests.feature_extractor.tiny_corpus import (
    CNN_8,
    EMOTIONS,
    LAYERS_16,
    make_audio_folder,
    make_checkpoint,
    make_corpus,
    make_text_folder,
)

TEXT = {
    "Bert": {"num_hidden_layers": 2, **LAYERS_16},
    "Electra": {"num_hidden_layers": 2, "embedding_size": 8, **LAYERS_16},
    "DistilBert": {"n_layers": 2, "dim": 16, "n_heads": 2, "hidden_dim": 24},
    "XLMRoberta": {"num_hidden_layers": 2, "type_vocab_size": 1, **LAYERS_16},
    "Albert": {"num_hidden_layers": 2, "embedding_size": 8, **LAYERS_16},
}
CNN = {"num_hidden_layers": 2, **CNN_8, **LAYERS_16}
AUDIO = ("Hubert", "WavLM", "UniSpeechSat", "Data2VecAudio", "Wav2Vec2Conformer")
# Read only where SpecAugment masks.
UNREAD = ("masked_spec_embed",)


def text_folder(root, kind):
    folder = make_text_folder(root / "text")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **TEXT[kind]
    )
    torch.manual_seed(0)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(root / kind)
    tokenizer.save_pretrained(root / kind)
    return root / kind


def audio_folder(root, kind, norm):
    changes = {"do_stable_layer_norm": norm == "layer", "feat_extract_norm": norm}
    if kind == "Data2VecAudio":
        changes = {"conv_pos_kernel_size": 5, "num_conv_pos_embeddings": 2}
    config = getattr(transformers, f"{kind}Config")(**{**CNN, **changes})
    torch.manual_seed(0)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(root / kind)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(root / kind)
    return root / kind


def examples():
    rng = np.random.default_rng(3)
    clips = [rng.standard_normal(n).astype(np.float32) for n in (5000, 800, 14_000)]
    texts = ("그래", "아니 그게 무슨 말이야", "")
    return [{"text": t, "audio": a} for t, a in zip(texts, clips, strict=True)]


def check(checkpoint, tmp_path, unread=()):
    """Batch companions change nothing, gradients arrive, and the folder loads by itself."""
    batch = examples()
    with torch.inference_mode():
        together = checkpoint.model.eval()(**checkpoint.collator()(batch)).logits
        alone = [checkpoint.model(**checkpoint.collator()([e])).logits[0] for e in batch]
    torch.testing.assert_close(torch.stack(alone), together, atol=2e-5, rtol=0)
    torch.manual_seed(0)
    output = checkpoint.model.train()(**checkpoint.collator()(batch))
    torch.nn.functional.cross_entropy(output.logits, torch.tensor([0, 1, 2])).backward()
    without = [n for n, p in checkpoint.model.named_parameters() if p.grad is None]
    assert [name for name in without if not any(part in name for part in (*UNREAD, *unread))] == []
    # Once more: a batch norm in the encoder has moved.
    with torch.inference_mode():
        together = checkpoint.model.eval()(**checkpoint.collator()(batch)).logits
    checkpoint.save(tmp_path / "run")
    (tmp_path / "run" / RECORD_NAME).write_text("{}")
    again = load_checkpoint(tmp_path / "run")
    with torch.inference_mode():
        logits = again.model.eval()(**again.collator()(batch)).logits
    torch.testing.assert_close(logits, together)


@pytest.mark.parametrize("kind", TEXT)
@pytest.mark.parametrize("fusion", ["concat", "case_compress"])
def test_text_encoders(tmp_path, kind, fusion):
    folder = text_folder(tmp_path, kind)
    settings = ModelSettings(fusion=fusion, text_encoder=str(folder))
    torch.manual_seed(1)
    check(build_checkpoint(settings, "t", EMOTIONS), tmp_path)


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")  # WavLM's own
@pytest.mark.parametrize("kind", AUDIO)
@pytest.mark.parametrize("norm", ["layer", "group"])
def test_audio_encoders(tmp_path, kind, norm):
    settings = ModelSettings(audio_encoder=str(audio_folder(tmp_path, kind, norm)))
    torch.manual_seed(1)
    checkpoint = build_checkpoint(settings, "a", EMOTIONS)
    # Its relative attention never reads these.
    unread = ("pos_conv_embed",) if kind == "Wav2Vec2Conformer" else ()
    check(checkpoint, tmp_path, unread)


ADAPTER = {"add_adapter": True, "num_adapter_layers": 2, "output_hidden_size": 20}


@pytest.mark.parametrize("norm", ["layer", "group"])
def test_an_adapter_reads_no_padding(tmp_path, norm):
    folder = make_audio_folder(tmp_path / "audio", norm, **ADAPTER, layerdrop=1.0)
    checkpoint = build_checkpoint(ModelSettings(audio_encoder=str(folder)), "a", EMOTIONS)
    check(checkpoint, tmp_path)


@pytest.mark.parametrize(
    ("fusion", "options"), [("concat", {"pooling": "layers"}), ("late_fusion", {})]
)
def test_the_layers_below_an_adapter_are_not_read(tmp_path, fusion, options):
    folder = make_audio_folder(tmp_path / "audio", **ADAPTER)
    settings = ModelSettings(fusion=fusion, audio_encoder=str(folder), fusion_options=options)
    with pytest.raises(InputError, match=rf"--fusion {fusion} .*an adapter \(add_adapter\)"):
        build_checkpoint(settings, "a", EMOTIONS)


def test_code_that_an_encoder_names_is_neither_run_nor_kept(tmp_path):
    folders = make_text_folder(tmp_path / "text"), make_audio_folder(tmp_path / "audio")
    for folder in folders:
        path = folder / "config.json"
        named = {"auto_map": {"AutoModel": "somebody/code--model.Model"}}
        path.write_text(json.dumps({**json.loads(path.read_text()), **named}))
    text, audio = map(str, folders)
    settings = ModelSettings(text_encoder=text, audio_encoder=audio)
    check(build_checkpoint(settings, "at", EMOTIONS), tmp_path)
    assert "auto_map" not in (tmp_path / "run" / "config.json").read_text()


def test_what_would_not_be_loaded_again_is_refused_before_training(tmp_path):
    folder = make_text_folder(tmp_path / "text")
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "largest": 10**12}))
    settings = ModelSettings(text_encoder=str(folder))
    with pytest.raises(InputError, match=r"a checkpoint of .*text: largest is 1000000000000, "):
        build_checkpoint(settings, "t", EMOTIONS)


@pytest.mark.parametrize("pooling", ["mean_std", "attentive", "layers"])
def test_poolings(tmp_path, pooling):
    settings = ModelSettings(
        text_encoder=str(make_text_folder(tmp_path / "text")),
        audio_encoder=str(make_audio_folder(tmp_path / "audio", num_hidden_layers=3)),
        fusion_options={"pooling": pooling},
    )
    torch.manual_seed(1)
    check(build_checkpoint(settings, "at", EMOTIONS), tmp_path)


def test_a_checkpoint_of_stage_1_is_an_encoder_as_tuned_there(tmp_path):
    tuned = make_checkpoint(tmp_path / "encoders")
    with torch.no_grad():
        for parameter in tuned.model.parameters():
            parameter.add_(0.01)
    tuned.save(tmp_path / "run")
    (tmp_path / "run" / RECORD_NAME).write_text("{}")
    folder = str(tmp_path / "run")
    settings = ModelSettings(text_encoder=folder, audio_encoder=folder)
    model = build_checkpoint(settings, "at", EMOTIONS).model
    for part in ("text_encoder", "audio_encoder"):
        taken, own = getattr(model, part).state_dict(), getattr(tuned.model, part).state_dict()
        assert taken.keys() == own.keys()
        assert all(torch.equal(value, own[name]) for name, value in taken.items())


def test_a_checkpoint_without_that_modality_is_refused(tmp_path):
    make_checkpoint(tmp_path / "encoders", "t").save(tmp_path / "run")
    settings = ModelSettings(audio_encoder=str(tmp_path / "run"))
    with pytest.raises(InputError, match="a checkpoint of modalities t"):
        build_checkpoint(settings, "a", EMOTIONS)


@pytest.mark.parametrize(
    ("fusion", "modalities", "options", "told"),
    [
        ("mfcc_transformer", "at", {}, "is made for --modalities a"),
        ("concat", "at", {"width": "3"}, "has no option 'width'; it has audio_size, pooling"),
        ("concat", "at", {"pooling": "max"}, "'max'; it must be one of mean, mean_std"),
        ("vanilla_concat", "at", {"context": "2"}, "has no option 'context'; it has width"),
        ("mlp_mixer", "at", {"width": "many"}, "it must be a whole number"),
        ("mlp_mixer", "at", {"width": "0"}, "--fusion_options of --fusion mlp_mixer: width is 0"),
        ("distilled_gate", "at", {"level": "maybe"}, "'maybe'; it must be true or false"),
        ("distilled_gate", "at", {"dropout": "much"}, "'much'; it must be a number"),
    ],
)
def test_options_that_a_model_does_not_have_are_refused(
    tmp_path, fusion, modalities, options, told
):
    settings = ModelSettings(
        fusion=fusion,
        text_encoder=str(make_text_folder(tmp_path / "text")),
        audio_encoder=str(make_audio_folder(tmp_path / "audio")),
        fusion_options=options,
    )
    with pytest.raises(InputError, match=told):
        build_checkpoint(settings, modalities, EMOTIONS)


def test_an_encoder_that_was_tuned_on_what_is_test_here_is_refused(tmp_path):
    corpus = make_corpus(tmp_path / "corpus")
    split = split_corpus(corpus, "sessions:4", None)
    tuned = make_checkpoint(tmp_path / "encoders", "t")
    tuned.model.config.corpus = corpus.name
    tuned.model.config.split = split_record(split, corpus)
    tuned.save(tmp_path / "run")
    (tmp_path / "run" / RECORD_NAME).write_text("{}")
    settings = ModelSettings(text_encoder=str(tmp_path / "run"))
    refuse_tuned_on_held_out(settings, corpus, split)
    with pytest.raises(InputError, match=r"run was trained with Sess01 \(train\)"):
        refuse_tuned_on_held_out(settings, corpus, split_corpus(corpus, "sessions:1", None))


def tuned_in_turn(tmp_path, corpus, split):
    """Folders of A, trained on `corpus`, and of B, which started from A and knows another."""
    a, b = tmp_path / "tuned_a", tmp_path / "tuned_b"
    trained_on = TrainedOn(corpus.name, split_record(split, corpus), 25.0)
    encoder = str(make_text_folder(tmp_path / "text"))
    for folder, what in ((a, trained_on), (b, TrainedOn("another", trained_on.split, 25.0))):
        settings = ModelSettings(text_encoder=encoder)
        build_checkpoint(settings, "t", EMOTIONS, what).save(folder)
        run = {"config": {"text_weights": "a digest"}, "metrics": {}}
        (folder / RECORD_NAME).write_text(json.dumps(run))
        encoder = str(folder)
    return a, b


def test_what_a_checkpoint_started_from_is_known_without_its_folder(tmp_path):
    corpus = make_corpus(tmp_path / "corpus")
    split = split_corpus(corpus, "sessions:4", None)
    a, b = tuned_in_turn(tmp_path, corpus, split)
    shutil.rmtree(a)
    config, told = load_configuration(b), []
    assert [entry["name"] for entry in config.started_from] == ["tuned_a"]
    refuse_started_on_held_out(b, config, corpus, split, told.append)
    other = split_corpus(corpus, "sessions:1", None)
    with pytest.raises(InputError, match=r"tuned_a, which .*tuned_b started from, was trained"):
        refuse_started_on_held_out(b, config, corpus, other, told.append)
    assert told == []
    # Who goes on from B has A's past as well.
    with pytest.raises(InputError, match=r"tuned_a was trained with Sess01 \(train\)"):
        refuse_tuned_on_held_out(ModelSettings(text_encoder=str(b)), corpus, other)


def test_a_checkpoint_that_does_not_tell_what_it_started_from_is_looked_into(tmp_path):
    corpus = make_corpus(tmp_path / "corpus")
    split = split_corpus(corpus, "sessions:4", None)
    a, b = tuned_in_turn(tmp_path, corpus, split)
    path, told = b / "config.json", []
    path.write_text(json.dumps({**json.loads(path.read_text()), "started_from": None}))
    config = load_configuration(b)
    other = split_corpus(corpus, "sessions:1", None)
    with pytest.raises(InputError, match=r"tuned_a, which .*tuned_b started from, was trained"):
        refuse_started_on_held_out(b, config, corpus, other, told.append)
    assert told == []
    shutil.rmtree(a)
    refuse_started_on_held_out(b, config, corpus, other, told.append)
    (line,) = told
    assert f"{b} started from {a}: whether that was tuned on what is held out" in line
    # Who goes on from B now keeps that it is not known, without a path of this machine.
    settings = ModelSettings(text_encoder=str(b))
    after = build_checkpoint(settings, "t", EMOTIONS).model.config
    assert [(entry["name"], entry["corpus"]) for entry in after.started_from] == [
        ("tuned_b", "another"),
        ("tuned_a", None),
    ]
    refuse_started_on_held_out(b, after, corpus, other, told.append)
    assert "started from tuned_a: whether" in told[1]
