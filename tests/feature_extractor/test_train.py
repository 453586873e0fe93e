"""What the command line of stage 1 asks for."""

import pytest

from feature_extractor import train
from feature_extractor.settings import FUSION_PRESETS
from graph_er.errors import InputError


def fusion_options(*argv):
    _, model, _ = train._read(argv)
    return model.fusion_options


def test_options_of_the_fusion_model_are_taken_beside_those_of_the_corpus():
    preset = FUSION_PRESETS["demo"]["mlp_mixer"]
    assert fusion_options("--fusion", "mlp_mixer") == preset
    given = ("--fusion_options", "text_slots=4", "depth=two=2")
    assert fusion_options("--fusion", "mlp_mixer", *given) == {
        **preset,
        "text_slots": "4",
        "depth": "two=2",
    }
    assert fusion_options("--fusion", "mlp_mixer", "--corpus", "table", "--root", ".") == {}


def test_a_run_is_not_both_gone_on_with_and_replaced(capsys):
    with pytest.raises(SystemExit) as ended:
        train._read(["--resume", "--overwrite"])
    assert ended.value.code == 2
    assert "argument --overwrite: not allowed with argument --resume" in capsys.readouterr().err


def test_an_option_of_the_fusion_model_without_a_value_is_refused(capsys):
    with pytest.raises(SystemExit):
        fusion_options("--fusion_options", "pooling=layers", "text_slots")
    assert "'text_slots' is not of the form KEY=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["yes", "true", "1"])
def test_earlier_utterances_cannot_be_followed_where_none_are_read(monkeypatch, given):
    monkeypatch.setattr("feature_extractor.training.stage1.run_stage1", _refused_before)
    argv = ["--fusion", "distilled_gate", "--fusion_options", f"follow={given}"]
    with pytest.raises(InputError, match=f"follow={given} of .* --context is 0; give --context 4"):
        train.main(argv)
    with pytest.raises(AssertionError):
        train.main([*argv, "--context", "1"])


@pytest.mark.parametrize(
    ("fusion", "options", "modalities", "read"),
    [
        ("concat", [], "a", False),
        ("mfcc_transformer", [], "a", False),
        ("distilled_gate", ["--fusion_options", "follow=no"], "a", False),
        ("distilled_gate", [], "a", True),
        ("vanilla_concat", [], "a", True),
        ("three_way_concat", [], "a", True),
        ("concat", [], "t", True),
        ("concat", [], "at", True),
    ],
)
def test_a_context_that_nothing_reads_is_refused(monkeypatch, fusion, options, modalities, read):
    monkeypatch.setattr("feature_extractor.training.stage1.run_stage1", _refused_before)
    argv = ["--fusion", fusion, *options, "--modalities", modalities]
    with pytest.raises(AssertionError if read else InputError) as raised:
        train.main([*argv, "--context", "2"])
    assert read or f"--context is 2, but --fusion {fusion} with" in str(raised.value)
    with pytest.raises(AssertionError):
        train.main(argv)


def _refused_before(*_, **__):
    raise AssertionError("was called")
