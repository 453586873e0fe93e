"""How each speaker sounds over a session, so that a voice can be heard against itself.

A loud or high voice is no emotion. What tells is how an utterance differs from the others of the
same speaker, and for that the dialogues of one session are taken together: a single one may be sad
from end to end. No label enters, but utterances of the other dialogues do that are trained on,
evaluated or predicted in the same call, those in test included; speaker normalisation is common in
speech emotion recognition (Busso et al., "Iterative feature normalization for emotional speech
detection", 2011).

A speaker is who bears a name in a session (`Dialogue.session`): two people of one name there are
taken for one. Whoever is heard seldom has no level that is known: statistics are drawn towards
those of training, as though `PRIOR_UTTERANCES` of any speaker had been heard as well.

On real dyadic dialogues, one of sessions 1 to 3 left out, this is worth 3 points of weighted F1
where audio is all that is heard, and nothing beside text: there it is not the default.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graph_er.dialogues import Dialogue
from graph_er.schema.splits import session_of

# On real dyadic dialogues, with a session left out, as good as 0 to 30 where whole sessions of some
# 700 utterances a speaker are heard, and where single dialogues are the best of 10, 30, 100 and 300
# (0 costs 12 points there).
PRIOR_UTTERANCES = 100
VoiceKey = tuple[str, Hashable]


class Level(NamedTuple):
    """What features are heard against: a mean ``[N, D]``, and a spread where it is known, too."""

    mean: Tensor
    spread: Tensor | None = None

    def deviation(self, scaled: Tensor) -> Tensor:
        """Return scaled features ``[N, D]`` as they differ from the level."""
        different = scaled - self.mean
        return different if self.spread is None else different / self.spread


def deviation_terms(deviation: Tensor) -> Tensor:
    """Return deviations ``[..., D]`` beside themselves cut off and squared, ``[..., 3 * D]``.

    A layer on deviations alone tells high from low. From the others it also tells usual from
    unusual, and a little from much. What is extreme stays small: the squares end at 4.
    """
    near, squared = deviation.clamp(-1.0, 1.0), deviation.square().clamp(max=4.0)
    return torch.cat([deviation, near, squared], dim=-1)


class Voices:
    """Statistics of every speaker of a set of dialogues.

    Args:
        dialogues: all that are trained on, or evaluated or predicted together.
        modalities: letters of the features that carry a voice or a face, of ``a`` and ``v``; every
            dialogue has them.
    """

    def __init__(self, dialogues: Sequence[Dialogue], modalities: str) -> None:
        self._modalities = modalities
        # Of a speaker's utterances, [3, D]: how many have a feature, its sum, that of its squares.
        self._sums: dict[VoiceKey, np.ndarray] = {}
        self._found: dict[tuple[VoiceKey, ...], dict[str, Tensor]] = {}
        for dialogue in dialogues:
            self._hear(dialogue)

    def of(self, dialogue: Dialogue) -> dict[str, Tensor]:
        """Return the statistics of a dialogue's speakers, in order of first appearance.

        Args:
            dialogue: one of those given, or one of theirs with other features.

        Returns:
            Of ``S`` speakers: ``voices`` ``[1]``, which is ``S``; ``voice_count``, how many
            utterances were heard, ``voice_mean`` and ``voice_std``, ``[S, D]`` each.
        """
        keys = tuple(_key(dialogue, speaker) for speaker in dict.fromkeys(dialogue.speakers))
        if keys not in self._found:  # most dialogues of a session are of the same speakers
            self._found[keys] = _statistics([self._sums[key] for key in keys])
        return self._found[keys]

    def _hear(self, dialogue: Dialogue) -> None:
        found = [dialogue.features(modality) for modality in self._modalities]
        parts = [part for part in found if part is not None]
        rows = np.concatenate(parts, axis=1)
        # An utterance without audio has a row of zeros, which is no sound of anybody.
        there = [np.broadcast_to(part.any(axis=1, keepdims=True), part.shape) for part in parts]
        heard = np.concatenate(there, axis=1)
        number = {speaker: i for i, speaker in enumerate(dict.fromkeys(dialogue.speakers))}
        who = np.array([number[speaker] for speaker in dialogue.speakers])
        for speaker, index in number.items():
            own = rows[who == index].astype(np.float64)
            count = heard[who == index].sum(axis=0)
            sums = np.stack([count, own.sum(axis=0), (own**2).sum(axis=0)])
            key = _key(dialogue, speaker)
            self._sums[key] = self._sums[key] + sums if key in self._sums else sums


def _statistics(sums: Sequence[np.ndarray]) -> dict[str, Tensor]:
    count, features, squares = np.stack(sums, axis=1)  # [S, D] each
    divisor = np.maximum(count, 1)
    mean = features / divisor
    variance = squares / divisor - mean**2
    return {
        "voices": torch.tensor([len(sums)]),
        "voice_count": torch.from_numpy(count.astype(np.float32)),
        "voice_mean": torch.from_numpy(mean.astype(np.float32)),
        # Below zero by rounding alone. Not squared: float32 holds what any feature deviates by.
        "voice_std": torch.from_numpy(np.sqrt(variance.clip(0.0)).astype(np.float32)),
    }


def _key(dialogue: Dialogue, speaker: Hashable) -> VoiceKey:
    return _session(dialogue), speaker


def _session(dialogue: Dialogue) -> str:
    return dialogue.session or session_of(dialogue.id)


def of_one_session(dialogue: Dialogue, dialogues: Sequence[Dialogue]) -> list[Dialogue]:
    """Return a dialogue and those others of `dialogues` that are of its session."""
    others = [other for other in dialogues if other.id != dialogue.id]
    return [dialogue, *(other for other in others if _session(other) == _session(dialogue))]


def voice_levels(batch: Data, mean: Sequence[Tensor], std: Sequence[Tensor]) -> list[Level]:
    """Return the level of whoever says each utterance, for features scaled by training statistics.

    Args:
        batch: of dialogues whose graphs hold what `Voices.of` returns.
        mean: ``[D_i]`` that features of each modality are scaled by.
        std: likewise, infinite for a constant feature.

    Returns:
        Mean and spread ``[N, D_i]`` of each modality.
    """
    widths = [len(own) for own in mean]
    means, stds = torch.cat([*mean]), torch.cat([*std])  # [D]
    prior = PRIOR_UTTERANCES / (batch.voice_count + PRIOR_UTTERANCES)  # [S, D]
    own = (batch.voice_mean - means) / stds
    variance = (batch.voice_std / stds) ** 2
    level = (1 - prior) * own
    squares = (1 - prior) * (variance + (own - level) ** 2) + prior * (1 + level**2)
    first = batch.voices.cumsum(0) - batch.voices  # of each dialogue's speakers, [B]
    who = first[batch.batch] + batch.speaker
    split = (found[who].split(widths, dim=-1) for found in (level, squares.sqrt()))
    return [Level(*own) for own in zip(*split, strict=True)]
