import numpy as np
import torch

from feature_extractor.batches.augmentation import perturb_speed


def sine(hertz, samples=16_000):
    return np.sin(2 * np.pi * hertz * np.arange(samples) / 16_000).astype(np.float32)


def pitch(samples):
    spectrum = np.abs(np.fft.rfft(samples))
    return spectrum.argmax() * 16_000 / len(samples)


def test_pitch_and_length_change_together_within_the_span():
    torch.manual_seed(0)
    speeds = []
    for _ in range(20):
        clip = perturb_speed(sine(200.0), 0.1)
        assert clip.dtype == np.float32
        speed = 16_000 / len(clip)
        assert abs(pitch(clip) - 200.0 * speed) < 2.0
        speeds.append(speed)
    assert 0.9 < min(speeds) < 0.97
    assert 1.03 < max(speeds) < 1.11


def test_it_is_repeatable_and_leaves_short_clips_alone():
    clips = []
    for _ in range(2):
        torch.manual_seed(3)
        clips.append(perturb_speed(sine(100.0, 500), 0.2))
    assert np.array_equal(*clips)
    assert len(perturb_speed(np.zeros(0, dtype=np.float32), 0.1)) == 0
    assert set(perturb_speed(np.ones(1, dtype=np.float32), 0.1)) == {1.0}
