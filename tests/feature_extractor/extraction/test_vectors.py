import json
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from feature_extractor.execution import Execution
from feature_extractor.extraction import vectors as extraction
from feature_extractor.extraction.shard import Shard
from feature_extractor.extraction.stage2 import extractor_digest
from feature_extractor.extraction.store import PartStore
from feature_extractor.extraction.vectors import Extractor, extract_corpus
from feature_extractor.fusion.context import Context
from feature_extractor.networks.frozen import load_frozen
from feature_extractor.splits.splitting import split_corpus
from graph_er.dialogues import read_dialogues
from graph_er.errors import InputError
from tests.feature_extractor.tiny_corpus import (
    EMOTIONS,
    make_audio_folder,
    make_checkpoint,
    make_corpus,
    make_text_folder,
)

CPU = Execution(torch.device("cpu"), batch_size=2)


@pytest.fixture
def corpus(tmp_path):
    return make_corpus(tmp_path / "corpus", sessions=5)


def extractor_of(tmp_path, modalities="at"):
    checkpoint = make_checkpoint(tmp_path / "encoders", modalities)
    return Extractor(
        checkpoint.model, checkpoint.collator(), checkpoint.sampling_rate, "id", {"frozen": False}
    )


def extract(extractor, corpus, out, **options):
    split = split_corpus(corpus)
    return extract_corpus(extractor, corpus, split, out, CPU, chunk_size=3, **options)


def test_every_utterance_gets_its_own_vectors(tmp_path, corpus):
    extractor = extractor_of(tmp_path)
    assert extract(extractor, corpus, tmp_path / "x.pkl")
    file = read_dialogues(tmp_path / "x.pkl")
    found = {
        utterance: (dialogue.text[row], dialogue.audio[row], dialogue.sentences[row])
        for dialogue in file.dialogues
        for row, utterance in enumerate(dialogue.utterance_ids)
    }
    assert list(found) == [u.id for u in corpus.utterances]
    for utterance in corpus.utterances:
        from feature_extractor.batches.dataset import UtteranceDataset

        example = UtteranceDataset(corpus, [utterance], sampling_rate=16_000)[0]
        example.pop("labels")
        with torch.inference_mode():
            output = extractor.model.eval()(**extractor.collate([example]))
        text, audio, sentence = found[utterance.id]
        np.testing.assert_allclose(text, output.text_vector[0], atol=1e-5)
        np.testing.assert_allclose(audio, output.audio_vector[0], atol=1e-5)
        assert sentence == utterance.text


def test_features_are_raw_and_splits_are_by_session(tmp_path, corpus):
    extract(extractor_of(tmp_path), corpus, tmp_path / "x.pkl")
    raw = pickle.loads((tmp_path / "x.pkl").read_bytes())
    features = np.stack([row for rows in raw[3].values() for row in rows])
    assert features.dtype == np.float32
    assert features.min() < 0
    assert not np.allclose(features.sum(axis=1), 1)
    file = read_dialogues(tmp_path / "x.pkl")
    assert file.train_ids == ("Sess01_script01", "Sess02_script01")
    assert file.dev_ids == ("Sess03_script01",)
    assert file.test_ids == ("Sess04_script01", "Sess05_script01")
    assert file.emotions == EMOTIONS
    assert file.info["synthetic"] is True
    assert file.info["parts"]["Sess01_script01"] == "script"


@pytest.mark.parametrize(("modality", "name"), [("a", "audio"), ("t", "text")])
def test_one_modality_writes_that_one_only(tmp_path, corpus, modality, name):
    extract(extractor_of(tmp_path, modality), corpus, tmp_path / "x.pkl")
    assert read_dialogues(tmp_path / "x.pkl").modalities == modality


