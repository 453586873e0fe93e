from dataclasses import replace

import numpy as np
import pytest
import torch

from feature_extractor.batches.acoustic_states import AcousticStates
from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import on_device
from feature_extractor.extraction.speaker_states import speaker_scaled_states
from feature_extractor.networks.checkpoint import build_checkpoint, load_checkpoint
from feature_extractor.networks.scaling import FrameScaler
from feature_extractor.networks.speaker_scaling import (
    PRIOR,
    SpeakerScaledStates,
    speaker_moments,
)
from feature_extractor.settings import ModelSettings
from graph_er.errors import InputError
from graph_er.running.run_record import RECORD_NAME
from tests.feature_extractor.tiny_corpus import (
    EMOTIONS,
    make_audio_folder,
    make_corpus,
    make_text_folder,
)

CPU = Execution(torch.device("cpu"), num_workers=0)
TRAINING = np.array([[8.0, 0.0], [12.0, 0.0]])  # mean 10 and 0, deviation 2 and none


@pytest.fixture
def utterances(tmp_path):
    """Four of one dialogue, F and M in turn."""
    return make_corpus(tmp_path / "corpus", sessions=1).utterances


def scaler_of(frames=TRAINING):
    scaler = FrameScaler(frames.shape[1])
    scaler.fit([frames])
    return scaler


def scaled(utterances, frames, scaler=None):
    """Return what becomes of frames ``[T, D]``, one clip for each utterance."""
    states = {u.id: np.asarray(f, np.float32) for u, f in zip(utterances, frames, strict=True)}
    moments = speaker_moments((u, states[u.id]) for u in utterances)
    found = SpeakerScaledStates(states, utterances, moments, scaler or scaler_of())
    return [found[u.id] for u in utterances]


def acoustic_checkpoint(modalities="a", **settings):
    torch.manual_seed(0)
    settings = {"audio_encoder": "mfcc", "speaker_scaling": True, **settings}
    return build_checkpoint(ModelSettings(**settings), modalities, EMOTIONS)


def test_values_by_hand(utterances):
    # F: two utterances, mean 23, variance 50/3; with 2 of mean 10 and variance 4, mean 16.5.
    clips = [[[18.0, 0.0], [28.0, 0.0]], [[10.0, 0.0]], [[23.0, 0.0]], [[10.0, 0.0]]]
    frames = scaled(utterances, clips)
    assert PRIOR == 2
    gain = 2 / np.sqrt((2 * (50 / 3) + 2 * 4) / 4)
    expected = (np.array([18.0, 28.0]) - 16.5) * gain + 10
    np.testing.assert_allclose(frames[0][:, 0], expected, rtol=1e-6)
    assert frames[0].dtype == np.float32


def test_a_speaker_like_the_training_side_stays_as_is(utterances):
    frames = scaled(utterances, [TRAINING] * 4)
    for own in frames:
        np.testing.assert_allclose(own, TRAINING, rtol=1e-6)


def test_one_who_is_hardly_heard_is_moved_by_a_third_alone(utterances):
    frames = scaled(utterances[:1], [[[16.0, 0.0]]])
    scale = scaler_of()
    moved = float(scale(torch.from_numpy(frames[0]))[0, 0])
    # From 3 deviations to 2 of the shrunk deviation, the root of two thirds of the usual variance.
    assert moved == pytest.approx(2 / np.sqrt(2 / 3), rel=1e-6)


def test_many_utterances_end_in_the_training_sides_mean_and_deviation(tmp_path):
    utterances = [
        replace(u, speaker="F") for u in make_corpus(tmp_path / "c", 1, utterances=400).utterances
    ]
    rng = np.random.default_rng(0)
    frames = np.concatenate(scaled(utterances, rng.normal((50.0, 1.0), (3.0, 5.0), (400, 3, 2))))
    assert frames[:, 0].mean() == pytest.approx(10, abs=0.2)
    assert frames[:, 0].std() == pytest.approx(2, rel=0.05)
    # What never varied in training is left to the scaler, which makes it 0.
    assert frames[:, 1].std() == pytest.approx(5, rel=0.1)
    both = scaler_of()(torch.from_numpy(frames))
    assert not both[:, 1].any()
    assert both.isfinite().all()


@pytest.mark.parametrize("value", [0.0, 10.0, -1e6])
def test_a_feature_that_a_speaker_never_varies_stays_finite(utterances, value):
    frames = scaled(utterances, [[[value, value]] * 3] * 4)
    assert np.isfinite(frames).all()
    assert all(np.ptp(own, axis=0).max() == 0 for own in frames)


