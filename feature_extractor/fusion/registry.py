"""The fusion models by the name that ``--fusion`` takes (`settings.FUSION_CHOICES`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from feature_extractor.fusion.base import FusionModel, Sizes
from feature_extractor.fusion.case import (
    CaseAttention,
    CaseCompress,
    CaseConcat,
    CaseConcatOptions,
    CaseOptions,
)
from feature_extractor.fusion.concat import Concat, ConcatOptions
from feature_extractor.fusion.cross_attention import CrossAttention, CrossAttentionOptions
from feature_extractor.fusion.cross_modal_transformer import (
    CrossModalTransformer,
    CrossModalTransformerOptions,
)
from feature_extractor.fusion.distilled_gate import DistilledGate, DistilledGateOptions
from feature_extractor.fusion.gated_cross_modal import GatedCrossModal, GatedCrossModalOptions
from feature_extractor.fusion.late_fusion import LateFusion, LateFusionOptions
from feature_extractor.fusion.mfcc_transformer import MfccTransformer, MfccTransformerOptions
from feature_extractor.fusion.mlp_mixer import MlpMixer, MlpMixerOptions
from feature_extractor.fusion.three_way_concat import ThreeWayConcat, ThreeWayConcatOptions
from feature_extractor.fusion.vanilla_concat import VanillaConcat, VanillaConcatOptions
from graph_er.errors import InputError

# An option that is the whole model's, not the user's to give to a part of it.
CONTEXT = "context"

_KINDS: dict[type[Any], str] = {bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Fusion:
    """A fusion model, its options, what it can be built for, and the loss that it takes.

    Attributes:
        model, options: the model and its options.
        modalities: those that it can be built for.
        loss: one of `losses.LOSSES`, unless ``--loss`` names another.
        on_mfcc: options that are not its defaults where it hears MFCC, unless given.
        on_context: likewise where it is given earlier utterances.
    """

    model: type[FusionModel]
    options: type[Any]
    modalities: tuple[str, ...] = ("a", "t", "at")
    loss: str = "ce"
    on_mfcc: Mapping[str, Any] = field(default_factory=dict)
    on_context: Mapping[str, Any] = field(default_factory=dict)


FUSIONS: dict[str, Fusion] = {
    "concat": Fusion(Concat, ConcatOptions),
    "gated_cross_modal": Fusion(GatedCrossModal, GatedCrossModalOptions, loss="ce_cosine"),
    "late_fusion": Fusion(LateFusion, LateFusionOptions),
    "vanilla_concat": Fusion(VanillaConcat, VanillaConcatOptions),
    "three_way_concat": Fusion(ThreeWayConcat, ThreeWayConcatOptions),
    "cross_attention": Fusion(CrossAttention, CrossAttentionOptions),
    "mlp_mixer": Fusion(MlpMixer, MlpMixerOptions),
    "cross_modal_transformer": Fusion(CrossModalTransformer, CrossModalTransformerOptions),
    "mfcc_transformer": Fusion(MfccTransformer, MfccTransformerOptions, modalities=("a",)),
    "case_concat": Fusion(CaseConcat, CaseConcatOptions),
    "case_compress": Fusion(CaseCompress, CaseOptions),
    "case_attention": Fusion(CaseAttention, CaseOptions),
    "distilled_gate": Fusion(
        DistilledGate,
        DistilledGateOptions,
        on_mfcc={"level": True},
        on_context={"follow": True},
    ),
}


def fusion_options(name: str, given: Mapping[str, Any]) -> Any:
    """Return the options of a fusion model: its defaults, then what was given.

    Args:
        name: one of `FUSIONS`.
        given: values by option, as numbers and strings or in the text of a command line.

    Raises:
        InputError: an option that the model does not have, or a value that it does not take.
    """
    fields = {item.name: item for item in dataclasses.fields(FUSIONS[name].options)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in fields or key == CONTEXT:
            known = ", ".join(name for name in fields if name != CONTEXT) or "none"
            raise InputError(f"--fusion {name} has no option {key!r}; it has {known}")
        values[key] = _parsed(f"option {key} of --fusion {name}", value, fields[key])
    try:
        return FUSIONS[name].options(**values)
    except InputError as error:  # told as of a flag, which stage 1 has none of for these
        told = str(error).removeprefix("--")
        raise InputError(f"--fusion_options of --fusion {name}: {told}") from None


def build_fusion(
    name: str, sizes: Sizes, num_emotions: int, given: Mapping[str, Any], context: int = 0
) -> FusionModel:
    """Return a new fusion model; raises as `fusion_options`.

    A model that reads earlier utterances apart reads `context` of them.
    """
    fusion, options = FUSIONS[name], fusion_options(name, given)
    if hasattr(options, CONTEXT):
        options = dataclasses.replace(options, **{CONTEXT: context})
    return fusion.model(sizes, num_emotions, options)


def chosen_options(
    name: str, given: Mapping[str, Any], *, mfcc: bool, context: bool
) -> dict[str, Any]:
    """Return the options of a new model that are chosen for it; raises as `fusion_options`.

    Args:
        name: one of `FUSIONS`.
        given: values by option, as `fusion_options` takes them; they come before others.
        mfcc: whether it hears MFCC.
        context: whether it is given earlier utterances.
    """
    fusion = FUSIONS[name]
    by_input = {**(fusion.on_mfcc if mfcc else {}), **(fusion.on_context if context else {})}
    chosen = {**by_input, **given}
    options = fusion_options(name, chosen)
    return {key: getattr(options, key) for key in chosen}


def views(fusion: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Return which stream a fusion model reads of each modality; see `FusionModel.view`.

    Args:
        fusion: one of `FUSIONS`.
        given: its options, as `fusion_options` takes them.
    """
    options, model = fusion_options(fusion, given), FUSIONS[fusion].model
    return {modality: model.view(options, modality) for modality in "ta"}


def reads_apart(fusion: str, given: Mapping[str, Any]) -> str:
    """Return in which modalities each earlier utterance is read by itself; arguments as `views`."""
    return FUSIONS[fusion].model.reads_apart(fusion_options(fusion, given))


def same_options(name: Any, one: Any, other: Any) -> bool:
    """Tell whether two records of a model's options mean the same: what is left out is a default.

    Args:
        name: one of `FUSIONS`, or whatever a record has in its place.
        one: values by option, as `fusion_options` takes them, or likewise.
        other: those of the other record.
    """
    known = isinstance(name, str) and name in FUSIONS
    if not (known and isinstance(one, Mapping) and isinstance(other, Mapping)):
        return one == other
    try:
        return fusion_options(name, one) == fusion_options(name, other)
    except InputError:  # an option of another release
        return one == other


def _parsed(what: str, value: Any, item: dataclasses.Field) -> Any:
    """Return a value as the kind that its default is of."""
    kind: type[Any] = type(item.default)
    choices = item.metadata["choices"]
    try:
        parsed = _boolean(value) if kind is bool else kind(value)
    except (TypeError, ValueError):
        raise InputError(f"{what} is {value!r}; it must be {_KINDS[kind]}") from None
    if choices and parsed not in choices:
        raise InputError(f"{what} is {value!r}; it must be one of {', '.join(choices)}")
    return parsed


def _boolean(value: Any) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        return known[str(value).lower()]
    except KeyError:
        raise ValueError(value) from None
