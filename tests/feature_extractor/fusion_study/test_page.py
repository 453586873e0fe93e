"""The page of a comparison: of one fold, on one modality, on each of two."""

import pytest

from feature_extractor.fusion_study.page import comparison_page
from graph_er.scoring.scores import METRICS

SPREAD = {"mean": 0.5, "sd": None, "values": [0.5]}


def results(*rows, fold=None, encoder="demo/audio"):
    """A comparison of models on modalities, each with a logistic regression beside it."""
    return {
        **{"corpus": "table", "synthetic": False, "split": {"name": "folds:3", "fold": fold}},
        **{"n": {"train": 8, "dev": 4, "test": 4}, "ours": [], "audio_encoder": encoder},
        "budget": {"epochs": 1, "batch_size": 8, "seeds": 1, "learning_rates": [0.001]},
        "rows": [
            {
                **{"name": name, "fusion": name, "modalities": modalities, "parameters": 7},
                **{"train_seconds": 1.0, "inference_ms": 1.0},
                "test": dict.fromkeys(METRICS, SPREAD),
            }
            for name, modalities in rows
        ],
        "baselines": [
            {
                **{"name": "logistic regression", "modalities": modalities},
                "test": dict.fromkeys(METRICS, 0.25),
            }
            for modalities in dict.fromkeys(modalities for _, modalities in rows)
        ],
    }


def test_a_fold_is_named_with_its_split():
    assert "split folds:3, fold 2)" in comparison_page(results(("concat", "t"), fold=2))
    assert "split folds:3)" in comparison_page(results(("concat", "t")))


@pytest.mark.parametrize(
    ("modalities", "detailed"),
    [(("a", "t"), ["a", "t"]), (("a", "t", "at"), ["at"]), (("t",), ["t"])],
)
def test_every_metric_is_told_of_the_most_modalities_that_were_compared(modalities, detailed):
    page = comparison_page(results(*(("concat", wanted) for wanted in modalities)))
    assert [m for m in ("a", "t", "at") if f"| Model ({m}) " in page] == detailed
    # Each with all metrics and the linear model; of several modalities there is a table of both.
    several = len(modalities) > 1
    assert ("## One modality and both" in page) is several
    assert page.count("| logistic regression |") == len(detailed) + several


@pytest.mark.parametrize(
    ("encoder", "modalities", "told"),
    [
        ("mfcc", "at", "frozen encoders (for audio: MFCC) and gets"),
        ("egemaps", "a", "frozen encoders (for audio: eGeMAPS) and gets"),
        ("mfcc", "t", "frozen encoders and gets"),
        ("demo/audio", "at", "frozen encoders and gets"),
    ],
)
def test_acoustic_features_in_the_encoders_place_are_named(encoder, modalities, told):
    assert told in comparison_page(results(("concat", modalities), encoder=encoder))


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        ([("concat", "a"), ("concat", "at")], True),
        ([("concat", "a"), ("concat", "t")], False),
        ([("mfcc_transformer", "a"), ("concat", "at")], False),
    ],
)
def test_whose_learning_rate_is_taken_is_told_where_it_is(rows, taken):
    assert ("that of the model on both" in comparison_page(results(*rows))) is taken


def test_ours_is_held_against_the_best_others_on_dev_and_on_test():
    numbers = {"metric": "weighted_f1", "dialogues": 9, "p": 0.04, "mfcc": False}
    made = results(("concat", "at"), ("mlp_mixer", "at"))
    made["ours"] = [
        {"other": "mlp_mixer", "best_on": ["dev"], "difference": 0.03, "low": 0.01, "high": 0.05},
        {"other": "concat", "best_on": ["test"], "difference": -0.01, "low": -0.02, "high": 0.0},
    ]
    made["ours"] = [found | numbers for found in made["ours"]]
    made["ours"].append(made["ours"][0] | {"best_on": ["dev", "test"], "mfcc": True})
    page = comparison_page(made)
    assert "against `mlp_mixer`, on dev the best other on the same states: +3.0 points" in page
    assert "against `concat`, on test the best other on the same states: -1.0 points" in page
    on_mfcc = "on MFCC against `mlp_mixer`, on dev and test the best other on the same states: +3.0"
    assert on_mfcc in page
    assert "(paired bootstrap over 9 dialogues and over seeds)" in page


@pytest.mark.parametrize(
    ("others", "told"),
    [(1, "the only other on the same"), (2, "on dev and test the best other on")],
)
def test_one_other_alone_is_not_called_the_best(others, told):
    made = results(("concat", "at"), ("distilled_gate", "at"))
    numbers = {"difference": 0.03, "low": 0.01, "high": 0.05, "p": 0.04, "dialogues": 9}
    found = {"other": "concat", "others": others, "mfcc": False, "best_on": ["dev", "test"]}
    made["ours"] = [found | numbers]
    assert f"against `concat`, {told}" in comparison_page(made)


def test_results_of_before_ours_was_compared_on_mfcc_are_told_as_they_were():
    made = results(("concat", "at"), ("mlp_mixer", "at"))
    numbers = {"difference": 0.03, "low": 0.01, "high": 0.05, "p": 0.04, "dialogues": 9}
    made["ours"] = [{"other": "concat", "best_on": ["dev"], **numbers}]
    assert "`distilled_gate` against `concat`, on dev" in comparison_page(made)


@pytest.mark.parametrize(
    ("dialogues", "seeds", "noted"),
    [
        (160, 3, []),
        (160, 1, ["a single seed does not show"]),
        (9, 3, ["9 dialogues are few: intervals and p are rough."]),
        (3, 2, ["3 dialogues are few:", "10,000 draws of 3 dialogues can show no difference"]),
    ],
)
def test_what_so_few_dialogues_and_seeds_cannot_show_is_said_as_compare_says_it(
    dialogues, seeds, noted
):
    made = results(("concat", "at"), ("mlp_mixer", "at"))
    numbers = {"difference": 0.03, "low": 0.01, "high": 0.05, "p": 0.04, "mfcc": False}
    made["ours"] = [
        {"other": "concat", "best_on": ["dev"], "dialogues": dialogues, **numbers},
    ]
    made["budget"]["seeds"] = seeds
    page = comparison_page(made)
    assert page.count("Note: ") == len(noted)
    assert [note for note in noted if f" Note: {note}" not in page] == []


def test_one_epoch_and_one_seed_are_told_as_one():
    page = comparison_page(results(("concat", "t")))
    assert "the same budget: 1 epoch in batches of 8" in page
    assert "by dev loss, 1 seed. In %" in page


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "frozen encoders and gets"),
        (1, "frozen encoders, each utterance along with the one before it (their texts"),
        (4, "frozen encoders, each utterance along with the 4 before it (their texts"),
    ],
)
def test_it_is_told_how_much_is_read_along(count, told):
    made = results(("concat", "at"))
    made["budget"]["context"] = count
    assert told in comparison_page(made)
