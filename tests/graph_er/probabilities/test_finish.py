import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from graph_er.errors import InputError
from graph_er.probabilities.decoding import decode, fit_transitions, speaker_chains
from graph_er.probabilities.finish import Finish, committee_log_probabilities, fit_finish
from tests.graph_er.dialogue_factory import make_dialogue

DIALOGUES = [make_dialogue(f"S{i}_a", length) for i, length in enumerate((9, 1, 14))]
GOLD = np.concatenate([dialogue.labels for dialogue in DIALOGUES])
TRANSITIONS = np.log([[3.0, 1.0, 0.5], [1.0, 3.0, 0.5], [0.5, 0.5, 2.0]])
PLAIN = Finish(temperature=1.0, weight=0.0, transitions=TRANSITIONS, causal=False)


def guesses(sharpness, seeds=1, right=0.7):
    """Log probabilities ``[S, N, C]`` that are right as often, however sure they are."""
    rng = np.random.default_rng(0)
    answers = np.where(rng.random((seeds, len(GOLD))) < right, GOLD, rng.integers(0, 3, len(GOLD)))
    logits = torch.from_numpy(sharpness * np.eye(3)[answers])
    return logits.log_softmax(dim=-1).numpy()


def test_a_committee_answers_with_the_mean_of_its_members_probabilities():
    logits = torch.randn(4, 6, 3)
    found = np.exp(committee_log_probabilities(logits))
    np.testing.assert_allclose(found, logits.softmax(dim=-1).mean(dim=0), atol=1e-6)
    alone = committee_log_probabilities(logits[:1])
    np.testing.assert_allclose(alone, logits[0].log_softmax(dim=-1), atol=1e-6)


def test_probabilities_of_very_sure_members_stay_finite():
    logits = torch.tensor([[[1000.0, 0.0, -1000.0]], [[900.0, 0.0, 0.0]]])
    assert np.isfinite(committee_log_probabilities(logits)).all()


def test_temperature_one_without_decoding_changes_nothing():
    raw = guesses(2.0, seeds=2)
    np.testing.assert_allclose(PLAIN(raw, DIALOGUES), np.exp(raw), atol=1e-9)


@pytest.mark.parametrize("causal", [True, False])
def test_what_comes_out_is_tempered_then_decoded_and_sums_to_one(causal):
    raw = guesses(2.0, seeds=2)
    finish = Finish(temperature=2.0, weight=0.4, transitions=TRANSITIONS, causal=causal)
    found = finish(raw, DIALOGUES)
    np.testing.assert_allclose(found.sum(axis=-1), 1)
    expected = decode(raw / 2, speaker_chains(DIALOGUES), TRANSITIONS, 0.4, causal=causal)
    np.testing.assert_allclose(found, np.exp(expected), atol=1e-9)
    assert not np.allclose(found, replace(finish, weight=0.0)(raw, DIALOGUES))
    np.testing.assert_allclose(found[1:], finish(raw[1:], DIALOGUES))


@pytest.mark.parametrize(("sharpness", "too_sure"), [(12.0, True), (0.3, False)])
def test_the_temperature_is_that_of_dev(sharpness, too_sure):
    finish = fit_finish(guesses(sharpness), DIALOGUES, DIALOGUES, causal=False, decoding=False)
    assert (finish.temperature > 1) is too_sure
    assert finish.weight == 0


def test_decoding_is_chosen_on_dev_and_transitions_are_those_of_train():
    def of_habit(name):
        """Each speaker keeps to one emotion for long."""
        labels = np.repeat([0, 1, 2, 0], 10)
        return replace(make_dialogue(name, 40, speakers=("F",)), labels=labels)

    train, dev = [of_habit("S1_a"), of_habit("S2_a")], [of_habit(f"S3_{i}") for i in range(6)]
    gold = np.concatenate([dialogue.labels for dialogue in dev])
    rng = np.random.default_rng(1)
    log_probabilities = torch.from_numpy(
        1.5 * np.eye(3)[gold] + 1.5 * rng.standard_normal((2, len(gold), 3))
    ).log_softmax(dim=-1)
    fitted = {
        (causal, decoding): fit_finish(
            log_probabilities.numpy(), dev, train, causal=causal, decoding=decoding
        )
        for causal in (True, False)
        for decoding in (True, False)
    }
    for (causal, decoding), finish in fitted.items():
        assert finish.causal is causal
        assert (finish.weight > 0) is decoding
        np.testing.assert_array_equal(finish.transitions, fit_transitions(train, 3))


def test_plain_values_come_back_through_json():
    finish = Finish(temperature=1.7, weight=0.3, transitions=TRANSITIONS, causal=True)
    again = Finish.from_plain(
        json.loads(json.dumps(finish.to_plain())), num_emotions=3, causal=True
    )
    assert again.to_plain() == finish.to_plain()
    np.testing.assert_array_equal(again(guesses(1.0), DIALOGUES), finish(guesses(1.0), DIALOGUES))


@pytest.mark.parametrize(
    "change",
    [
        *({"temperature": value} for value in (0.0, -1.0, float("nan"), float("inf"))),
        *({"temperature": value} for value in (True, "1")),
        *({"weight": value} for value in (False, -0.1, float("nan"), float("inf"))),
        {"transitions": [[0.0, 0.0], [0.0, 0.0]]},
        {"transitions": [[float("nan")] * 3] * 3},
    ],
)
def test_values_that_are_out_of_range_are_refused(change):
    with pytest.raises(InputError, match="calibration"):
        Finish.from_plain({**PLAIN.to_plain(), **change}, num_emotions=3, causal=False)


@pytest.mark.parametrize(
    "change",
    [
        {"transitions": [[0.0, 1.0, 2.0], [0.0], [1.0]]},
        {"transitions": [["0"] * 3] * 3},
        {"transitions": "x"},
        {"transitions": None},
        {"temperature": None},
        {"weight": "0.5"},
    ],
)
def test_plain_values_of_another_kind_are_refused(change):
    with pytest.raises(InputError, match="its calibration is not in numbers"):
        Finish.from_plain({**PLAIN.to_plain(), **change}, 3, causal=False)


@pytest.mark.parametrize("missing", PLAIN.to_plain())
def test_plain_values_without_one_of_them_are_refused(missing):
    values = {name: value for name, value in PLAIN.to_plain().items() if name != missing}
    with pytest.raises(InputError, match="its calibration is not in numbers"):
        Finish.from_plain(values, 3, causal=False)
