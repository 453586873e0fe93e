import numpy as np

from graph_er.inference.missing_modalities import fill_missing_text, training_mean
from tests.graph_er.tiny_models import COGMEN
from tests.graph_er.tiny_predictor import save_graph

TEXT = np.array([[1.0, 2.0], [9.0, 9.0], [3.0, 6.0], [9.0, 9.0]], dtype=np.float32)
THERE = [True, False, True, False]


def test_missing_text_is_the_training_mean_where_it_is_known():
    filled = fill_missing_text(TEXT, THERE, np.array([5.0, 7.0], dtype=np.float32))
    assert filled.tolist() == [[1, 2], [5, 7], [3, 6], [5, 7]]
    assert TEXT[1].tolist() == [9, 9]


def test_else_it_is_the_mean_of_what_was_said_before():
    assert fill_missing_text(TEXT, THERE, None).tolist() == [[1, 2], [1, 2], [3, 6], [2, 4]]
    assert fill_missing_text(TEXT[1:2], [False], None).tolist() == [[0, 0]]


def test_the_mean_is_found_behind_the_modalities_before_it(models):
    texts = np.concatenate([dialogue.text for dialogue in models.file.dialogues])
    audio = np.concatenate([dialogue.audio for dialogue in models.file.dialogues])
    for letter, rows in (("a", audio), ("t", texts)):
        np.testing.assert_allclose(
            training_mean(models.checkpoint, letter), rows.mean(axis=0), atol=1e-5
        )


def test_a_model_without_statistics_has_no_mean(models, tmp_path):
    assert training_mean(save_graph(tmp_path, models.file, config=COGMEN), "t") is None


def test_a_modality_that_the_model_does_not_read_has_no_mean(models, tmp_path):
    listening = save_graph(tmp_path, models.file, modalities="a")
    assert training_mean(listening, "t") is None
    assert training_mean(listening, "a") is not None
