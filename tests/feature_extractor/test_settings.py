import math
import subprocess
import sys

import pytest

from feature_extractor.options import add_corpus_options
from feature_extractor.settings import PRESETS, ModelSettings, TrainingSettings
from graph_er.errors import InputError

NAN = math.nan


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("epochs", (0, -1)),
        ("batch_size", (0,)),
        ("accumulate_grad", (0,)),
        ("lr", (0.0, -1e-3, NAN, math.inf)),
        ("head_lr", (0.0, NAN, math.inf)),
        ("warmup", (-0.1, 1, 1.1, NAN)),
        ("weight_decay", (-0.1, NAN)),
        ("clip_norm", (0.0, NAN)),
        ("clip_length", (0.0, NAN)),
        ("num_workers", (-1,)),
        ("speed_perturbation", (-0.1, 1.0, NAN)),
    ],
)
def test_a_value_out_of_range_is_named(field, values):
    for value in values:
        with pytest.raises(InputError, match=rf"--{field} is {value}; it must be"):
            TrainingSettings(**{field: value})


def test_the_audio_width_is_at_least_one():
    with pytest.raises(InputError, match="--context is -1"):
        ModelSettings(context=-1)


def test_the_ends_of_the_ranges_are_within():
    least = TrainingSettings(
        epochs=1, batch_size=1, accumulate_grad=1, warmup=0.0, weight_decay=0.0, num_workers=0
    )
    assert least.speed_perturbation == 0
    assert TrainingSettings(warmup=0.99).warmup == 0.99


@pytest.mark.parametrize(("platform", "workers"), [("linux", 2), ("darwin", 0)])
def test_other_processes_decode_where_they_start_at_once(platform, workers):
    code = (
        f"import sys; sys.platform = {platform!r}; from feature_extractor import settings; "
        "print(settings.TrainingSettings().num_workers)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(workers)


def test_presets_are_for_corpora_that_there_are():
    import argparse

    from feature_extractor.corpora import CORPORA

    parser = argparse.ArgumentParser()
    add_corpus_options(parser)
    for name in CORPORA:
        assert parser.parse_args(["--corpus", name]).corpus == name
    assert set(PRESETS) <= set(CORPORA)
