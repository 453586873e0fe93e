"""Keeping parts of an encoder as pretrained."""

from __future__ import annotations

from typing import Any

from torch import nn

from feature_extractor.settings import ALL, CNN, NONE
from graph_er.errors import InputError


def freeze(encoder: nn.Module, how: str, modality: str) -> list[nn.Module]:
    """Set which parameters of an encoder are trained.

    Args:
        encoder: any.
        how: ``none``, ``all``, ``cnn`` for an audio encoder's convolutions, or a number: that many
            layers from the lowest on, and all that is below them.
        modality: ``text`` or ``audio``, for the message.

    Returns:
        The modules of which nothing is trained, which belong in eval mode.

    Raises:
        InputError: the encoder has no convolutions, or not as many layers.
    """
    encoder.requires_grad_(how != ALL)
    if how == ALL:
        return [encoder]
    if how == NONE:
        return []
    if how == CNN:
        parts = [_convolutions(encoder, modality)]
    else:
        layers = _layers(encoder, how, modality)
        if int(how) > len(layers):
            raise InputError(
                f"--freeze_{modality} is {how}, but the {modality} encoder has {len(layers)} "
                "layers; take no more"
            )
        first = {id(parameter) for layer in layers[int(how) :] for parameter in layer.parameters()}
        above = {part for module in _above(encoder) for part in module.modules()}
        parts = [
            module
            for module in encoder.modules()
            if module not in above
            and (parameters := [id(p) for p in module.parameters()])
            and not first.intersection(parameters)
        ]
        parts += _below(encoder)
    for part in parts:
        part.requires_grad_(False)
    return parts


def _convolutions(encoder: Any, modality: str) -> nn.Module:
    if not hasattr(encoder, "feature_extractor"):
        raise InputError(
            f"--freeze_{modality} cnn: this {modality} encoder has no convolutions; take none or "
            "all"
        )
    return encoder.feature_extractor


def _layers(encoder: nn.Module, how: str, modality: str) -> nn.ModuleList:
    """Return the transformer layers, the one list of modules of which all are of one kind."""
    lists = [
        module
        for name, module in encoder.named_modules()
        if isinstance(module, nn.ModuleList) and name.endswith(("encoder.layer", "encoder.layers"))
    ]
    lists += [m for n, m in encoder.named_modules() if n.endswith("transformer.layer")]
    if not lists:
        raise InputError(
            f"--freeze_{modality} {how}: this {modality} encoder has no list of layers; take none "
            "or all"
        )
    return lists[0]


def _below(encoder: Any) -> list[nn.Module]:
    """Return what has no parameters and stands below the layers: dropout of an encoder's input.

    wav2vec 2.0 and its kin have it beside their layers, RoBERTa and its kin in the embeddings.
    """
    dropout = getattr(getattr(encoder, "encoder", None), "dropout", None)
    return [dropout] if isinstance(dropout, nn.Module) else []


def _above(encoder: Any) -> list[nn.Module]:
    """Return what stands above the layers: a last norm, an adapter."""
    found = [getattr(encoder, "adapter", None)]
    # Otherwise the norm of that name stands below the layers.
    if getattr(encoder.config, "do_stable_layer_norm", False):
        found.append(encoder.encoder.layer_norm)
    return [module for module in found if module is not None]
