"""What a corpus of a given size costs."""

import pytest

from graph_er.errors import InputError
from scripts.benchmarks.encoder_flops import audio_flops_per_second, text_flops
from scripts.benchmarks.plan import CLIP_SECONDS, hours, render_plan, stages_of
from tests.benchmarks.test_rows import MACHINE, make_document

UNIT_COSTS = {
    **{"stage1_seconds_per_audio_second": 1.0, "stage1_bytes": 9e9},
    **{"stage1_parameters": 400_000_000, "extraction_seconds_per_audio_second": 0.2},
    **{"extraction_bytes": 3e9, "file_bytes_per_utterance": 6200.0},
    **{"stage3_seconds_per_utterance": 2e-3, "stage3_bytes_per_utterance": 1000.0},
    **{"stage3_bytes": 5e8, "predict_seconds_per_utterance": 1e-5},
}


def test_operations_are_those_of_the_layers():
    # 302 million weights of the transformer alone, twice each, 50 times a second.
    assert audio_flops_per_second(0) > 2 * 50 * 24 * (4 * 1024**2 + 2 * 1024 * 4096)
    assert audio_flops_per_second(5.8) == pytest.approx(37e9, rel=0.1)
    assert audio_flops_per_second(20) > audio_flops_per_second(5)
    assert text_flops(25) == pytest.approx(2 * 25 * 85e6, rel=0.02)


def test_hours_and_memory_follow_from_the_unit_costs():
    stages = {stage.name: stage for stage in stages_of(UNIT_COSTS, MACHINE["memory_bytes"])}
    extract, train = stages["2: extract"], stages["3: train a default run"]
    assert extract.cpu_seconds == pytest.approx(0.2 * CLIP_SECONDS)
    assert extract.memory(10**8) == 3e9
    assert extract.gpu_seconds(1000, 8) == pytest.approx(extract.gpu_seconds(1000, 1) / 8)
    assert stages["1: train, one epoch"].flops == pytest.approx(3 * extract.flops)
    assert train.memory(1_000_000) == pytest.approx(1.5e9)
    assert train.gpu_seconds(1000, 1) is None
    assert "15,500,000 utterances" in train.limit


def test_the_plan_has_every_stage_at_every_scale():
    page = render_plan(make_document(**UNIT_COSTS))
    assert page.count("(estimate)") == 2 * 2 * 3
    assert "estimate, not measured" in page
    for count in ("10,000", "1,000,000", "100,000,000"):
        assert sum(f" {count} |" in line for line in page.splitlines()) == 4


@pytest.mark.parametrize(("size", "costs"), [("quick", UNIT_COSTS), ("full", {"stage1_bytes": 1})])
def test_a_plan_takes_a_whole_full_benchmark(size, costs):
    with pytest.raises(InputError, match="--full"):
        render_plan(make_document(size=size, **costs))


def test_times_are_readable():
    assert [hours(s) for s in (5, 600, 7200, 3.6e6)] == ["5 s", "10 min", "2 h", "1,000 h"]
    assert [hours(h * 3600) for h in (99.4, 99.7)] == ["99 h", "100 h"]
