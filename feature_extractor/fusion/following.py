"""How emotions follow each other: what earlier utterances show moves the logits of the next.

B utterances, K earlier utterances, C emotions.
"""

from __future__ import annotations

import torch
from torch import nn

from feature_extractor.fusion.context import OTHER_SPEAKER, SAME_SPEAKER

_SPEAKERS = (SAME_SPEAKER, OTHER_SPEAKER)
# A step moves each weight about as far as the learning rate is, in a layer of a hundred inputs and
# here: these few are counted so many times over that they need not start where they are to end.
_GAIN = 10.0


class Following(nn.Module):
    """Adds to an utterance's logits what the emotions of those before it make likely.

    Emotions last, and pass from one speaker to the other (emotional inertia: Kuppens et al.,
    Psychological Science 2010; contagion: Hatfield et al., Current Directions in Psychological
    Science 1993). The shares of each speaker's earlier utterances, weighed by how far back they
    are, go through a matrix of their own, which at first makes the same emotion a little likelier.
    """

    def __init__(self, num_emotions: int, count: int) -> None:
        """Follow `count` earlier utterances."""
        super().__init__()
        same = torch.eye(num_emotions) / _GAIN
        self.transitions = nn.Parameter(torch.stack([same, 0.5 * same]))
        # Each weighs half of the one after it.
        halves = 0.5 ** torch.arange(count)
        self.decay = nn.Parameter(halves.log().repeat(len(_SPEAKERS), 1))

    def forward(
        self, logits: torch.Tensor, shares: torch.Tensor, speakers: torch.Tensor
    ) -> torch.Tensor:
        """Return the logits ``[B, C]`` that follow.

        Args:
            logits: of the utterances by themselves, ``[B, C]``.
            shares: of the emotions in those before, the latest first, ``[B, K, C]``.
            speakers: who said these, ``[B, K]``; see `context`.
        """
        weights, transitions = self.decay.exp(), _GAIN * self.transitions
        for place, speaker in enumerate(_SPEAKERS):
            said = weights[place] * (speakers == speaker)
            logits = logits + (said[:, :, None] * shares).sum(dim=1) @ transitions[place]
        return logits
