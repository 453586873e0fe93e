"""A dialogue with its features, and the dialogues of a file with their sides."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graph_er.errors import InputError
from graph_er.schema.emotions import MODALITY_NAMES

_SIDES = ("train", "dev", "test")


@dataclass(frozen=True, eq=False)  # the truth of "equal" is not one value for arrays
class Dialogue:
    """One conversation in time order; every field has one entry per utterance (``U`` of them).

    Values of numpy are taken as Python's, so that digests and files do not depend on them, and
    labels and features are cast where they are of another type. A dialogue equals itself alone.

    Attributes:
        id: ``<session>_<script>``.
        utterance_ids, speakers, sentences: length ``U``; speakers are any hashable labels, in
            a file texts, numbers or tuples of them.
        labels: int64 ``[U]``.
        text, audio, visual: float32 features ``[U, D]`` of the modality, or None where absent.
        session: its name, where a file gives it; else `graph_er.schema.splits.session_of` the id.
    """

    id: str
    utterance_ids: tuple[str, ...]
    speakers: tuple[Hashable, ...]
    labels: np.ndarray
    sentences: tuple[str, ...]
    text: np.ndarray | None = None
    audio: np.ndarray | None = None
    visual: np.ndarray | None = None
    session: str | None = None

    def __post_init__(self) -> None:
        """Bring all fields to their types and check that they are of one length.

        Raises:
            InputError: they are not, a speaker is no label, labels are no whole numbers, or
                features are no numbers.
        """
        for name in ("id", "session"):
            object.__setattr__(self, name, _plain(getattr(self, name)))
        for name in ("utterance_ids", "speakers", "sentences"):
            object.__setattr__(self, name, _all_plain(getattr(self, name)))
        object.__setattr__(self, "labels", _labels(self.id, self.labels))
        for name in MODALITY_NAMES.values():
            object.__setattr__(self, name, _float32(self.id, name, getattr(self, name)))
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


@dataclass(frozen=True, eq=False)
class DialogueFile:
    """All dialogues of a file and which of them are train, dev and test; it equals itself alone.

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
        for dialogue in self.dialogues:
            _check_unique(f"dialogue {dialogue.id}: utterance id", dialogue.utterance_ids)
        sides = (*self.train_ids, *self.dev_ids, *self.test_ids)
        _check_unique("dialogue id of the train, dev and test lists", sides)
        unknown = set(sides) - {dialogue.id for dialogue in self.dialogues}
        if unknown:
            raise InputError(f"dialogue {min(unknown)} is in a split but not in the file")
        for dialogue in self.dialogues:
            check_labels(dialogue, self.emotions)

    def side(self, name: str) -> tuple[Dialogue, ...]:
        """Return the dialogues of side ``"train"``, ``"dev"`` or ``"test"`` in file order.

        Raises:
            ValueError: there is no side of this name.
        """
        if name not in _SIDES:
            raise ValueError(f"there is no side {name!r}; the sides are {', '.join(_SIDES)}")
        ids = set(getattr(self, f"{name}_ids"))
        return tuple(dialogue for dialogue in self.dialogues if dialogue.id in ids)

    def content_sha256(self, ids: Iterable[str]) -> str | None:
        """Return a digest of what was said in these dialogues, by whom and with which labels.

        Not of features, sides or the order in the file: it tells the same dialogues in another
        file.

        Args:
            ids: of dialogues.

        Returns:
            The digest; None where no ids are given or the file lacks one of the dialogues.
        """
        wanted = {*ids}
        found = sorted((d for d in self.dialogues if d.id in wanted), key=lambda d: d.id)
        if not found or len(found) < len(wanted):
            return None
        digest = hashlib.sha256()
        for d in found:
            said = (d.id, d.utterance_ids, d.speakers, d.labels.tolist(), d.sentences)
            digest.update(repr(said).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def absent(self, name: str) -> str:
        """Return the letters of what no utterance of a side has, though there are features of it.

        Stage 2 records which utterances are without audio or text; files that carry no such record
        tell of nothing.
        """
        every = Counter(i for dialogue in self.dialogues for i in dialogue.utterance_ids)
        if len(every) < every.total():  # a record by id alone does not tell whose it is
            return ""
        ids = {i for dialogue in self.side(name) for i in dialogue.utterance_ids}
        listed = {letter: self.info.get(f"without_{MODALITY_NAMES[letter]}") for letter in "at"}
        return "".join(
            letter
            for letter, found in listed.items()
            if ids and isinstance(found, list) and ids <= {i for i in found if isinstance(i, str)}
        )

    def absent_of(self, modalities: str, name: str) -> tuple[str, str]:
        """Return those of `modalities` that are `absent` from a side, and a line that tells it.

        Both are empty where none is.
        """
        absent = "".join(letter for letter in self.absent(name) if letter in modalities)
        if not absent:
            return "", ""
        names = " or ".join(MODALITY_NAMES[letter] for letter in absent)
        return absent, f"no utterance of the {name} side has {names}, as the dialogue file tells"

    @property
    def modalities(self) -> str:
        """Letters of the modalities that every dialogue has, e.g. ``"at"``."""
        return "".join(
            modality
            for modality in MODALITY_NAMES
            if all(dialogue.features(modality) is not None for dialogue in self.dialogues)
        )


def _plain(value: Any) -> Any:
    """Return a value of numpy, also within a tuple, as Python's; any other as it is."""
    if type(value) is tuple:
        return _all_plain(value)
    return value.item() if isinstance(value, np.generic) else value


def _all_plain(values: Iterable[Any]) -> tuple[Any, ...]:
    values = tuple(values)
    return values if {*map(type, values)} == {str} else tuple(map(_plain, values))


def _labels(dialogue_id: str, values: Any) -> np.ndarray:
    """Return labels ``[U]`` as int64, the same array where it is of that type."""
    labels = np.asarray(values)
    with np.errstate(invalid="ignore"):  # of NaN, which is then another number
        whole = labels.dtype.kind in "iufb" and np.array_equal(labels, labels.astype(np.int64))
    if labels.ndim != 1 or not whole:
        raise InputError(f"dialogue {dialogue_id}: labels must be a list of whole numbers")
    return labels.astype(np.int64, copy=False)


def _float32(dialogue_id: str, name: str, values: Any) -> np.ndarray | None:
    """Return features ``[U, D]`` as float32, the same array where it is of that type, or None."""
    if values is None:
        return None
    refused = f"dialogue {dialogue_id}: {name} features are no array of numbers"
    try:
        features = np.asarray(values)
    except ValueError as error:  # rows of unequal widths
        raise InputError(f"{refused} ({error})") from error
    if features.dtype.kind not in "fiub" or features.ndim == 0:
        raise InputError(f"{refused}, but of {features.dtype}")
    with np.errstate(over="ignore"):  # whoever writes or trains on them tells what is infinite
        return features.astype(np.float32, copy=False)


def _check_unique(what: str, ids: Iterable[str]) -> None:
    for identifier, count in Counter(ids).items():
        if count > 1:
            raise InputError(f"{what} {identifier!r} occurs twice; it must be unique")


def check_labels(
    dialogue: Dialogue,
    emotions: Sequence[str],
    remedy: str = "mend the label, or name all emotions in the file's 'emotions'",
) -> None:
    """Refuse a dialogue with a label that is no position in `emotions`.

    Raises:
        InputError: there is one; the message ends with the remedy.
    """
    wrong = (dialogue.labels < 0) | (dialogue.labels >= len(emotions))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"dialogue {dialogue.id}, utterance {dialogue.utterance_ids[row]}: label "
            f"{int(dialogue.labels[row])} has no name among the {len(emotions)} emotions "
            f"({', '.join(emotions)}); {remedy}"
        )
