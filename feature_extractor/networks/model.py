"""The stage 1 model: encoders, and the fusion model that makes logits and vectors of their states.

B utterances, K earlier utterances, L tokens, S samples, C emotions.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel
from transformers.utils import ModelOutput

import feature_extractor.networks.acoustic  # noqa: F401 (registers its encoder with AutoModel)
from feature_extractor.configuration import UtteranceConfig
from feature_extractor.fusion.base import Earlier, FusionModel, Sizes, needed
from feature_extractor.fusion.context import Context
from feature_extractor.fusion.pooling import (
    Frames,
    audio_frames,
    has_adapter,
    text_frames,
)
from feature_extractor.fusion.registry import build_fusion, reads_apart, views
from feature_extractor.fusion.stream import LAYERS, Stream
from feature_extractor.networks.encoding import encoded
from feature_extractor.networks.freezing import freeze
from feature_extractor.networks.scaling import FrameScaler
from graph_er.errors import InputError


@dataclass
class UtteranceOutput(ModelOutput):
    """Logits ``[B, C]`` and the vectors before the head; None for what the model lacks."""

    logits: torch.Tensor | None = None
    text_vector: torch.Tensor | None = None
    audio_vector: torch.Tensor | None = None
    auxiliary: dict[str, torch.Tensor] | None = None


class UtteranceClassifier(PreTrainedModel):
    """A text encoder, an audio encoder, or both, under a fusion model.

    Attributes:
        text_encoder, audio_encoder: where the modality is there.
        audio_scaler: for acoustic features, which have units; else absent.
        fusion: see `fusion.base`.
    """

    config: UtteranceConfig
    config_class = UtteranceConfig
    _supports_sdpa = True
    text_encoder: PreTrainedModel
    audio_encoder: PreTrainedModel
    audio_scaler: FrameScaler
    fusion: FusionModel

    def __init__(
        self,
        config: UtteranceConfig,
        text_encoder: PreTrainedModel | None = None,
        audio_encoder: PreTrainedModel | None = None,
    ) -> None:
        """Build the model around encoders given, or around new ones after `config`.

        Raises:
            InputError: the configuration scales by speaker what are no acoustic features, or reads
                the layers below an adapter.
        """
        super().__init__(config)
        self._frozen: tuple[nn.Module, ...] = ()
        if "t" in config.modalities:
            self.text_encoder = text_encoder or _new_encoder(config.text_config)
            # Nothing reads the pooler: its parameters would never see a gradient.
            self.text_encoder.pooler = None  # type: ignore[assignment]
        if "a" in config.modalities:
            self.audio_encoder = audio_encoder or _new_encoder(config.audio_config)
        self._views = views(config.fusion, config.fusion_options)
        self._apart = reads_apart(config.fusion, config.fusion_options)
        if "a" in config.modalities and self._views["a"] == LAYERS:
            _refuse_adapter(config)
        sizes = self._sizes()
        if "a" in config.modalities and not hasattr(config.audio_config, "conv_stride"):
            self.audio_scaler = FrameScaler(needed(sizes.audio))
        if config.speaker_scaling and not hasattr(self, "audio_scaler"):
            raise InputError(
                "--speaker_scaling scales acoustic features, and there are none here; give "
                "--audio_encoder mfcc or egemaps and --modalities a or at, or leave it out"
            )
        self.fusion = build_fusion(
            config.fusion,
            sizes,
            len(config.emotions),
            config.fusion_options,
            config.context,
        )
        # The fusion models start as their modules do, not as a language model's layers.
        parts: list[Any] = [*self.fusion.modules(), *self.fusion.parameters()]
        for part in parts:
            part._is_hf_initialized = True
        self.post_init()

    def freeze(self, text: str, audio: str, trained: str = "at") -> None:
        """Freeze parts of the encoders, and whole encoders of modalities that are not `trained`.

        Args:
            text: what of the text encoder; see `freezing.freeze`.
            audio: what of the audio encoder.
            trained: modalities, e.g. ``a``.

        Raises:
            InputError: an encoder has no such part.
        """
        frozen: list[nn.Module] = []
        for modality, name, how in (("t", "text", text), ("a", "audio", audio)):
            if modality in self.config.modalities:
                encoder = getattr(self, f"{name}_encoder")
                frozen += freeze(encoder, how if modality in trained else "all", name)
        self._frozen = tuple(frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> UtteranceClassifier:
        """Set the mode; what is frozen stays in eval mode."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        text_states: torch.Tensor | None = None,
        text_mask: torch.Tensor | None = None,
        has_text: torch.Tensor | None = None,
        input_values: torch.Tensor | None = None,
        audio_states: torch.Tensor | None = None,
        audio_mask: torch.Tensor | None = None,
        has_audio: torch.Tensor | None = None,
        earlier_speakers: torch.Tensor | None = None,
    ) -> UtteranceOutput:
        """Classify a padded batch.

        Args:
            input_ids: tokens ``[R, L]``; not read without modality ``t``. ``R`` is ``B``, or where
                earlier utterances are read apart ``B (1 + K)``: after the utterances themselves
                those before the first, the latest first, then those before the second, and so on.
            text_states: in their place the text encoder's stream ``[R, T, D]``, made before.
            text_mask: ``[R, L]`` or ``[R, T]``, 1 on what is there.
            has_text: ``[R]``, False where there is no text, whatever the mask says; None where
                there is some in each.
            input_values: samples ``[R, S]``; not read without modality ``a``.
            audio_states: in their place the audio encoder's stream ``[R, T, D]``, made before.
            audio_mask: ``[R, S]`` or ``[R, T]``, 1 on what is there.
            has_audio: ``[R]``, False where there is no audio, whatever the mask says; None where
                there is some in each.
            earlier_speakers: who said the earlier utterances, ``[B, K]``; see `fusion.context`.
        """
        own = None
        if earlier_speakers is not None and not self.fusion.learns_apart:
            own = len(earlier_speakers)
        text, audio = self.text_of(input_ids, text_states, text_mask, has_text, own), None
        if "a" in self.config.modalities:
            if audio_states is not None:
                audio = self.scaled(Stream(audio_states, needed(audio_mask).bool()))
            else:
                frames = self.audio_frames(needed(input_values), needed(audio_mask), own)
                frames = frames if has_audio is None else frames.without(has_audio)
                audio = self.audio_stream(frames)
        return self.join(text, audio, earlier_speakers)

    @property
    def audio_view(self) -> str:
        """Which stream the fusion model reads of the audio encoder's states."""
        return self._views["a"]

    @property
    def context(self) -> Context:
        """What of the utterances before is read along with each."""
        return Context(self.config.context, self._apart)

    def text_of(
        self,
        input_ids: torch.Tensor | None = None,
        text_states: torch.Tensor | None = None,
        text_mask: torch.Tensor | None = None,
        has_text: torch.Tensor | None = None,
        own: int | None = None,
    ) -> Stream | None:
        """Return the text stream of tokens or of states, as in `forward`; None without text.

        With `own`, the encoder learns from so many first rows alone.
        """
        if "t" not in self.config.modalities:
            return None
        if text_states is not None:
            stream = Stream(text_states, needed(text_mask).bool())
        else:
            stream = self.text_stream(self.text_frames(needed(input_ids), needed(text_mask), own))
        return stream if has_text is None else stream.where(has_text)

    def text_frames(
        self, input_ids: torch.Tensor, mask: torch.Tensor, own: int | None = None
    ) -> Frames:
        """Return the text encoder's states of tokens ``[B, L]``; `own` is as in `text_of`."""
        encoder, by_layer = self.text_encoder, self._views["t"] == LAYERS
        return encoded(text_frames, encoder, input_ids, mask, by_layer, own)

    def audio_frames(
        self, values: torch.Tensor, mask: torch.Tensor, own: int | None = None
    ) -> Frames:
        """Return the audio encoder's states of samples ``[B, S]``; `own` is as in `text_of`."""
        encoder, by_layer = self.audio_encoder, self._views["a"] == LAYERS
        return encoded(audio_frames, encoder, values, mask, by_layer, own)

    def text_stream(self, frames: Frames) -> Stream:
        """Return what the fusion model reads of the text encoder's states."""
        return _stream(frames, self._views["t"])

    def audio_stream(self, frames: Frames) -> Stream:
        """Return what the fusion model reads of the audio encoder's states."""
        return self.scaled(self.unscaled_stream(frames))

    def unscaled_stream(self, frames: Frames) -> Stream:
        """Return it in the units of the features, as it is kept for later."""
        return _stream(frames, self._views["a"])

    def scaled(self, audio: Stream) -> Stream:
        """Return an audio stream in the fusion model's units."""
        if not hasattr(self, "audio_scaler"):
            return audio
        return Stream(self.audio_scaler(audio.states), audio.mask)

    def join(
        self,
        text: Stream | None,
        audio: Stream | None,
        earlier_speakers: torch.Tensor | None = None,
    ) -> UtteranceOutput:
        """Return the fusion model's output; streams and `earlier_speakers` are as in `forward`."""
        earlier = None
        if earlier_speakers is not None:
            text, texts = _divided(text, len(earlier_speakers))
            audio, clips = _divided(audio, len(earlier_speakers))
            earlier = Earlier(earlier_speakers, texts, clips)
        output = self.fusion(text, audio, earlier)
        return UtteranceOutput(
            output.logits, output.text_vector, output.audio_vector, output.auxiliary or None
        )

    def floating_point_ops(self, inputs: dict[str, torch.Tensor], **_: bool) -> int:
        """Return 0: `Trainer` would count by tokens, which samples of audio are not."""
        return 0

    def _sizes(self) -> Sizes:
        sizes: dict[str, Any] = {"text": None, "audio": None}
        for modality, name in (("t", "text"), ("a", "audio")):
            if modality in self.config.modalities:
                encoder = getattr(self.config, f"{name}_config")
                by_layer = self._views[modality] == LAYERS
                sizes[name] = 2 * encoder.hidden_size if by_layer else frame_size(encoder)
                if by_layer:
                    sizes[f"{name}_layers"] = getattr(encoder, "num_hidden_layers", 0) + 1
        return Sizes(**sizes)


def frame_size(config: Any) -> int:
    """Return the width of the last hidden states, which an adapter may change."""
    return config.output_hidden_size if has_adapter(config) else config.hidden_size


def _refuse_adapter(config: UtteranceConfig) -> None:
    """Refuse to read layers that differ in width and in number of frames."""
    if has_adapter(config.audio_config):
        raise InputError(
            f"--fusion {config.fusion} with these options reads every layer of the audio encoder "
            "alike, which an adapter (add_adapter) prevents; name an audio encoder without one, or "
            "another pooling or fusion"
        )


def _divided(stream: Stream | None, batch: int) -> tuple[Stream | None, Stream | None]:
    """Return the rows of `batch` utterances, and those of the ones before them, if any."""
    if stream is None or len(stream.states) == batch:
        return stream, None
    before = Stream(stream.states[batch:], stream.mask[batch:])
    return Stream(stream.states[:batch], stream.mask[:batch]), before


def _stream(frames: Frames, view: str) -> Stream:
    return Stream(*frames.statistics()) if view == LAYERS else Stream(frames.last, frames.mask)


def _new_encoder(config: Any) -> PreTrainedModel:
    # A copy: the base class resets the attention implementation in the part of its own config.
    return AutoModel.from_config(copy.deepcopy(config))