def test_who_is_missing_does_not_count_and_stays_missing(utterances):
    clips = [[[18.0, 0.0]], np.zeros((0, 2)), [[20.0, 0.0]], np.zeros((0, 2))]
    frames = scaled(utterances, clips)
    assert [len(own) for own in frames] == [1, 0, 1, 0]
    alone = scaled([utterances[0], utterances[2]], [clips[0], clips[2]])
    np.testing.assert_array_equal(frames[0], alone[0])
    moments = speaker_moments(zip(utterances, map(np.asarray, clips), strict=True))
    assert [counted.clips for counted in moments.values()] == [2]


def test_order_changes_nothing_and_other_speakers_do_not(utterances):
    rng = np.random.default_rng(1)
    clips = [rng.normal(20, 3, (n, 2)) for n in (3, 1, 4, 2)]
    first = scaled(utterances, clips)
    turned = scaled(utterances[::-1], clips[::-1])[::-1]
    others = scaled(utterances, [clips[0], 5 * clips[1], clips[2], -clips[3]])
    for one, other in zip(first, turned, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_array_equal(first[0], others[0])
    np.testing.assert_array_equal(first[2], others[2])


def test_who_speaks_is_who_the_corpus_names_else_the_label_in_its_dialogue(tmp_path):
    corpus = make_corpus(tmp_path / "corpus", sessions=2)
    assert len({u.person for u in corpus.utterances}) == 4
    named = {replace(u, speaker_id=f"id{u.speaker}").person for u in corpus.utterances}
    assert named == {"idF", "idM"}


@pytest.mark.parametrize("clip_length", [25.0, 0.2])
@pytest.mark.parametrize("fusion", ["concat", "late_fusion"])
def test_states_are_those_that_the_fusion_model_would_read(tmp_path, clip_length, fusion):
    corpus = make_corpus(tmp_path / "corpus")
    gone = replace(corpus.utterances[2], wav=None, duration=0.0)
    corpus = replace(corpus, utterances=(*corpus.utterances[:2], gone, *corpus.utterances[3:]))
    checkpoint = acoustic_checkpoint(fusion=fusion)
    collate = checkpoint.collator()
    dataset = UtteranceDataset(corpus, corpus.utterances, sampling_rate=16_000)
    found = AcousticStates(dataset, collate, clip_length, checkpoint.model.audio_view)
    if clip_length == 25:
        batch = collate([dataset[index] for index in range(len(dataset))])
        frames = checkpoint.model.audio_frames(batch["input_values"], batch["audio_mask"])
        stream = checkpoint.model.unscaled_stream(frames.without(batch["has_audio"]))
        for index, utterance in enumerate(corpus.utterances):
            expected = stream.states[index, stream.mask[index]].numpy()
            np.testing.assert_allclose(found[utterance.id], expected, rtol=1e-4, atol=1e-4)
    assert found[gone.id].shape == (0, 80 if fusion == "late_fusion" else 40)
    assert all(len(found[u.id]) for u in corpus.utterances if u != gone)


@pytest.mark.parametrize("workers", [0, 2])
def test_batch_companions_and_padding_change_nothing(tmp_path, workers):
    corpus = make_corpus(tmp_path / "corpus")
    checkpoint = acoustic_checkpoint(fusion="case_attention")
    model, collate = checkpoint.model.eval(), checkpoint.collator()
    execution = replace(CPU, num_workers=workers)
    states = speaker_scaled_states(model, collate, corpus, 16_000, execution)
    rows = UtteranceDataset(
        corpus, corpus.utterances, sampling_rate=16_000, states={"audio": states}
    )

    def logits(*places):
        batch = collate([rows[place] for place in places])
        with torch.inference_mode():
            return model(**on_device(batch, execution)).logits

    together = logits(*range(len(rows)))
    for place in (0, 5, 11):
        torch.testing.assert_close(logits(place)[0], together[place], atol=1e-4, rtol=0)


@pytest.mark.parametrize("modalities", ["a", "t"])
def test_other_audio_and_none_are_refused(tmp_path, modalities):
    encoders = {
        "audio_encoder": str(make_audio_folder(tmp_path / "audio")),
        "text_encoder": str(make_text_folder(tmp_path / "text")),
    }
    with pytest.raises(InputError, match=r"--speaker_scaling .* --audio_encoder mfcc or egemaps"):
        acoustic_checkpoint(modalities, **encoders)


def test_a_checkpoint_keeps_whether_it_scales_and_older_ones_do_not(tmp_path):
    acoustic_checkpoint().save(tmp_path)
    (tmp_path / RECORD_NAME).write_text("{}")
    assert load_checkpoint(tmp_path).model.config.speaker_scaling
    path = tmp_path / "config.json"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if "speaker_scaling" not in line))
    assert not load_checkpoint(tmp_path).model.config.speaker_scaling
