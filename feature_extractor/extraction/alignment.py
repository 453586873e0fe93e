"""Vectors of one network in the basis of another: centring, one scale and one rotation.

Networks fine-tuned apart from each other carry the same information along different directions.
Orthogonal Procrustes analysis (Schönemann, Psychometrika 31, 1966) finds the rotation, possibly
with a reflection, that brings vectors of the same utterances closest together. It preserves all
distances up to the scale, so that it cannot fit labels or mend a worse network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Of the mean singular value. It decides where the utterances say nothing, as with fewer of them
# than dimensions: there the networks, which started from the same weights, are left as they are.
_TOWARDS_IDENTITY = 1e-6


@dataclass(frozen=True)
class Alignment:
    """A map from the vectors of one network to those of another, both of width ``D``.

    Attributes:
        source_mean, target_mean: ``[D]``.
        scale: above 0.
        rotation: orthogonal ``[D, D]``, applied from the right.
        likeness: how alike the two are once aligned, up to 1 where they are the same; see
            `fit_alignment`.
    """

    source_mean: np.ndarray
    target_mean: np.ndarray
    scale: float
    rotation: np.ndarray
    likeness: float

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Return vectors ``[N, D]`` of the source as float32 vectors of the target."""
        centred = vectors.astype(np.float64) - self.source_mean
        return (self.scale * centred @ self.rotation + self.target_mean).astype(np.float32)


def fit_alignment(source: np.ndarray, target: np.ndarray) -> Alignment:
    """Fit an alignment on the vectors that two networks give the same utterances.

    The scale makes the spread equal. That of least squares would shrink the vectors the more, the
    less the networks agree, and what is trained on them would meet larger ones elsewhere.

    Args:
        source: ``[N, D]``, of the network whose vectors are to be moved.
        target: ``[N, D]``, of the other; the same row for the same utterance.

    Returns:
        The alignment; its likeness is the sum of products of the aligned centred vectors over
        the product of their norms.

    Raises:
        ValueError: the shapes differ or there are no rows.
    """
    if source.shape != target.shape or len(source) == 0:
        raise ValueError(f"cannot align vectors {source.shape} with vectors {target.shape}")
    means = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    x, y = source - means[0], target - means[1]
    spread_x, spread_y = np.linalg.norm(x), np.linalg.norm(y)
    if spread_x == 0 or spread_y == 0:
        return Alignment(*means, 1.0, np.eye(x.shape[1]), 0.0)
    products = (x / spread_x).T @ (y / spread_y)
    prior = _TOWARDS_IDENTITY * np.linalg.norm(products, "nuc") / len(products)
    left, _, right = np.linalg.svd(products + prior * np.eye(len(products)))
    rotation = left @ right
    likeness = float((products * rotation).sum())
    return Alignment(*means, float(spread_y / spread_x), rotation, likeness)
