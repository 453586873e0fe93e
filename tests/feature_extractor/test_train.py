"""What the command line of stage 1 asks for."""

import pytest

from feature_extractor import train
from feature_extractor.settings import FUSION_PRESETS


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
