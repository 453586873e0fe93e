"""A model that follows earlier utterances: what moves its logits, and what does not."""

from dataclasses import replace

import pytest
import torch
from torch import is_grad_enabled as grad_enabled

from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.fusion.context import NO_CONTEXT, Context
from feature_extractor.networks.checkpoint import build_checkpoint
from feature_extractor.settings import ModelSettings
from tests.feature_extractor.tiny_corpus import (
    EMOTIONS,
    make_audio_folder,
    make_corpus,
    make_text_folder,
)


def run(checkpoint, batch):
    with torch.inference_mode():
        return checkpoint.model.eval()(**checkpoint.collator()(batch))


def following(tmp_path, modalities="at", **given):
    """A model that follows two earlier utterances, not yet trained."""
    settings = ModelSettings(
        text_encoder=str(make_text_folder(tmp_path / "text")),
        audio_encoder=str(make_audio_folder(tmp_path / "audio")),
        fusion="distilled_gate",
        fusion_options={"follow": True, **given},
        context=2,
    )
    torch.manual_seed(1)
    return build_checkpoint(settings, modalities, EMOTIONS)


def dialogue(tmp_path, checkpoint, *rows):
    """Examples of a dialogue's first utterances; `rows` are texts, whose clip lacks where None."""
    corpus = make_corpus(tmp_path / "corpus", sessions=1, utterances=len(rows))
    utterances = tuple(
        replace(u, text=text or "", wav=u.wav if text is not None else None)
        for u, text in zip(corpus.utterances, rows, strict=True)
    )
    dataset = UtteranceDataset(
        replace(corpus, utterances=utterances),
        utterances,
        sampling_rate=checkpoint.sampling_rate,
        context=checkpoint.model.context,
    )
    examples = [dataset[index] for index in range(len(rows))]
    return [{name: v for name, v in example.items() if name != "labels"} for example in examples]


@pytest.mark.parametrize("modalities", ["a", "t", "at"])
def test_earlier_utterances_move_the_logits_by_their_own_emotions(tmp_path, modalities):
    checkpoint = following(tmp_path, modalities)
    first, second, third = dialogue(tmp_path, checkpoint, "안녕", "왜 그래", "몰라")
    output = run(checkpoint, [first, second, third])
    alone = output.auxiliary["alone"]
    assert torch.equal(output.logits[0], alone[0])
    layer, shares = checkpoint.model.fusion.following, alone.softmax(dim=-1)
    matrices = 10 * layer.transitions.detach()
    # The speakers are F, M, F: the utterance before is another's, the one before that one's own.
    moved = alone[1] + shares[0] @ matrices[1]
    torch.testing.assert_close(output.logits[1], moved)
    moved = alone[2] + shares[1] @ matrices[1] + 0.5 * shares[0] @ matrices[0]
    torch.testing.assert_close(output.logits[2], moved)


@pytest.mark.parametrize("modalities", ["a", "at"])
def test_an_earlier_utterance_without_words_and_clip_moves_nothing(tmp_path, modalities):
    checkpoint = following(tmp_path, modalities)
    first, second, third = dialogue(tmp_path, checkpoint, "안녕", None, "몰라")
    output = run(checkpoint, [second, third])
    alone = output.auxiliary["alone"]
    assert not torch.allclose(output.logits[0], alone[0])
    shares = run(checkpoint, [first]).auxiliary["alone"][0].softmax(dim=-1)
    moved = alone[1] + 0.5 * shares @ (10 * checkpoint.model.fusion.following.transitions[0])
    torch.testing.assert_close(output.logits[1], moved)


def test_an_utterance_of_a_dialogue_hangs_on_no_companion(tmp_path):
    checkpoint = following(tmp_path)
    examples = dialogue(tmp_path, checkpoint, "안녕", None, "", "몰라 그런 게 어디 있어", "응")
    together = run(checkpoint, examples)
    for row, example in enumerate(examples):
        single = run(checkpoint, [example])
        torch.testing.assert_close(single.logits[0], together.logits[row], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(
            single.text_vector[0], together.text_vector[row], atol=1e-5, rtol=1e-5
        )


def test_vectors_are_those_of_the_utterance_alone(tmp_path):
    checkpoint = following(tmp_path)
    *_, last = dialogue(tmp_path, checkpoint, "안녕", "왜 그래", "몰라")
    plain = {name: value for name, value in last.items() if not name.startswith("earlier")}
    collate = replace(checkpoint.collator(), context=NO_CONTEXT)
    with torch.no_grad():
        single = checkpoint.model.eval()(**collate([plain]))
    output = run(checkpoint, [last])
    torch.testing.assert_close(output.text_vector, single.text_vector)
    torch.testing.assert_close(output.audio_vector, single.audio_vector)
    torch.testing.assert_close(output.auxiliary["alone"], single.logits)
    assert not torch.allclose(output.logits, single.logits)


def test_a_model_of_before_joins_the_texts_as_it_did(tmp_path):
    checkpoint = following(tmp_path, follow=False)
    assert checkpoint.model.context == Context(2, "")
    assert not hasattr(checkpoint.model.fusion, "following")
    *_, last = dialogue(tmp_path, checkpoint, "안녕", "왜 그래", "몰라")
    batch = checkpoint.collator()([last])
    separator = checkpoint.tokenizer.eos_token_id
    # One at the end of each of the three: the tiny encoder's tokenizer has no other separator.
    assert batch["input_ids"].tolist()[0].count(separator) == 3
    assert "earlier_speakers" not in batch


@pytest.mark.parametrize("mixed", [False, True])
def test_encoders_learn_from_no_earlier_utterance_and_all_from_their_own(tmp_path, mixed):
    checkpoint = following(tmp_path)
    model = checkpoint.model.eval()  # without dropout
    *_, second, third = dialogue(tmp_path, checkpoint, "안녕", "왜 그래", "몰라")
    batch, heard = checkpoint.collator()([second, third]), []
    model.audio_encoder.register_forward_pre_hook(
        lambda _, args, given: heard.append((len((*args, *given.values())[0]), grad_enabled())),
        with_kwargs=True,
    )
    gradients = []
    for model.fusion.learns_apart in (True, False):
        model.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            logits = model(**batch).logits
        torch.nn.functional.cross_entropy(logits.float(), torch.tensor([1, 2])).backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    assert heard == [(6, True), (2, True), (4, False)]
    whole, own = gradients
    assert {n for n, g in whole.items() if g is None} == {n for n, g in own.items() if g is None}
    for name, gradient in whole.items():
        if gradient is not None:
            most = max(1e-4, gradient.abs().max().item())
            apart = (own[name] - gradient).abs().max().item()
            assert apart <= (0.1 if mixed else 1e-3) * most, name
