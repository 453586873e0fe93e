"""Small dialogue files for tests: learnable, of any shape, from a fixed seed."""

import numpy as np

from graph_er.dialogues import Dialogue, DialogueFile

EMOTIONS = ("neutral", "angry", "happy")


def make_dialogue(dialogue_id, length, *, speakers=("F", "M"), widths=(6, 4), seed=0):
    """A dialogue whose features show the label of the utterance, with noise."""
    rng = np.random.default_rng([seed, *dialogue_id.encode()])
    labels = rng.integers(0, len(EMOTIONS), length)
    text, audio = (
        (np.eye(len(EMOTIONS), width)[labels] + 0.3 * rng.standard_normal((length, width))).astype(
            np.float32
        )
        for width in widths
    )
    return Dialogue(
        id=dialogue_id,
        utterance_ids=tuple(f"{dialogue_id}_{i:03d}" for i in range(length)),
        speakers=tuple(speakers[i % len(speakers)] for i in range(length)),
        labels=labels,
        sentences=tuple(f"문장 {i}" for i in range(length)),
        text=text,
        audio=audio,
    )


def make_file(num_sessions=4, dialogues_per_session=2, length=9, **options):
    """A file of which the last session is test and the one before it dev."""
    ids = [
        f"Sess{session:02d}_script{script:02d}"
        for session in range(1, num_sessions + 1)
        for script in range(1, dialogues_per_session + 1)
    ]
    dialogues = tuple(make_dialogue(i, length + len(i) % 3, **options) for i in ids)
    n = dialogues_per_session
    return DialogueFile(
        dialogues=dialogues,
        train_ids=tuple(ids[: -2 * n]),
        dev_ids=tuple(ids[-2 * n : -n]),
        test_ids=tuple(ids[-n:]),
        emotions=EMOTIONS,
        info={"corpus": "test"},
    )
