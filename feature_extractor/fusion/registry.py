"""The fusion heads by the name that ``--fusion`` takes (`settings.FUSION_CHOICES`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from feature_extractor.fusion.concat import ConcatHead

FUSIONS: dict[str, Callable[[Sequence[int], int], nn.Module]] = {"concat": ConcatHead}
