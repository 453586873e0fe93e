import math

import pytest
import torch
import torch.nn.functional as F

from feature_extractor.settings import LOSS_CHOICES
from feature_extractor.training.losses import LOSSES


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


def test_focal_loss_by_hand():
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    expected = (-0.25 * math.log(0.75) - 0.5 * math.log(0.5)) / 2
    focal = LOSSES["focal"](logits, torch.tensor([0, 1]))
    assert focal.item() == pytest.approx(expected, rel=1e-5)


def test_focal_loss_of_votes_is_the_mean_over_them():
    logits = torch.tensor([[1.0, -2.0, 0.5]])
    losses = [LOSSES["focal"](logits, torch.tensor([label])).item() for label in range(3)]
    votes = torch.tensor([[0.5, 0.3, 0.2]])
    expected = 0.5 * losses[0] + 0.3 * losses[1] + 0.2 * losses[2]
    assert LOSSES["focal"](logits, votes).item() == pytest.approx(expected, rel=1e-5)


def test_focal_loss_heeds_what_is_sure_less_than_cross_entropy():
    logits, labels = torch.tensor([[3.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 0])
    shares = []
    for name in ("ce", "focal"):
        sure, unsure = (LOSSES[name](logits[[row]], labels[[row]]).item() for row in (0, 1))
        shares.append(sure / unsure)
    assert 0 < shares[1] < 0.2 * shares[0]


def test_focal_loss_of_logits_too_large_for_a_product_of_shares():
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    loss = LOSSES["focal"](logits, torch.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(400.0)
    assert logits.grad.isfinite().all()
