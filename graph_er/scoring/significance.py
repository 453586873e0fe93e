"""Two runs on the same utterances: McNemar's test, and how large a difference is."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

_EXACT_BELOW = 25  # disagreements; from there on chi-square is close to the binomial
_EFFECT_SIZES = ((0.2, "very small"), (0.5, "small"), (0.8, "medium"))  # Cohen, 1988


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> dict[str, Any]:
    """Test whether two runs are right equally often, from the utterances on which one is wrong.

    Exact binomial below 25 such utterances, else chi-square with continuity correction (McNemar,
    1947; Edwards, 1948). It takes utterances as independent, which those of a dialogue are not:
    the bootstrap by dialogue has the last word.

    Args:
        right_a: whether run A is right, ``[N]`` booleans.
        right_b: whether run B is, on the same utterances.

    Returns:
        ``only_a_right``, ``only_b_right``, ``test`` (``exact`` or ``chi2``) and ``p``.
    """
    only_a = int((right_a & ~right_b).sum())
    only_b = int((~right_a & right_b).sum())
    apart = only_a + only_b
    if apart < _EXACT_BELOW:
        test = "exact"
        p = stats.binomtest(only_a, apart).pvalue if apart else 1.0
    else:
        test = "chi2"
        p = stats.chi2.sf(max(abs(only_a - only_b) - 1, 0) ** 2 / apart, df=1)
    return {"only_a_right": only_a, "only_b_right": only_b, "test": test, "p": float(p)}


def effect_size(confusions_a: np.ndarray, confusions_b: np.ndarray) -> dict[str, Any]:
    """Say how large a difference is, which no p-value does.

    Cohen's h is the difference of two shares on the scale of arcsines, here of the accuracies; it
    is defined for any two runs, unlike a paired d, which divides by the spread over dialogues and
    so depends on how long they are. Beside it stands on how many dialogues each run is more often
    right.

    Args:
        confusions_a: of run A, ``[D, C, C]``.
        confusions_b: of run B on the same dialogues.

    Returns:
        ``cohens_h`` (positive where A is better), ``magnitude`` in Cohen's words, and ``dialogues``
        ({``a_better``, ``equal``, ``b_better``}).
    """
    hits_a, hits_b = (np.trace(c, axis1=1, axis2=2) for c in (confusions_a, confusions_b))
    total = confusions_a.sum()
    h = float(2 * np.arcsin(np.sqrt(hits_a.sum() / total)))
    h -= float(2 * np.arcsin(np.sqrt(hits_b.sum() / total)))
    magnitude = next((name for bound, name in _EFFECT_SIZES if abs(h) < bound), "large")
    return {
        "cohens_h": h,
        "magnitude": magnitude,
        "dialogues": {
            "a_better": int((hits_a > hits_b).sum()),
            "equal": int((hits_a == hits_b).sum()),
            "b_better": int((hits_a < hits_b).sum()),
        },
    }
