import pytest
import torch
import torch.nn.functional as F

from feature_extractor.fusion.base import Sizes, Targets
from feature_extractor.fusion.distilled_gate import DistilledGate, DistilledGateOptions
from feature_extractor.fusion.loss_terms import affect_error, distillation, smoothed
from feature_extractor.fusion.stream import Stream
from feature_extractor.fusion.summary_layers import mean_change
from graph_er.errors import InputError

NAN = float("nan")
LABELS = torch.tensor([0, 3, 6])


def options(**changed):
    return DistilledGateOptions(width=8, heads=2, **changed)


def build(sizes=None, **changed):
    torch.manual_seed(0)
    return DistilledGate(sizes or Sizes(6, 5), 7, options(**changed))


def stream(width, lengths, seed=1):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return Stream(torch.randn(len(lengths), max(lengths), width, generator=generator), mask)


def batch(text=(3, 2, 4), audio=(9, 7, 5)):
    return stream(6, text), stream(5, audio)


def test_size_at_published_widths():
    model = DistilledGate(Sizes(768, 1024), 7, DistilledGateOptions())
    assert 300_000 < sum(parameter.numel() for parameter in model.parameters()) < 1_000_000


def test_weights_are_shares_of_the_modalities_there_are():
    weights = build().eval()(*batch((3, 0, 4), (9, 7, 0))).auxiliary["weights"]
    assert weights[1:].tolist() == [[0, 1], [1, 0]]
    assert 0 < weights[0, 0] < 1
    assert torch.allclose(weights.sum(dim=1), torch.ones(3))


def test_weights_are_per_utterance():
    weights = build().eval()(*batch()).auxiliary["weights"]
    assert weights[:, 0].unique().numel() == 3


def test_an_utterance_without_audio_is_read_from_its_text_alone():
    model = build().eval()
    text, audio = batch(audio=(9, 0, 5))
    noisy = Stream(torch.where(audio.mask[:, :, None], audio.states, 100.0), audio.mask)
    output, other = model(text, audio), model(text, noisy)
    assert torch.equal(output.logits, other.logits)
    assert (output.audio_vector[1] == 0).all()


def test_an_utterance_without_anything_is_finite():
    output = build().eval()(*batch((3, 0, 4), (9, 0, 5)))
    assert output.logits.isfinite().all()
    assert output.auxiliary["weights"][1].tolist() == [0, 0]


def test_modality_dropout_takes_one_modality_of_some_in_training_alone():
    model = build(modality_dropout=0.5, dropout=0.0)
    lengths = [2] * 400
    lacking = [2] * 399 + [0]
    pair = stream(6, lengths), stream(5, lacking)
    torch.manual_seed(0)
    weights = model.train()(*pair).auxiliary["weights"]
    lost = (weights[:-1] == 0).sum(dim=0)
    assert (weights[:-1] == 0).all(dim=1).sum() == 0
    assert ((lost > 60) & (lost < 140)).all()
    assert weights[-1].tolist() == [1, 0]
    assert (model.eval()(*pair).auxiliary["weights"][:-1] > 0).all()


def test_distillation_by_hand():
    teacher = torch.tensor([[2.0, 0.0]])
    student = torch.tensor([[0.0, 0.0]])
    goal = torch.tensor([1.0, 0.0]).softmax(dim=0)
    expected = 4 * (goal * (goal / 0.5).log()).sum()
    assert torch.allclose(distillation(student, teacher, 2.0), expected)
    assert distillation(teacher, teacher, 2.0) == 0


def test_the_teacher_gets_no_gradient_of_distillation():
    student, teacher = (torch.randn(3, 7, requires_grad=True) for _ in range(2))
    distillation(student, teacher, 2.0).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None


