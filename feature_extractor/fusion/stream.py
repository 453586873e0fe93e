"""What encoders hand to fusion models: the states of one modality, with their mask.

B utterances, T positions, D width. Positions where the mask is False hold anything, and no fusion
model may let them, or the number of them, change its output.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from feature_extractor.fusion.pooling import masked_mean

# Positions are the frames or tokens in time order, or the encoder's layers from the lowest on, each
# with the mean and the standard deviation of its frames side by side.
TIME, LAYERS = "time", "layers"


@dataclass(frozen=True)
class Stream:
    """States of one modality.

    Attributes:
        states: float32 ``[B, T, D]``; ``T`` is at least 1.
        mask: bool ``[B, T]``, True on what is there; a row without any has not the modality.
    """

    states: torch.Tensor
    mask: torch.Tensor

    @property
    def present(self) -> torch.Tensor:
        """Which utterances have the modality, bool ``[B]``."""
        return self.mask.any(dim=1)

    def cleared(self) -> Stream:
        """Return the stream with zeros where nothing is, whatever stood there."""
        return Stream(self.states.masked_fill(~self.mask[:, :, None], 0.0), self.mask)

    def mean(self) -> torch.Tensor:
        """Return the mean state ``[B, D]`` over what is there; zeros where nothing is."""
        return masked_mean(self.cleared().states, self.mask)

    def where(self, kept: torch.Tensor) -> Stream:
        """Return the stream with nothing in the rows where `kept` ``[B]`` is False."""
        return Stream(self.states, self.mask & kept[:, None])

    def fitted(self, length: int) -> Stream:
        """Return the stream on exactly `length` positions, for layers that are tied to positions.

        A row of at most `length` states keeps each in its place, with empty positions after them; a
        longer one is averaged in `length` bins of equal share, so that nothing of it is cut off.
        """
        stream = self.cleared()
        missing = max(0, length - stream.states.shape[1])
        states = F.pad(stream.states, (0, 0, 0, missing))
        mask = F.pad(stream.mask, (0, missing))
        counts = mask.sum(dim=1)
        result, kept = states[:, :length].clone(), mask[:, :length].clone()
        for row in (counts > length).nonzero().flatten().tolist():
            valid = states[row, mask[row]].T[None]
            result[row] = F.adaptive_avg_pool1d(valid, length)[0].T
            kept[row] = True
        return Stream(result, kept)
