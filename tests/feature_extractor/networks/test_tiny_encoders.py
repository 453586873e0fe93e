import hashlib

from transformers import AutoConfig, AutoTokenizer

from feature_extractor.networks.encoders import load_audio_encoder, load_text_encoder
from feature_extractor.networks.tiny_encoders import ensure_tiny_encoders

TEXTS = ("정말 좋아", "왜 그래", "그래")


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_folders_are_ordinary_and_the_same_each_time(tmp_path):
    for name in ("one", "two"):
        ensure_tiny_encoders(tmp_path / name, TEXTS)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    text, audio = tmp_path / "one" / "text", tmp_path / "one" / "audio"
    assert AutoConfig.from_pretrained(text).model_type == "roberta"
    assert AutoConfig.from_pretrained(audio).model_type == "wav2vec2"
    load_text_encoder(str(text))
    model, extractor = load_audio_encoder(str(audio))
    assert model.config.num_hidden_layers == 2
    # Each session of the demo has a microphone gain of its own.
    assert extractor.do_normalize
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_finished_folders_are_kept_and_those_of_other_texts_are_not(tmp_path):
    folder = tmp_path / "encoders"
    text, _ = ensure_tiny_encoders(folder, TEXTS)
    made = (text / "tokenizer.json").stat().st_mtime_ns
    ensure_tiny_encoders(folder, TEXTS)
    assert (text / "tokenizer.json").stat().st_mtime_ns == made
    ensure_tiny_encoders(folder, (*TEXTS, "무서워"))
    tokenizer = AutoTokenizer.from_pretrained(text)
    assert tokenizer.unk_token_id not in tokenizer("무서워")["input_ids"]


def test_the_tokenizer_knows_the_training_texts_only(tmp_path):
    text, _ = ensure_tiny_encoders(tmp_path / "encoders", TEXTS)
    tokenizer = AutoTokenizer.from_pretrained(text)
    for known in TEXTS:
        assert tokenizer.unk_token_id not in tokenizer(known)["input_ids"]
    assert tokenizer.unk_token_id in tokenizer("쿵")["input_ids"]
    assert tokenizer("")["input_ids"] == [tokenizer.bos_token_id, tokenizer.eos_token_id]
