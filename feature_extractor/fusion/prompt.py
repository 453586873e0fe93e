"""The prompt option: emotions as words that a masked language model would fill in.

Pattern-exploiting training (Schick and Schütze, EACL 2021). Each text is read after `PROMPT`, and
an emotion's logit is the score of its word at the mask. As published, a fused vector of width H met
a head for states of width D and crashed; here it is projected to D and added to the mask's state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from feature_extractor.fusion.stream import Stream
from graph_er.errors import InputError

PROMPT = "다음 문장의 감정은 {mask}입니다."
WORDS = {
    "angry": "분노",
    "neutral": "중립",
    "sad": "슬픔",
    "happy": "행복",
    "disgust": "불쾌",
    "surprise": "경이",
    "fear": "공포",
}


class PromptHead(nn.Module):
    """The head of a masked language model, as far as it scores the emotions' words.

    A word's score is the mean over its tokens, so that one row per emotion is enough.

    Attributes:
        position: of the mask among the tokens, the same in each text; kept with the parameters.
    """

    position: torch.Tensor

    def __init__(self, text_size: int, fused_size: int, num_emotions: int) -> None:
        """Build a head that is yet to be filled; see `start_from`."""
        super().__init__()
        self.projection = nn.Linear(fused_size, text_size)
        self.dense = nn.Linear(text_size, text_size)
        # BERT's. Those of others differ, to no effect on states as large as theirs.
        self.norm = nn.LayerNorm(text_size, eps=1e-12)
        self.words = nn.Linear(text_size, num_emotions)
        self.register_buffer("position", torch.zeros((), dtype=torch.long))

    def forward(self, text: Stream, fused: torch.Tensor) -> torch.Tensor:
        """Return logits ``[B, C]``.

        Args:
            text: states of the prompt and the sentence, ``[B, T, D]``.
            fused: vector of the fusion model, ``[B, H]``.
        """
        here = torch.arange(text.mask.shape[1], device=text.mask.device) == self.position
        state = (text.cleared().states * here[None, :, None]).sum(dim=1)
        hidden = nn.functional.gelu(self.dense(state + self.projection(fused)))
        return self.words(self.norm(hidden))

    @torch.no_grad()
    def start_from(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        emotions: Sequence[str],
    ) -> None:
        """Take what a pretrained masked language model knows; the projection starts at nothing.

        Args:
            model: of ``AutoModelForMaskedLM``, RoBERTa or BERT.
            tokenizer: its own.
            emotions: label names in label order.

        Raises:
            InputError: a model of another kind, or an emotion that has no word.
        """
        dense, norm = _transform(model)
        self.dense.load_state_dict(dense.state_dict())
        self.norm.load_state_dict(norm.state_dict())
        scores: Any = model.get_output_embeddings()
        for row, emotion in enumerate(emotions):
            tokens = _tokens(tokenizer, emotion)
            self.words.weight[row] = scores.weight[tokens].mean(dim=0)
            self.words.bias[row] = scores.bias[tokens].mean()
        self.projection.weight.zero_()
        self.projection.bias.zero_()
        self.position.fill_(mask_position(tokenizer))


def prompt_text(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the prompt with the tokenizer's mask; texts follow it as the second of a pair.

    Raises:
        InputError: a tokenizer without a mask.
    """
    if tokenizer.mask_token is None:
        raise InputError(
            "the prompt needs a text encoder whose tokenizer has a mask token; name a RoBERTa or "
            "BERT with --text_encoder, or leave the option prompt out"
        )
    return PROMPT.format(mask=tokenizer.mask_token)


def mask_position(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the mask's position in ``tokenizer(prompt_text(tokenizer), text)``, from 0."""
    tokens: Any = tokenizer(prompt_text(tokenizer))["input_ids"]
    return tokens.index(tokenizer.mask_token_id)


def _transform(model: PreTrainedModel) -> tuple[nn.Linear, nn.LayerNorm]:
    """Return the two layers before the scores of the vocabulary."""
    parts: Any = model
    if getattr(model.config, "hidden_act", None) == "gelu":
        if hasattr(parts, "lm_head") and hasattr(parts.lm_head, "dense"):
            return parts.lm_head.dense, parts.lm_head.layer_norm
        if hasattr(parts, "cls") and hasattr(parts.cls, "predictions"):
            transform = parts.cls.predictions.transform
            return transform.dense, transform.LayerNorm
    raise InputError(
        f"the prompt cannot use a {model.config.model_type} model; name a RoBERTa or BERT with "
        "--text_encoder, or leave the option prompt out"
    )


def _tokens(tokenizer: PreTrainedTokenizerBase, emotion: str) -> list[int]:
    if emotion not in WORDS:
        raise InputError(
            f"the prompt has no word for emotion {emotion!r}; it knows {', '.join(WORDS)}"
        )
    tokens: Any = tokenizer(WORDS[emotion], add_special_tokens=False)["input_ids"]
    if not tokens or tokenizer.unk_token_id in tokens:
        raise InputError(
            f"the text encoder's vocabulary lacks {WORDS[emotion]}, the prompt's word for "
            f"{emotion}; name a Korean one with --text_encoder, or leave the option prompt out"
        )
    return tokens
