from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Batch, Data

from graph_er.networks.layers import Output
from graph_er.training.losses import Objective, previous_turns
from tests.graph_er.tiny_models import TRAINING


def make_batch(speakers, labels):
    """Dialogues given as one string of speakers each, e.g. ``"ABA"``, and as labels."""
    return Batch.from_data_list(
        [
            Data(x=torch.zeros(len(who), 1), speaker=torch.tensor(list(map(ord, who))) - ord("A"),
                 y=torch.tensor(gold))
            for who, gold in zip(speakers, labels, strict=True)
        ]
    )  # fmt: skip


BATCH = make_batch(["ABAB", "CA", "B"], [[0, 1, 0, 2], [2, 1], [0]])


def objective(members=2, counts=(3, 2, 2), width=4, **options):
    return Objective(replace(TRAINING, **options), torch.tensor(counts), members, width)


def output(members=2, count=7):
    generator = torch.Generator().manual_seed(0)
    return Output(
        torch.randn(members, count, 3, generator=generator),
        torch.randn(members, count, 4, generator=generator),
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_is_the_members_cross_entropies_summed(smoothing):
    out = output()
    expected = sum(F.cross_entropy(k, BATCH.y, label_smoothing=smoothing) for k in out.logits)
    torch.testing.assert_close(objective(label_smoothing=smoothing)(out, BATCH), expected)


def test_logits_are_raised_by_the_log_prior_in_training():
    out, counts = output(), (6, 3, 1)
    prior = torch.tensor([0.6, 0.3, 0.1])
    expected = sum(F.cross_entropy(k + 0.5 * prior.log(), BATCH.y) for k in out.logits)
    found = objective(counts=counts, logit_adjustment=0.5)(out, BATCH)
    torch.testing.assert_close(found, expected)


def test_an_emotion_that_train_lacks_has_a_small_prior_and_not_none():
    loss = objective(counts=(5, 0, 4), logit_adjustment=1.0)
    torch.testing.assert_close(loss.adjustment.exp(), torch.tensor([0.5, 0.1, 0.4]))


def test_previous_turns_are_the_same_speakers_in_the_same_dialogue():
    before, now = previous_turns(BATCH)
    assert sorted(zip(before.tolist(), now.tolist(), strict=True)) == [(0, 2), (1, 3)]


def test_previous_turns_of_many_speakers_match_loops():
    torch.manual_seed(0)
    dialogues = ["".join(chr(65 + i) for i in torch.randint(5, (n,))) for n in (1, 30, 7, 12)]
    batch = make_batch(dialogues, [[0] * len(who) for who in dialogues])
    expected, start = set(), 0
    for who in dialogues:
        for i, speaker in enumerate(who):
            earlier = who[:i].rfind(speaker)
            if earlier >= 0:
                expected.add((start + earlier, start + i))
        start += len(who)
    before, now = previous_turns(batch)
    assert set(zip(before.tolist(), now.tolist(), strict=True)) == expected
    assert len(now) == len(expected)


def test_the_auxiliary_term_asks_whether_the_speakers_emotion_changed():
    loss, out = objective(shift=0.5), output()
    extra = loss(out, BATCH) - objective()(out, BATCH)
    pairs = torch.cat([out.hidden[:, [0, 1]], out.hidden[:, [2, 3]]], dim=-1)
    # A stays at 0; B goes from 1 to 2.
    expected = sum(F.cross_entropy(k, torch.tensor([0, 1])) for k in loss.shift(pairs))
    torch.testing.assert_close(extra, 0.5 * expected)


def test_without_a_second_turn_there_is_no_auxiliary_term():
    batch = make_batch(["AB", "A"], [[0, 1], [2]])
    out = output(count=3)
    assert objective(shift=1.0)(out, batch) == objective()(out, batch)


def test_the_contrastive_term_matches_its_definition():
    out, unit = output(), F.normalize(output().hidden, dim=-1)
    expected = 0.0
    for member in unit:
        for i, gold in enumerate(BATCH.y):
            others = [j for j in range(7) if j != i]
            partners = [j for j in others if BATCH.y[j] == gold]
            scores = (member[others] @ member[i] / 0.2).log_softmax(dim=0)
            chosen = [scores[others.index(j)] for j in partners]
            expected -= sum(chosen) / max(len(chosen), 1) / 7
    extra = objective(contrastive=2.0)(out, BATCH) - objective()(out, BATCH)
    torch.testing.assert_close(extra, 2.0 * expected)


def test_the_contrastive_term_is_least_where_alike_are_together():
    apart, together = torch.eye(4)[[0, 1, 2, 3, 0, 1, 2]], torch.eye(4)[BATCH.y]
    loss = objective(contrastive=1.0)
    logits = output().logits
    far, near = (
        loss(Output(logits, hidden.expand(2, -1, -1)), BATCH) for hidden in (apart, together)
    )
    assert near < far


@pytest.mark.parametrize(
    "batch",
    [make_batch(["A"], [[1]]), make_batch(["AB"], [[0, 1]]), make_batch(["AA"], [[2, 2]])],
    ids=["one utterance", "nobody alike", "all alike"],
)
def test_all_terms_and_their_gradients_are_finite_on_the_smallest_batches(batch):
    logits, hidden = (part.clone().requires_grad_() for part in output(count=len(batch.y)))
    loss = objective(contrastive=1.0, shift=1.0, label_smoothing=0.1, logit_adjustment=1.0)
    loss(Output(logits, hidden), batch).backward()
    assert logits.grad.isfinite().all()
    assert hidden.grad is None or hidden.grad.isfinite().all()


def test_a_member_has_no_gradient_from_the_losses_of_another():
    logits, hidden = (part.clone().requires_grad_() for part in output())
    loss = objective(contrastive=1.0, shift=1.0)
    changed = logits.clone()
    full = loss(Output(logits, hidden), BATCH)
    (grad,) = torch.autograd.grad(full, hidden, retain_graph=True)
    other = hidden.detach().clone()
    other[1] += 1
    other.requires_grad_()
    (after,) = torch.autograd.grad(loss(Output(changed, other), BATCH), other)
    torch.testing.assert_close(after[0], grad[0])
    assert not torch.allclose(after[1], grad[1])