def test_the_joint_head_learns_nothing_from_the_own_heads():
    gradients = []
    for weight in (0.0, 1.0):
        model = build(own_heads=weight, distillation=weight, modality_dropout=0.0, dropout=0.0)
        output = model(*batch())
        model.loss(output, Targets(LABELS), F.cross_entropy).backward()
        own_head = model.own_heads["text"][1].weight.grad
        assert own_head.abs().sum() * (1 - weight) == 0
        gradients.append(model.joint_head[1].weight.grad)
    assert torch.allclose(*gradients)


def test_own_heads_are_trained_where_their_modality_is():
    model = build(modality_dropout=0.0, dropout=0.0)
    text, audio = batch(audio=(0, 0, 0))
    model.loss(model(text, audio), Targets(LABELS), F.cross_entropy).backward()
    assert model.own_heads["text"][1].weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in model.own_heads["audio"].parameters())


def test_affect_error_is_over_the_ratings_there_are():
    predicted = torch.zeros(3, 2, requires_grad=True)
    rated = torch.tensor([[5.0, NAN], [NAN, NAN], [3.0, 2.0]])
    error = affect_error(predicted, rated)
    error.backward()
    assert error.item() == pytest.approx((1.0 + 0.0 + 0.25) / 3)
    assert predicted.grad.isfinite().all()
    assert predicted.grad[1].tolist() == [0, 0]
    assert predicted.grad[0, 1] == 0


@pytest.mark.parametrize("rated", [None, torch.full((3, 2), NAN)])
def test_without_ratings_affect_costs_nothing(rated):
    model = build(modality_dropout=0.0, dropout=0.0)
    output = model(*batch())
    loss = model.loss(output, Targets(LABELS, rated), F.cross_entropy)
    plain = build(modality_dropout=0.0, dropout=0.0, affect=0.0)
    expected = plain.loss(plain(*batch()), Targets(LABELS), F.cross_entropy)
    assert torch.allclose(loss, expected)
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_smoothed_targets():
    labels = torch.tensor([1])
    assert torch.allclose(smoothed(labels, 4, 0.2), torch.tensor([[0.05, 0.85, 0.05, 0.05]]))
    votes = torch.tensor([[0.5, 0.5, 0.0, 0.0]])
    assert torch.allclose(smoothed(votes, 4, 0.2), torch.tensor([[0.45, 0.45, 0.05, 0.05]]))


@pytest.mark.parametrize("sizes", [Sizes(6, None), Sizes(None, 5)])
def test_a_single_modality_has_one_head(sizes):
    model = build(sizes).eval()
    text, audio = batch()
    output = model(text if sizes.text else None, audio if sizes.audio else None)
    assert output.logits.shape == (3, 7)
    assert "weights" not in output.auxiliary
    model.loss(output, Targets(LABELS), F.cross_entropy).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_options_out_of_range():
    with pytest.raises(InputError, match="--heads is 4; it must be a divisor of 6"):
        DistilledGateOptions(width=6)
    with pytest.raises(InputError, match="--temperature is 0"):
        DistilledGateOptions(temperature=0.0)


@pytest.mark.parametrize("level", [False, True])
def test_the_level_of_audio_states_is_heard_where_that_is_wanted(level):
    model = build(level=level).eval()
    text, audio = batch()
    logits = model(text, audio).logits
    louder = model(text, Stream(2 * audio.states + 3, audio.mask)).logits
    # Normalised states are told apart by no more than what keeps the division finite.
    assert torch.allclose(logits, louder, atol=1e-4) is not level
    twice = Stream(2 * text.states + 3, text.mask)
    assert torch.allclose(logits, model(twice, audio).logits, atol=1e-4)


def test_mean_change_is_over_successive_states_that_are_there():
    states = torch.tensor([[1.0, 4.0, 2.0, NAN], [7.0, NAN, NAN, NAN], [NAN] * 4])[:, :, None]
    mask = torch.tensor([[True, True, True, False], [True] + [False] * 3, [False] * 4])
    assert mean_change(Stream(states, mask)).tolist() == [[2.5], [0.0], [0.0]]
