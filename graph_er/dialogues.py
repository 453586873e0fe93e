"""The dialogue file: the one schema between feature extraction and the graph, and its only I/O.

The file is a pickled list in the format of COGMEN (Joshi et al., NAACL 2022), extended by position:

== =========================================================================================
0  dialogue ids, ``<session>_<script>``
1  {dialogue: [speaker, ...]}
2  {dialogue: [integer label, ...]}
3  {dialogue: [text feature, ...]}, 1-D float arrays
4  {dialogue: [audio feature, ...]}
5  {dialogue: [visual feature, ...]}
6  {dialogue: [sentence, ...]}
7  train dialogue ids (dev not among them when we write)
8  test dialogue ids
9  {dialogue: [utterance id, ...]}; COGMEN's own files end before it
10 {"dev_ids": [...], "emotions": [...], provenance ...}; ours, optional
== =========================================================================================

Utterances stand in time order. The positional list exists in this module alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from graph_er.dialogue_pickle import read_plain_pickle, write_plain_pickle
from graph_er.emotions import DATASET_EMOTIONS, MODALITY_NAMES
from graph_er.errors import InputError
from graph_er.files import atomic_path
from graph_er.splits import session_of, split_dev

SCHEMA_VERSION = 1
_FEATURE_POSITIONS = {"t": 3, "a": 4, "v": 5}
_MOST_UNNAMED_LABELS = 1000  # keeps a stray number from becoming a billion names
_INFO_KEYS = ("dev_ids", "emotions", "schema_version")


@dataclass(frozen=True)
class Dialogue:
    """One conversation in time order; every field has one entry per utterance (``U`` of them).

    Attributes:
        id: ``<session>_<script>``.
        utterance_ids, speakers, sentences: length ``U``; speakers are any hashable labels.
        labels: integers ``[U]``.
        text, audio, visual: float32 features ``[U, D]`` of the modality, or None where absent.
    """

    id: str
    utterance_ids: tuple[str, ...]
    speakers: tuple[Hashable, ...]
    labels: np.ndarray
    sentences: tuple[str, ...]
    text: np.ndarray | None = None
    audio: np.ndarray | None = None
    visual: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check that all fields are of one length."""
        if any(not isinstance(speaker, Hashable) for speaker in self.speakers):
            raise InputError(f"dialogue {self.id}: {self.speakers!r} cannot be speaker labels")
        lengths = {"labels": len(self.labels), "speakers": len(self.speakers)}
        lengths |= {"utterance ids": len(self.utterance_ids), "sentences": len(self.sentences)}
        for modality, name in MODALITY_NAMES.items():
            features = self.features(modality)
            if features is not None:
                lengths[f"{name} features"] = len(features)
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise InputError(f"dialogue {self.id}: fields of unequal length ({found})")
        if len(self.labels) == 0:
            raise InputError(f"dialogue {self.id} has no utterances")

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self.labels)

    def features(self, modality: str) -> np.ndarray | None:
        """Return the features ``[U, D]`` of modality ``"a"``, ``"t"`` or ``"v"``, or None."""
        return getattr(self, MODALITY_NAMES[modality])


