"""Steps that the CASE models share: projecting streams, merging them, pooling what comes of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from feature_extractor.fusion.stream import Stream


def projected(projection: nn.Linear, stream: Stream, most: int) -> Stream:
    """Return a stream of width H on at most `most` slots, zeros where nothing is.

    Longer ones are averaged after the projection: it is linear, so that the means are the same.
    """
    narrow = Stream(projection(stream.cleared().states), stream.mask)
    return narrow.fitted(min(most, stream.mask.shape[1]))


def merged(
    text: Stream | None, audio: Stream | None, merge: str, norm: nn.Module
) -> Sequence[Stream]:
    """Return the normalised parts; a sum is over tokens, where there are any, else over audio."""
    streams = [stream for stream in (text, audio) if stream is not None]
    if merge == "add" and text is not None and audio is not None:
        mask = text.mask | (audio.mask & ~text.present[:, None])
        streams = [Stream(text.states + audio.states, mask)]
    return [Stream(norm(stream.states), stream.mask) for stream in streams]


def pooled(parts: Sequence[Stream], pooling: str) -> torch.Tensor:
    """Return ``[B, H]``: the mean of the means of the parts that are there, or the sum of all."""
    if pooling == "sum":
        return torch.stack([part.cleared().states.sum(dim=1) for part in parts]).sum(dim=0)
    means = torch.stack([part.mean() for part in parts])
    present = torch.stack([part.present for part in parts]).sum(dim=0)
    return means.sum(dim=0) / present.clamp(min=1)[:, None]
