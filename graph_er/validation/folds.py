"""Folds of cross-validation: whole sessions are predicted by graph models that never heard them.

The extractor that made their features may have: `extractor_trained_on` tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.splits import fold_groups, last_ninth, natural_key, session_of, split_dev

# Leaving out one of many sessions costs a fit each; ten groups of them tell as much.
_MOST_BY_DEFAULT = 10
FEWEST_SESSIONS = 3


@dataclass(frozen=True)
class Fold:
    """One fold; its three sides share no session, save where a file has but one.

    Attributes:
        name: of the sessions that are predicted, e.g. ``Sess01`` or ``Sess01 to Sess04``.
        train, dev: dialogues of the other sessions; on dev is chosen what a run chooses on dev.
        test: the dialogues that are predicted.
    """

    name: str
    train: tuple[Dialogue, ...]
    dev: tuple[Dialogue, ...]
    test: tuple[Dialogue, ...]


def without_test(file: DialogueFile) -> DialogueFile:
    """Return a file of the train and dev dialogues alone; nothing of test is left in it."""
    kept = {*file.train_ids, *file.dev_ids}
    dialogues = tuple(dialogue for dialogue in file.dialogues if dialogue.id in kept)
    return replace(file, dialogues=dialogues, test_ids=())


def sessions_of(file: DialogueFile) -> dict[str, str]:
    """Return the session of each dialogue that is on a side of `file`."""
    listed = {*file.train_ids, *file.dev_ids, *file.test_ids}
    return {d.id: session_of(d.id, file.info) for d in file.dialogues if d.id in listed}


def session_folds(file: DialogueFile, count: int | None) -> list[Fold]:
    """Divide all dialogues that are on a side of `file` by session.

    Args:
        file: what to divide.
        count: groups of neighbouring sessions; 0 leaves out one session after the other, None
            likewise but with ten groups at most.

    Raises:
        InputError: fewer than three sessions, or not enough of them for as many folds.
    """
    sessions = sessions_of(file)
    names = sorted(set(sessions.values()), key=natural_key)
    if len(names) < FEWEST_SESSIONS:
        raise InputError(
            f"the dialogues to divide are of {counted(len(names), 'session')} "
            f"({', '.join(names) or 'none'}); cross-validation by session needs at least three, "
            "one each to train on, for dev and to predict. A session is what stands before the "
            "first '_' of a dialogue's id, unless the file's 'sessions' name it; without sessions "
            "use the file's own sides: graph_er/train.py and graph_er/eval.py"
        )
    if count is None:
        count = min(len(names), _MOST_BY_DEFAULT)
    groups = fold_groups(names, count or len(names))
    if not groups or not groups[-1] or len(names) - len(groups[0]) < 2:
        raise InputError(
            f"--folds {count}: with {len(names)} sessions ({', '.join(names)}) there can be 2 "
            f"to {len(names)} folds, and each must leave two sessions to train on"
        )
    return [_fold(file, sessions, names, group) for group in groups]


def dev_fold(file: DialogueFile) -> Fold:
    """Return the one fold of a file without sessions: its dev side predicted.

    The last ninth of its train dialogues is dev in the fold, so that the predicted ones are unseen.

    Raises:
        InputError: fewer than two train dialogues, or none of dev.
    """
    train, test = file.side("train"), file.side("dev")
    if len(train) < 2 or not test:
        raise InputError(
            f"the dialogue file has {len(train)} train and {len(test)} dev dialogues; two and one "
            "are the least"
        )
    kept, dev = last_ninth([dialogue.id for dialogue in train])
    return Fold("dev", _chosen(train, kept), _chosen(train, dev), test)


def extractor_trained_on(file: DialogueFile, predicted: Iterable[Dialogue]) -> list[str]:
    """Return the sessions of `predicted` that the file's extractor was trained on, as it tells.

    Stage 1 learns from the labels of the train side, so what it makes of those dialogues shows
    their labels. Not so encoders as pretrained (``frozen``, unless ``tuned_encoders`` names some
    that stage 1 had tuned), nor vectors that ``out_of_fold`` says are of an extractor that did not
    see the dialogue. That an extractor was trained on another corpus the file does not tell, and
    of features of another program nothing is known.

    Args:
        file: the dialogue file, which tells of its features.
        predicted: dialogues of it.
    """
    if file.info.get("frozen") is not False and not file.info.get("tuned_encoders"):
        return []
    record = file.info.get("out_of_fold")
    unseen = record.get("fold_of") if isinstance(record, dict) else None
    seen = {*file.train_ids} - {*(unseen if isinstance(unseen, dict) else ())}
    sessions = {session_of(d.id, file.info) for d in predicted if d.id in seen}
    return sorted(sessions, key=natural_key)


def _fold(
    file: DialogueFile, sessions: dict[str, str], names: Sequence[str], group: Sequence[str]
) -> Fold:
    test = set(group)  # not tuples: a file may have as many sessions as utterances
    train, dev = (set(side) for side in split_dev(name for name in names if name not in test))
    ids = [[i for i, name in sessions.items() if name in side] for side in (train, dev, test)]
    title = group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}"
    return Fold(title, *(_chosen(file.dialogues, side) for side in ids))


def _chosen(dialogues: Sequence[Dialogue], ids: Sequence[str]) -> tuple[Dialogue, ...]:
    wanted = set(ids)
    return tuple(dialogue for dialogue in dialogues if dialogue.id in wanted)
