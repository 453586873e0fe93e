"""Each reference gives what ours gives: graph, network, vectors, files."""

import dataclasses

import numpy as np
import pytest
import torch

from graph_er.dialogues import write_dialogues
from graph_er.errors import InputError
from scripts.benchmarks.context import Context
from scripts.benchmarks.measurements import MEASUREMENTS, epoch, extraction, files, graph, run
from scripts.benchmarks.reference.graph import batch_edges, edges_by_loop
from scripts.benchmarks.sizes import TINY
from scripts.benchmarks.stage3 import make_task, published_training, reference_of, same_logits
from scripts.benchmarks.synthetic_dialogues import make_file
from scripts.benchmarks.synthetic_speech import clip_lengths
from tests.graph_er.dialogue_factory import make_dialogue


@pytest.fixture(scope="module")
def file():
    return make_file(20, 7, text=16)


@pytest.fixture(scope="module")
def cogmen(file):
    return make_task(file, "t", "cogmen")


@pytest.mark.parametrize("window", [0, 1, 5, 40])
def test_edges_and_relations_are_those_of_the_loop(window):
    speakers = [torch.randint(2, (length,)) for length in (1, 2, 6, 30)]
    check = graph.same_edges(speakers, window, window)
    assert check.passed
    assert check.difference == 0


def test_the_loop_follows_the_description():
    edge_index, edge_type = edges_by_loop(torch.tensor([0, 1]), 1, 1)
    # M to itself, M to F after it, F to M before it, F to itself.
    assert edge_index.t().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert edge_type.tolist() == [1, 2, 5, 7]
    assert edges_by_loop(torch.zeros(20, dtype=torch.long), 5, 5)[0].shape[1] == 11 * 20 - 30
    several, _ = batch_edges([torch.tensor([0]), torch.tensor([1, 0])], 5, 5)
    assert several.t().tolist() == [[0, 0], [1, 1], [1, 2], [2, 1], [2, 2]]


def test_a_wrong_relation_is_noticed(monkeypatch):
    def without_relations(*arguments):
        edge_index, edge_type = batch_edges(*arguments)
        return edge_index, edge_type * 0

    monkeypatch.setattr(graph, "batch_edges", without_relations)
    assert not graph.same_edges([torch.tensor([0, 1, 0])]).passed


def test_both_networks_give_the_same_logits(cogmen):
    check = same_logits(cogmen)
    assert check.passed, check


def test_other_weights_give_other_logits(cogmen, monkeypatch):
    reference = reference_of(cogmen)
    monkeypatch.setattr(type(reference), "take_weights", lambda *_: None)
    assert not same_logits(cogmen).passed


def test_the_reference_has_the_published_number_of_parameters():
    task = make_task(make_file(12, 6, text=768, audio=768), "at", "cogmen")
    assert sum(p.numel() for p in reference_of(task).parameters()) == 31_784_231


def test_more_than_two_speakers_are_refused():
    wide = make_file(10, 5, text=4)
    three = [make_dialogue(d.id, 6, speakers=("A", "B", "C")) for d in wide.dialogues]
    wide = dataclasses.replace(wide, dialogues=tuple(three))
    with pytest.raises(InputError, match="3 speakers"):
        reference_of(make_task(wide, "t", "cogmen"))


def test_the_published_loop_learns(cogmen):
    training = published_training(cogmen)
    before = training.loss(training.train)
    history = training.run(8)
    assert training.loss(training.train) < before
    assert [e.seconds for e in history] == sorted(e.seconds for e in history)
    assert all(0 <= e.dev_f1 <= 1 for e in history)


def test_ours_and_the_reference_take_turns(cogmen):
    turns = []

    def reference():
        assert not torch.are_deterministic_algorithms_enabled()
        turns.append("reference")

    pair = epoch.side_by_side(cogmen, cogmen.dev, reference, epochs=2)
    assert turns == ["reference"] * 3
    assert pair.ours > pair.reference > 0
    assert not torch.are_deterministic_algorithms_enabled()


def test_time_to_a_score_is_none_where_it_is_never_reached(tmp_path, file):
    path = tmp_path / "file.pkl"
    write_dialogues(path, file)
    context = Context(TINY, tmp_path, data=path)
    assert run.seconds_to_score(context, 0.0) > 0
    assert run.seconds_to_score(context, 1.1) is None


def test_vectors_are_those_of_the_plain_loop(tmp_path):
    row = extraction.extraction_row(Context(TINY, tmp_path), "float32")
    assert row.check.passed, row.check
    assert row.items > 0


def test_vectors_of_other_clips_are_noticed():
    rng = np.random.default_rng(0)
    ours, other = ({"text": rng.standard_normal((4, 8))} for _ in range(2))
    assert extraction.same_vectors(ours, ours).passed
    assert extraction.alike_vectors(ours, ours).passed
    assert not extraction.same_vectors(ours, other).passed
    assert not extraction.alike_vectors(ours, other).passed
    assert not extraction.same_vectors({"text": ours["text"] * np.nan}, ours).passed


def test_the_reader_gives_what_pickle_gives(tmp_path):
    path = tmp_path / "file.pkl"
    write_dialogues(path, make_file(10, 5, text=4, audio=3))
    assert files.same_content(path).passed


def test_clips_are_as_long_as_those_of_kemdy19():
    lengths = clip_lengths(4000, np.random.default_rng(0))
    assert np.median(lengths) == pytest.approx(4.2, rel=0.1)
    assert np.quantile(lengths, 0.95) == pytest.approx(15.5, rel=0.1)
    assert lengths.max() < 25
    assert lengths.mean() == pytest.approx(5.8, rel=0.1)


def test_every_measurement_says_what_it_is():
    assert all(found.about and found.full >= found.quick for found in MEASUREMENTS.values())
