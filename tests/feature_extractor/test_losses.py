import math

import pytest
import torch
import torch.nn.functional as F

from feature_extractor.losses import LOSSES
from feature_extractor.settings import LOSS_CHOICES


def test_every_choice_has_a_loss():
    assert set(LOSS_CHOICES) == set(LOSSES)


def test_cosine_loss_by_hand():
    logits = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    targets = torch.tensor([0, 1])
    cross_entropy = (math.log(1 + math.e) + math.log(1 + math.exp(-2))) / 2
    expected = 0.1 * cross_entropy + ((1 - 0.6) + (1 - 1.0)) / 2
    assert LOSSES["ce_cosine"](logits, targets).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", LOSS_CHOICES)
def test_a_label_is_a_vote_of_all_raters(name):
    torch.manual_seed(0)
    logits, labels = torch.randn(5, 4), torch.tensor([0, 3, 1, 1, 2])
    votes = F.one_hot(labels, 4).float()
    assert torch.allclose(LOSSES[name](logits, labels), LOSSES[name](logits, votes))
    assert not torch.allclose(LOSSES[name](logits, labels), LOSSES[name](logits, votes * 0 + 0.25))
