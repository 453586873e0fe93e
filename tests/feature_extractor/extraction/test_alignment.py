import numpy as np
import pytest

from feature_extractor.extraction.alignment import fit_alignment


def vectors(rows, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, width)) * rng.uniform(0.2, 3, size=width) + 1


def random_rotation(width, seed=1):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


def test_a_known_rotation_scale_and_shift_are_recovered():
    source, rotation = vectors(60, 8), random_rotation(8)
    target = 2.5 * source @ rotation + np.arange(8)
    found = fit_alignment(source, target)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-4)
    assert found.scale == pytest.approx(2.5)
    assert found.likeness == pytest.approx(1)
    unseen = vectors(20, 8, seed=2)
    np.testing.assert_allclose(found(unseen), 2.5 * unseen @ rotation + np.arange(8), atol=1e-3)


@pytest.mark.parametrize("rows", [1, 5, 60])
def test_networks_that_are_the_same_stay_as_they_are(rows):
    source = vectors(rows, 8)
    found = fit_alignment(source, source)
    np.testing.assert_allclose(found.rotation, np.eye(8), atol=1e-6)
    unseen = vectors(20, 8, seed=2)
    np.testing.assert_allclose(found(unseen), unseen, atol=1e-5)


@pytest.mark.parametrize("rows", [2, 6, 40])
def test_distances_keep_their_proportions(rows):
    found = fit_alignment(vectors(rows, 8), vectors(rows, 8, seed=3))
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(8), atol=1e-10)
    unseen = vectors(10, 8, seed=2)
    before = np.linalg.norm(unseen[:, None] - unseen[None], axis=2)
    moved = found(unseen).astype(np.float64)
    after = np.linalg.norm(moved[:, None] - moved[None], axis=2)
    np.testing.assert_allclose(after, found.scale * before, atol=1e-4)


def test_the_spread_is_that_of_the_target_however_little_they_agree():
    source, target = vectors(50, 8), 4 * vectors(50, 8, seed=3)
    aligned = fit_alignment(source, target)(source)
    assert aligned.std(axis=0).mean() > 1
    assert np.linalg.norm(aligned - aligned.mean(axis=0)) == pytest.approx(
        np.linalg.norm(target - target.mean(axis=0)), rel=1e-5
    )
    np.testing.assert_allclose(aligned.mean(axis=0), target.mean(axis=0), atol=1e-4)


def test_what_the_utterances_do_not_span_is_left_alone():
    source = np.zeros((40, 6))
    source[:, :3] = vectors(40, 3)
    target = source.copy()
    target[:, :3] = source[:, :3] @ random_rotation(3)
    found = fit_alignment(source, target)
    np.testing.assert_allclose(found.rotation[3:, 3:], np.eye(3), atol=1e-8)


def test_no_other_rotation_comes_closer():
    source, target = vectors(30, 4), vectors(30, 4, seed=5)
    found = fit_alignment(source, target)
    x, y = source - source.mean(axis=0), target - target.mean(axis=0)

    def distance(rotation):
        return np.linalg.norm(found.scale * x @ rotation - y)

    best = distance(found.rotation)
    assert all(best <= distance(random_rotation(4, seed)) for seed in range(50))


def test_vectors_that_never_change_and_unlike_shapes():
    constant = np.ones((5, 4))
    found = fit_alignment(constant, vectors(5, 4))
    assert (found.scale, found.likeness) == (1.0, 0.0)
    with pytest.raises(ValueError, match="cannot align"):
        fit_alignment(constant, np.ones((4, 4)))
    with pytest.raises(ValueError, match="cannot align"):
        fit_alignment(constant[:0], constant[:0])
