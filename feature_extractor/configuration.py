"""The configuration of the stage 1 model, kept as ``config.json`` in its checkpoint."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from graph_er.running.paths import STAGE1_TYPE


class UtteranceConfig(PreTrainedConfig):
    """Everything that rebuilds the model without its original encoders.

    Attributes:
        text_config, audio_config: the encoders' own configurations, or None without the modality.
        emotions: label names in label order.
        modalities: ``a``, ``t`` or ``at``.
        fusion: name in `feature_extractor.fusion.registry`.
        fusion_options: options of the fusion model that are not its defaults.
        context: how many earlier utterances of the dialogue are read along with each.
        sampling_rate: Hz of the audio that the model hears.
        max_tokens: longest text; the rest is cut off.
        transcript_version: version of the transcript clean-up that the model was trained on.
        text_source, audio_source: ids or folders of the encoders that training started from.
        corpus: name of the corpus trained on, or None where it was not recorded.
        split: how it was split, a record of `split_record`, or None likewise.
        policies: how it was read, a record of `policies.policy_record`, or None likewise.
        started_from: what its encoders were tuned on before, records of `record.Tuned`; None where
            that was not recorded.
        clip_length: seconds; longer clips were left out of training, and are cut when used.
        speaker_scaling: whether acoustic features are scaled by speaker, see `speaker_scaling`.
    """

    model_type = STAGE1_TYPE
    sub_configs_defaults = {  # noqa: RUF012 (as every configuration in transformers declares it)
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="roberta", optional=True),
        "audio_config": SubConfigSpec(
            config_class=AutoConfig, model_type="wav2vec2", optional=True
        ),
    }
    text_config: PreTrainedConfig | dict | None = None
    audio_config: PreTrainedConfig | dict | None = None
    emotions: list[str] | tuple[str, ...] = ()
    modalities: str = "at"
    fusion: str = "concat"
    fusion_options: dict[str, Any] = field(default_factory=dict)
    context: int = 0
    sampling_rate: int = 16_000
    max_tokens: int = 512
    transcript_version: int = 0
    text_source: str | None = None
    audio_source: str | None = None
    corpus: str | None = None
    split: dict[str, Any] | None = None
    policies: dict[str, Any] | None = None
    started_from: list[dict[str, Any]] | None = None
    clip_length: float = 25.0
    speaker_scaling: bool = False
    # What `Trainer` is not to gather over the dev set.
    keys_to_ignore_at_inference = ["text_vector", "audio_vector", "auxiliary"]  # noqa: RUF012