@dataclass(frozen=True)
class DialogueFile:
    """All dialogues of a file and which of them are train, dev and test.

    Attributes:
        dialogues: in file order.
        train_ids, dev_ids, test_ids: disjoint dialogue ids.
        emotions: label names in label order.
        info: provenance (corpus, encoders, ...), plain values.
    """

    dialogues: tuple[Dialogue, ...]
    train_ids: tuple[str, ...]
    dev_ids: tuple[str, ...]
    test_ids: tuple[str, ...]
    emotions: tuple[str, ...]
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check ids, sides and labels against each other."""
        _check_unique("dialogue id", (dialogue.id for dialogue in self.dialogues))
        _check_unique("utterance id", (i for d in self.dialogues for i in d.utterance_ids))
        sides = (*self.train_ids, *self.dev_ids, *self.test_ids)
        _check_unique("dialogue id of the train, dev and test lists", sides)
        unknown = set(sides) - {dialogue.id for dialogue in self.dialogues}
        if unknown:
            raise InputError(f"dialogue {min(unknown)} is in a split but not in the file")
        for dialogue in self.dialogues:
            _check_labels(dialogue, self.emotions)

    def side(self, name: str) -> tuple[Dialogue, ...]:
        """Return the dialogues of side ``"train"``, ``"dev"`` or ``"test"`` in file order."""
        ids = set(getattr(self, f"{name}_ids"))
        return tuple(dialogue for dialogue in self.dialogues if dialogue.id in ids)

    @property
    def modalities(self) -> str:
        """Letters of the modalities that every dialogue has, e.g. ``"at"``."""
        return "".join(
            modality
            for modality in MODALITY_NAMES
            if all(dialogue.features(modality) is not None for dialogue in self.dialogues)
        )


def read_dialogues(path: Path | str, dataset: str | None = None) -> DialogueFile:
    """Read a dialogue file: ours, the seed's (10 elements) or COGMEN's own (9 elements).

    Where the file names no dev dialogues, the last sessions of its train dialogues become dev
    (`graph_er.splits.split_dev`). Where it names no emotions, `dataset` does, else they are
    ``"0"`` to ``"C-1"``.

    Raises:
        InputError: the file is missing, hostile, malformed, or a feature is not finite.
    """
    path = Path(path)
    raw = read_plain_pickle(path)
    try:
        return _from_list(raw, dataset)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{path}: not a dialogue file in COGMEN format ({type(error).__name__}: {error})"
        ) from error


def write_dialogues(path: Path | str, file: DialogueFile) -> None:
    """Write a dialogue file, all of it or nothing; plain pickle loads it back, numpy 1 or 2."""
    with atomic_path(Path(path)) as temporary:
        write_plain_pickle(temporary, _to_list(file))


def _to_list(file: DialogueFile) -> list[Any]:
    def by_dialogue(name: str) -> dict[str, list[Any]]:
        return {dialogue.id: list(getattr(dialogue, name)) for dialogue in file.dialogues}

    def features(modality: str) -> dict[str, list[np.ndarray]]:
        rows = ((dialogue.id, dialogue.features(modality)) for dialogue in file.dialogues)
        return {identifier: [] if row is None else list(row) for identifier, row in rows}

    info = {**file.info, "dev_ids": list(file.dev_ids), "emotions": list(file.emotions)}
    return [
        [dialogue.id for dialogue in file.dialogues],
        by_dialogue("speakers"),
        {dialogue.id: dialogue.labels.tolist() for dialogue in file.dialogues},
        features("t"),
        features("a"),
        features("v"),
        by_dialogue("sentences"),
        list(file.train_ids),
        list(file.test_ids),
        by_dialogue("utterance_ids"),
        {**info, "schema_version": SCHEMA_VERSION},
    ]


def _from_list(raw: Any, dataset: str | None) -> DialogueFile:
    if not isinstance(raw, list | tuple) or len(raw) not in (9, 10, 11):
        size = f" of {len(raw)}" if isinstance(raw, list | tuple) else ""
        raise InputError(
            f"expected a list of 9, 10 or 11 elements, found {type(raw).__name__}{size}"
        )
    info = dict(raw[10]) if len(raw) == 11 else {}
    version = info.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise InputError(f"schema version {version!r}; this release reads {SCHEMA_VERSION}")
    dialogues = tuple(_dialogue(raw, str(dialogue_id)) for dialogue_id in raw[0])
    train_ids, dev_ids = _train_and_dev([str(i) for i in raw[7]], info)
    return DialogueFile(
        dialogues=dialogues,
        train_ids=train_ids,
        dev_ids=dev_ids,
        test_ids=tuple(str(i) for i in raw[8]),
        emotions=_emotions(info.get("emotions"), dataset, dialogues),
        info={key: value for key, value in info.items() if key not in _INFO_KEYS},
    )


def _dialogue(raw: Sequence[Any], dialogue_id: str) -> Dialogue:
    for position in (1, 2, 6):
        if dialogue_id not in raw[position]:
            raise InputError(f"dialogue {dialogue_id} is missing in element {position}")
    labels = np.asarray(raw[2][dialogue_id])
    with np.errstate(invalid="ignore"):
        whole = labels.dtype.kind in "iufb" and np.array_equal(labels, labels.astype(np.int64))
    if labels.ndim != 1 or not whole:
        raise InputError(f"dialogue {dialogue_id}: labels must be a list of whole numbers")
    if len(raw) > 9 and dialogue_id in raw[9]:
        utterance_ids = tuple(str(i) for i in raw[9][dialogue_id])
    else:
        utterance_ids = tuple(f"{dialogue_id}_{i:03d}" for i in range(len(labels)))
    features = {
        MODALITY_NAMES[modality]: _features(raw[position], dialogue_id, MODALITY_NAMES[modality])
        for modality, position in _FEATURE_POSITIONS.items()
    }
    return Dialogue(
        id=dialogue_id,
        utterance_ids=utterance_ids,
        speakers=tuple(raw[1][dialogue_id]),
        labels=labels.astype(np.int64),
        sentences=tuple(str(sentence) for sentence in raw[6][dialogue_id]) or ("",) * len(labels),
        **features,
    )


def _features(by_dialogue: Any, dialogue_id: str, name: str) -> np.ndarray | None:
    rows = by_dialogue.get(dialogue_id, ()) if isinstance(by_dialogue, dict) else ()
    if len(rows) == 0:
        return None
    widths = {np.size(row) for row in rows}
    if len(widths) > 1:
        raise InputError(
            f"dialogue {dialogue_id}: {name} features of unequal widths {sorted(widths)}"
        )
    if widths == {0}:
        raise InputError(f"dialogue {dialogue_id}: {name} features of width 0")
    if any(np.iscomplexobj(row) for row in rows):
        raise InputError(f"dialogue {dialogue_id}: {name} features are complex numbers")
    with np.errstate(over="ignore", invalid="ignore"):  # the check that follows names them
        features = np.stack([np.asarray(row, dtype=np.float32).reshape(-1) for row in rows])
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise InputError(
            f"dialogue {dialogue_id}, utterance {row}: the {name} feature is not finite; "
            "extract it again"
        )
    return features


def _train_and_dev(
    listed: Sequence[str], info: dict[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if info.get("dev_ids") is not None:
        dev = tuple(str(i) for i in info["dev_ids"])
    else:
        _, sessions = split_dev(session_of(i, info) for i in listed)
        dev = tuple(i for i in listed if session_of(i, info) in sessions)
    return tuple(i for i in listed if i not in set(dev)), dev


def _emotions(
    named: Sequence[Any] | None, dataset: str | None, dialogues: Sequence[Dialogue]
) -> tuple[str, ...]:
    if named is not None:
        if not isinstance(named, list | tuple) or len(set(named)) < len(named):
            raise InputError(f"'emotions' must be a list of different names, not {named!r}")
        return tuple(str(name) for name in named)
    if dataset is not None:
        return DATASET_EMOTIONS[dataset]
    highest = max((int(d.labels.max()) for d in dialogues), default=-1)
    if highest >= _MOST_UNNAMED_LABELS:
        raise InputError(f"label {highest} in a file that names no emotions; is it a label?")
    return tuple(str(label) for label in range(highest + 1))


def _check_unique(what: str, ids: Iterable[str]) -> None:
    for identifier, count in Counter(ids).items():
        if count > 1:
            raise InputError(f"{what} {identifier!r} occurs twice; it must be unique")


def _check_labels(dialogue: Dialogue, emotions: Sequence[str]) -> None:
    wrong = (dialogue.labels < 0) | (dialogue.labels >= len(emotions))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"dialogue {dialogue.id}, utterance {dialogue.utterance_ids[row]}: label "
            f"{int(dialogue.labels[row])} has no name among the {len(emotions)} emotions "
            f"({', '.join(emotions)}); name the right label set with --dataset"
        )