def test_killed_between_chunks_it_goes_on_to_the_same_bytes(tmp_path, corpus, monkeypatch):
    extractor = extractor_of(tmp_path)
    extract(extractor, corpus, tmp_path / "whole.pkl")
    write, written = PartStore.write, []

    def killed(store, chunk, vectors):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(chunk)
        write(store, chunk, vectors)

    monkeypatch.setattr(PartStore, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        extract(extractor, corpus, tmp_path / "x.pkl")
    assert not (tmp_path / "x.pkl").exists()
    rest = []
    monkeypatch.setattr(
        PartStore, "write", lambda s, chunk, v: (rest.append(chunk), write(s, chunk, v))
    )
    assert extract(extractor, corpus, tmp_path / "x.pkl")
    assert (written, rest) == ([0, 1], [2, 3, 4, 5, 6])
    assert (tmp_path / "x.pkl").read_bytes() == (tmp_path / "whole.pkl").read_bytes()
    assert not (tmp_path / "x.pkl.parts").exists()


def test_shards_make_the_same_bytes_in_any_order(tmp_path, corpus):
    extractor = extractor_of(tmp_path)
    extract(extractor, corpus, tmp_path / "whole.pkl")
    done = [
        extract(extractor, corpus, tmp_path / "x.pkl", shard=Shard(index, 3)) for index in (2, 0, 1)
    ]
    assert done == [False, False, True]
    assert (tmp_path / "x.pkl").read_bytes() == (tmp_path / "whole.pkl").read_bytes()


def test_a_shard_beside_parts_of_another_extraction_says_so(tmp_path, corpus, caplog):
    extractor, out = extractor_of(tmp_path), tmp_path / "x.pkl"
    other = replace(extractor, identity="other")
    assert extract(other, corpus, out, shard=Shard(0, 2)) is False
    assert not caplog.messages  # those of the other shard are merely missing
    assert extract(extractor, corpus, out, shard=Shard(1, 2)) is False
    (told,) = caplog.messages
    part = tmp_path / "x.pkl.parts" / "00000.safetensors"
    assert told.startswith(f"part {part} is of another extraction: ")
    assert extract(extractor, corpus, out, shard=Shard(0, 2)) is True


def test_a_vector_that_is_not_finite_is_named(tmp_path, corpus):
    extractor = extractor_of(tmp_path)
    with torch.no_grad():
        extractor.model.fusion.audio_projection.bias[0] = float("nan")
    first = corpus.utterances[0].id
    with pytest.raises(InputError, match=f"{first}: its audio vector is not finite"):
        extract(extractor, corpus, tmp_path / "x.pkl")
    assert not (tmp_path / "x.pkl").exists()


def test_other_weights_texts_audio_or_precision_are_another_extraction(
    tmp_path, corpus, monkeypatch
):
    extractor = extractor_of(tmp_path)
    first = replace(corpus.utterances[0], text="다른 말")
    changed = replace(corpus, utterances=(first, *corpus.utterances[1:]))
    prints = {
        extraction._fingerprint(extractor, corpus, CPU),
        extraction._fingerprint(replace(extractor, identity="other"), corpus, CPU),
        extraction._fingerprint(extractor, changed, CPU),
        extraction._fingerprint(extractor, corpus, replace(CPU, dtype=torch.bfloat16)),
    }
    with first.wav.open("ab") as file:
        file.write(b"\0\0")
    prints.add(extraction._fingerprint(extractor, corpus, CPU))
    monkeypatch.setattr(extraction, "TRANSCRIPT_VERSION", -1)
    prints.add(extraction._fingerprint(extractor, corpus, CPU))
    assert len(prints) == 6
    smaller = replace(CPU, batch_size=1)
    assert extraction._fingerprint(extractor, corpus, smaller) in prints


def digest_of(text, audio, sentence_encoder=None):
    model, collate, _ = load_frozen(str(text), str(audio), sentence_encoder)
    return extractor_digest("weights", model, collate)


def test_what_prepares_the_input_is_part_of_the_identity(tmp_path):
    text, audio = make_text_folder(tmp_path / "text"), make_audio_folder(tmp_path / "audio")
    first = digest_of(text, audio)
    shutil.copytree(text, tmp_path / "copy")
    assert digest_of(tmp_path / "copy", audio) == first
    settings = json.loads((audio / "preprocessor_config.json").read_text())
    (audio / "preprocessor_config.json").write_text(
        json.dumps({**settings, "do_normalize": not settings["do_normalize"]})
    )
    second = digest_of(text, audio)
    tokenizer = json.loads((text / "tokenizer.json").read_text())
    tokenizer["normalizer"] = {"type": "NFKC"}
    (text / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert len({first, second, digest_of(text, audio)}) == 3


def test_what_joins_earlier_texts_is_part_of_the_identity(tmp_path):
    text = make_text_folder(tmp_path / "text")
    model, collate, _ = load_frozen(str(text), None, None)
    digests = []
    for context in (Context(), Context(2), Context(2, "t")):
        collate = replace(collate, context=context)
        for separator in (None, "<unk>"):
            collate.tokenizer.sep_token = separator
            digests.append(extractor_digest("weights", model, collate))
    assert [digests[n] == digests[n + 1] for n in (0, 2, 4)] == [True, False, True]


def test_use_does_not_change_an_identity(tmp_path):
    text, audio = make_text_folder(tmp_path / "text"), make_audio_folder(tmp_path / "audio")
    model, collate, _ = load_frozen(str(text), str(audio), None)
    before = extractor_digest("weights", model, collate)
    collate([{"text": "그래", "audio": np.zeros(900, dtype=np.float32)}])
    assert extractor_digest("weights", model, collate) == before


def test_how_a_sentence_encoder_pools_is_part_of_the_identity(tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import (
        Normalize,
        Pooling,
        Transformer,
    )

    text, audio = make_text_folder(tmp_path / "text"), make_audio_folder(tmp_path / "audio")
    kinds = {
        "mean": [Pooling(16, pooling_mode="mean")],
        "cls": [Pooling(16, pooling_mode="cls")],
        "unit": [Pooling(16, pooling_mode="mean"), Normalize()],
    }
    for name, modules in kinds.items():
        encoder = SentenceTransformer(modules=[Transformer(str(text)), *modules])
        encoder.save(str(tmp_path / name))
    digests = [digest_of("unread", audio, str(tmp_path / name)) for name in kinds]
    assert len(set(digests)) == 3
    assert digest_of("unread", audio, str(tmp_path / "mean")) == digests[0]


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Shard(0, 0), "--num_shards is 0"),
        (lambda: Shard(2, 2), "--shard is 2"),
        (lambda: Shard(-1, 2), "--shard is -1"),
        (lambda: replace(CPU, batch_size=0), "--batch_size is 0"),
        (lambda: replace(CPU, num_workers=-1), "--num_workers is -1"),
    ],
)
def test_an_option_out_of_range_is_named(make, named):
    with pytest.raises(InputError, match=named):
        make()


