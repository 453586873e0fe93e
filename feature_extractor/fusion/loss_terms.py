"""Terms of the distilled gate's loss: smoothed targets, self-distillation, valence and arousal.

B utterances, C emotions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

# Ratings run from 1 to 5.
_MIDDLE, _HALF_RANGE = 3.0, 2.0


def smoothed(labels: torch.Tensor, num_emotions: int, share: float) -> torch.Tensor:
    """Return targets ``[B, C]`` with a `share` spread evenly over all emotions."""
    votes = labels if labels.ndim == 2 else F.one_hot(labels, num_emotions).float()
    return (1.0 - share) * votes + share / num_emotions


def distillation(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the mean divergence of the student's softened shares from the teacher's.

    Times the squared temperature, so that the gradient does not shrink with it (Hinton et al.,
    2015). The teacher gets no gradient.
    """
    goal = (teacher.detach() / temperature).log_softmax(dim=-1)
    shares = (student / temperature).log_softmax(dim=-1)
    divergence = F.kl_div(shares, goal, reduction="batchmean", log_target=True)
    return temperature**2 * divergence


def affect_error(predicted: torch.Tensor, rated: torch.Tensor | None) -> torch.Tensor:
    """Return the mean squared error over the ratings there are, on a scale of -1 to 1.

    Without any it is 0 and yet hangs on `predicted`: distributed training wants a gradient, if of
    zeros, for each parameter.
    """
    if rated is None:
        rated = torch.full_like(predicted, float("nan"))
    known = ~rated.isnan()
    goal = (rated.nan_to_num() - _MIDDLE) / _HALF_RANGE
    errors = (predicted - goal) ** 2 * known
    return errors.sum() / known.sum().clamp(min=1)
