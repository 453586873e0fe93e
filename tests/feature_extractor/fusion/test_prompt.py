import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModelForMaskedLM,
    BertConfig,
    ElectraConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

from feature_extractor.fusion.base import Sizes
from feature_extractor.fusion.case import CaseAttention, CaseOptions
from feature_extractor.fusion.prompt import WORDS, PromptHead, mask_position, prompt_text
from feature_extractor.fusion.stream import Stream
from feature_extractor.networks.checkpoint import build_checkpoint, load_checkpoint
from feature_extractor.settings import ModelSettings
from graph_er.errors import InputError
from graph_er.running.run_record import RECORD_NAME

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SYLLABLES = ("경", "##이", "분노", "중립", "슬픔", "행복", "불쾌", "공포")
PATTERN = ("다음", "문장의", "감정은", "입니다", ".", "좋아", "정말")
EMOTIONS = ("happy", "surprise", "angry")


@pytest.fixture(scope="module")
def tokenizer():
    words = {word: number for number, word in enumerate((*SPECIAL, *SYLLABLES, *PATTERN))}
    model = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    model.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    model.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    named = dict(zip(names, SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=model, **named)


def language_model(kind, **changed):
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = kind(vocab_size=20, intermediate_size=16, **sizes, **changed)
    model = AutoModelForMaskedLM.from_config(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "head" in name or "predictions" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("kind", [RobertaConfig, BertConfig])
def test_scores_are_those_of_the_language_model_at_the_mask(kind, tokenizer):
    model = language_model(kind)
    head = PromptHead(16, 8, 3).eval()
    head.start_from(model, tokenizer, EMOTIONS)
    pair = tokenizer(prompt_text(tokenizer), "정말 좋아", return_tensors="pt")
    tokens, mask = pair["input_ids"], pair["attention_mask"]
    with torch.no_grad():
        output = model(input_ids=tokens, attention_mask=mask, output_hidden_states=True)
        states = Stream(output.hidden_states[-1], mask.bool())
        logits = head(states, torch.randn(1, 8))
    scores = output.logits[0, tokens[0].tolist().index(tokenizer.mask_token_id)]
    pieces = [tokenizer(WORDS[name], add_special_tokens=False)["input_ids"] for name in EMOTIONS]
    assert [len(piece) for piece in pieces] == [1, 2, 1]
    expected = torch.stack([scores[piece].mean() for piece in pieces])
    assert torch.allclose(logits[0], expected, atol=1e-5)


def test_the_mask_stands_at_the_same_place_before_any_text(tokenizer):
    for text in ("", "좋아", "정말 정말 좋아"):
        tokens = tokenizer(prompt_text(tokenizer), text)["input_ids"]
        assert tokens.index(tokenizer.mask_token_id) == mask_position(tokenizer) == 4


def test_a_filled_head_is_saved_with_its_position(tokenizer):
    head, other = PromptHead(16, 8, 3), PromptHead(16, 8, 3)
    head.start_from(language_model(RobertaConfig), tokenizer, EMOTIONS)
    other.load_state_dict(head.state_dict())
    states = Stream(torch.randn(2, 6, 16), torch.ones(2, 6, dtype=torch.bool))
    fused = torch.randn(2, 8)
    assert other.position == 4
    assert torch.equal(head(states, fused), other(states, fused))


def test_logits_read_the_mask_and_the_fused_vector_and_no_other_token():
    torch.manual_seed(0)
    head = PromptHead(16, 8, 3)
    head.position.fill_(2)
    states = torch.randn(1, 5, 16, requires_grad=True)
    fused = torch.randn(1, 8, requires_grad=True)
    head(Stream(states, torch.ones(1, 5, dtype=torch.bool)), fused)[0, 0].backward()
    assert states.grad[0].abs().sum(dim=1).nonzero().flatten().tolist() == [2]
    assert fused.grad.abs().sum() > 0


def test_an_utterance_without_text_is_scored_by_the_fused_vector_alone():
    head = PromptHead(16, 8, 3)
    fused = torch.randn(1, 8)
    nothing = torch.zeros(1, 5, dtype=torch.bool)
    scores = [head(Stream(torch.randn(1, 5, 16), nothing), fused) for _ in range(2)]
    assert torch.equal(*scores)


def test_a_model_with_a_prompt():
    options = CaseOptions(width=8, prompt=True)
    model = CaseAttention(Sizes(16, 5), 3, options).eval()
    assert model.classifier is None
    text = Stream(torch.randn(2, 6, 16), torch.ones(2, 6, dtype=torch.bool))
    audio = Stream(torch.randn(2, 9, 5), torch.ones(2, 9, dtype=torch.bool))
    output = model(text, audio)
    assert output.logits.shape == (2, 3)
    output.logits.sum().backward()
    assert model.audio_projection.weight.grad.abs().sum() > 0
    with pytest.raises(InputError, match="prompt needs text"):
        CaseAttention(Sizes(None, 5), 3, options)


def test_what_cannot_be_prompted(tokenizer):
    head = PromptHead(16, 8, 3)
    with pytest.raises(InputError, match="electra"):
        head.start_from(language_model(ElectraConfig, embedding_size=16), tokenizer, EMOTIONS)
    roberta = language_model(RobertaConfig)
    with pytest.raises(InputError, match="no word for emotion 'bored'"):
        head.start_from(roberta, tokenizer, ("happy", "sad", "bored"))
    with pytest.raises(InputError, match="vocabulary lacks 슬픔"):
        head.start_from(roberta, _without(tokenizer, "슬픔"), ("happy", "angry", "sad"))


def test_a_tokenizer_without_a_mask(tokenizer):
    plain = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)
    with pytest.raises(InputError, match="mask token"):
        prompt_text(plain)


def _without(tokenizer, word):
    words = {name: number for name, number in tokenizer.get_vocab().items() if name != word}
    model = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    return PreTrainedTokenizerFast(
        tokenizer_object=model, unk_token="[UNK]", mask_token="[MASK]", pad_token="[PAD]"
    )


def prompted(folder, tokenizer, model=None, **options):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    (model or language_model(BertConfig)).save_pretrained(folder)
    settings = ModelSettings(
        fusion="case_attention",
        text_encoder=str(folder),
        fusion_options={"prompt": True, **options},
    )
    return build_checkpoint(settings, "t", EMOTIONS)


def test_a_prompted_model_starts_as_the_language_model_and_is_kept_whole(tmp_path, tokenizer):
    model = language_model(BertConfig)
    checkpoint = prompted(tmp_path / "bert", tokenizer, model)
    examples = [{"text": "정말 좋아"}, {"text": ""}, {"text": "좋아 " * 900}]
    batch = checkpoint.collator()(examples)
    assert batch["input_ids"].shape[1] == checkpoint.model.config.max_tokens
    tokens = tokenizer.convert_ids_to_tokens(batch["input_ids"][0])
    assert tokens[:8] == ["[CLS]", *["다음", "문장의", "감정은"], "[MASK]", "입니다", ".", "[SEP]"]
    with torch.no_grad():
        logits = checkpoint.model.eval()(**batch).logits
        output = model(input_ids=batch["input_ids"], attention_mask=batch["text_mask"])
    at_mask = output.logits[:, tokens.index("[MASK]")]
    angry = tokenizer(WORDS["angry"], add_special_tokens=False)["input_ids"]
    torch.testing.assert_close(logits[:, EMOTIONS.index("angry")], at_mask[:, angry[0]])
    checkpoint.save(tmp_path / "run")
    (tmp_path / "run" / RECORD_NAME).write_text("{}")
    again = load_checkpoint(tmp_path / "run")
    assert again.prompted
    with torch.no_grad():
        kept = again.model.eval()(**again.collator()(examples)).logits
    torch.testing.assert_close(kept, logits)


def test_an_encoder_saved_without_its_head_cannot_be_prompted(tmp_path, tokenizer):
    with pytest.raises(InputError, match=r"masked language model .*lacks cls"):
        prompted(tmp_path / "bert", tokenizer, language_model(BertConfig).bert)