def test_frozen_encoders_keep_their_own_widths(tmp_path, corpus):
    text, audio = make_text_folder(tmp_path / "text"), make_audio_folder(tmp_path / "audio")
    model, collate, rate = load_frozen(str(text), str(audio), None)
    extract(Extractor(model, collate, rate, "id", {}), corpus, tmp_path / "x.pkl")
    dialogue = read_dialogues(tmp_path / "x.pkl").dialogues[0]
    assert (dialogue.text.shape[1], dialogue.audio.shape[1]) == (16, 24)


def test_a_sentence_encoder_gives_the_text(tmp_path, corpus):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    text, audio = make_text_folder(tmp_path / "text"), make_audio_folder(tmp_path / "audio")
    sentence_encoder = SentenceTransformer(modules=[Transformer(str(text)), Pooling(16)])
    sentence_encoder.save(str(tmp_path / "sbert"))
    model, collate, rate = load_frozen("unread", str(audio), str(tmp_path / "sbert"))
    extract(Extractor(model, collate, rate, "id", {}), corpus, tmp_path / "x.pkl")
    expected = sentence_encoder.eval().encode([corpus.utterances[0].text])
    found = read_dialogues(tmp_path / "x.pkl").dialogues[0].text[0]
    np.testing.assert_allclose(found, expected[0], atol=1e-5)
