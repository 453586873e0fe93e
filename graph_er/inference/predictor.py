"""`EmotionPredictor`: an extractor and a graph model on conversations that nobody labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from feature_extractor.execution import Execution, resolve_device
from feature_extractor.extraction.stage2 import trained_extractor
from feature_extractor.extraction.vectors import Extractor
from feature_extractor.networks.encoders import quiet_transformers
from graph_er.answers.prediction import predict_probabilities
from graph_er.bundles.bundle_folder import is_bundle, no_bundle, open_bundle
from graph_er.bundles.feature_origin import check_extractor
from graph_er.conversations.turn_table import turns_of_rows
from graph_er.conversations.turns import Turn, by_dialogue
from graph_er.dialogues import Dialogue
from graph_er.errors import InputError
from graph_er.inference.live import LiveStream
from graph_er.inference.missing_modalities import (
    check_modalities,
    fill_missing_text,
    has_modality,
    training_mean,
    without_marks_alone,
)
from graph_er.inference.predictions import prediction_rows
from graph_er.inference.transcript_cleanup import cleanup_of
from graph_er.inference.turn_vectors import TurnVectors, extractor_widths, vectors_of
from graph_er.networks.checkpoint import Checkpoint, load_checkpoint
from graph_er.running.regular_files import read_json_file
from graph_er.running.run_record import RECORD_NAME
from graph_er.schema.emotions import MODALITY_NAMES
from graph_er.schema.splits import session_of_conversation


class EmotionPredictor:
    """Emotions of conversations, as `graph_er.eval` would predict them.

    Attributes:
        checkpoint: the graph model, all seeds of it.
        extractor: what turns audio and text into its features.
        execution: how that is run.
        live: the graph model that `stream` answers by.
        clean: cleans a text as those that the extractor was trained on.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        extractor: Extractor,
        *,
        corpus: str | None,
        device: str,
        live: Checkpoint | None = None,
    ) -> None:
        """Join a graph model and an extractor.

        Args:
            checkpoint: the graph model.
            extractor: of the same emotions, giving features of its widths.
            corpus: what the extractor was trained on, which decides how texts are cleaned.
            device: ``auto``, ``cpu`` or a CUDA device.
            live: a causal graph model for `stream`, where `checkpoint` is not causal.

        Raises:
            InputError: the two do not fit each other, or there is no such device.
        """
        self.checkpoint, self.extractor = checkpoint, extractor
        self.live = checkpoint if live is None else live
        self.execution = Execution(resolve_device(device))
        self.clean = cleanup_of(corpus)
        self._text_mean = training_mean(checkpoint, "t")
        _check_fit(checkpoint, extractor, self.execution)
        if live is not None:
            _check_fit(live, extractor, self.execution)

    @classmethod
    def load(
        cls, pt_dir: Path | str, extractor: Path | str | None = None, device: str = "auto"
    ) -> EmotionPredictor:
        """Load a bundle, or a graph model and the extractor whose features it was trained on.

        The progress bars and reports of transformers are silent in the process from then on.

        Args:
            pt_dir: a bundle; or the folder of the graph model, or the ``.pt`` file in it.
            extractor: folder of stage 1; None with a bundle, which has its own.
            device: ``auto``, ``cpu`` or a CUDA device.

        Raises:
            InputError: one is missing or broken, they do not fit each other, or the graph model
                is known to be trained on another extractor's features.
        """
        quiet_transformers()
        graph, extractor, live = _parts(Path(pt_dir), extractor)
        checkpoint, loaded = load_checkpoint(graph), trained_extractor(extractor)
        causal = None if live is None else load_checkpoint(live)
        for path, model in ((graph, checkpoint), (live, causal)):
            if path is not None and model is not None:
                check_extractor(path, model, extractor, loaded.info["checkpoint_sha256"])
        try:
            corpus = _corpus_of(loaded, extractor)
            return cls(checkpoint, loaded, corpus=corpus, device=device, live=causal)
        except InputError as error:
            raise InputError(f"{graph} and {extractor}: {error}") from error

    @property
    def emotions(self) -> tuple[str, ...]:
        """Names in label order."""
        return self.checkpoint.spec.emotions

    @property
    def modalities(self) -> str:
        """Letters of what the graph model reads, e.g. ``at``."""
        return self.checkpoint.spec.modalities

    def predict(
        self,
        rows: Sequence[Mapping[str, Any] | Turn],
        *,
        folder: Path | str = ".",
        progress: bool = False,
    ) -> list[dict[str, Any]]:
        """Predict the emotion of every turn.

        Args:
            rows: dicts with ``speaker``, one or both of ``wav`` and ``text``, and optionally
                ``dialogue``, ``session``, ``utterance``, ``start``, ``end``, as in a table; or
                turns, those of each dialogue in time order. A model that hears the speaker's level,
                as those of audio alone do, hears the dialogues of one ``session`` together (the ids
                of KEMDy and IEMOCAP tell it); else dialogues do not bear on each other.
            folder: where relative audio paths begin.
            progress: show bars with an estimate.

        Returns:
            The rows in their order, each with what `predictions.prediction_rows` adds.

        Raises:
            InputError: no list is given; dicts and turns are mixed; problems in the rows (all of
                them in one message), in their audio or texts; no row has what the model reads, or
                a conversation has neither audio nor a word.
        """
        _require_list(rows)
        if not rows:
            return []
        _require_one_kind(rows)
        turns = [replace(r, position=i) for i, r in enumerate(rows) if isinstance(r, Turn)]
        if not turns:
            turns = turns_of_rows([r for r in rows if not isinstance(r, Turn)], Path(folder))
        return self.predict_turns(turns, progress=progress)[0]

    def predict_turns(
        self, turns: Sequence[Turn], *, progress: bool = False
    ) -> tuple[list[dict[str, Any]], list[Dialogue]]:
        """Predict turns, at least one; return what `predict` and what `features` return."""
        turns = self._prepared(turns)
        vectors = self._vectors(turns, progress)
        probabilities = self.probabilities(dialogues := self._dialogues(turns, vectors))
        rows = prediction_rows(
            turns, probabilities, self.emotions, self.modalities, silent=vectors.silent
        )
        return rows, dialogues

    def stream(self, folder: Path | str = ".") -> LiveStream:
        """Begin to answer turns one by one, from the past only.

        Args:
            folder: where relative audio paths begin.

        Raises:
            InputError: neither the graph model nor a bundle's live model is causal, or the
                extractor scales by speaker.
        """
        parts = (self.live, self.extractor, self.execution)
        return LiveStream(*parts, self.clean, Path(folder))

    def features(self, turns: Sequence[Turn], *, progress: bool = False) -> list[Dialogue]:
        """Return the dialogues that the graph model reads, as `turns` name them; labels are 0.

        Raises:
            InputError: as of `predict`.
        """
        turns = self._prepared(turns)
        return self._dialogues(turns, self._vectors(turns, progress))

    def probabilities(self, dialogues: Sequence[Dialogue]) -> np.ndarray:
        """Return calibrated probabilities ``[N, C]``, the mean over the seeds of the run.

        Of a model that hears the speaker's level, dialogues of one session bear on each other
        (`graph_er.graphs.voices`).
        """
        device = str(self.execution.device)
        return predict_probabilities(self.checkpoint, dialogues, device).mean(axis=0)

    def _prepared(self, turns: Sequence[Turn]) -> list[Turn]:
        """Return turns dialogue by dialogue, in the order given in each; marks are no text."""
        together = [turn for own in by_dialogue(turns).values() for turn in own]
        return without_marks_alone(together, self.clean)

    def _vectors(self, turns: Sequence[Turn], progress: bool) -> TurnVectors:
        check_modalities(turns, self.modalities)
        return vectors_of(self.extractor, turns, self.execution, self.clean, progress=progress)

    def _dialogues(self, turns: Sequence[Turn], vectors: TurnVectors) -> list[Dialogue]:
        """Cut what `_prepared` put together, and its vectors, into dialogues."""
        dialogues, begin = [], 0
        for name, own in by_dialogue(turns).items():
            dialogues.append(self._dialogue(name, own, slice(begin, begin + len(own)), vectors))
            begin += len(own)
        return dialogues

    def _dialogue(
        self, name: str, own: Sequence[Turn], part: slice, vectors: TurnVectors
    ) -> Dialogue:
        text, audio = vectors.text, vectors.audio
        if text is not None:
            there = [has_modality(turn, "t") for turn in own]
            text = fill_missing_text(text[part], there, self._text_mean)
        return Dialogue(
            id=name,
            utterance_ids=tuple(turn.id for turn in own),
            speakers=tuple(turn.speaker for turn in own),
            labels=np.zeros(len(own), dtype=np.int64),
            sentences=vectors.texts[part],
            text=text,
            audio=None if audio is None else audio[part],
            session=next((t.session for t in own if t.session), session_of_conversation(name)),
        )


def _require_list(rows: object) -> None:
    """Refuse a single row, a path, a data frame and whatever else is no list of rows."""
    if isinstance(rows, str) or not isinstance(rows, Sequence):
        raise InputError(
            f"rows: is a {type(rows).__name__}; give a list of dicts, one for each turn, such as "
            '[{"speaker": "A", "text": "…"}]'
        )


def _require_one_kind(rows: Sequence[Mapping[str, Any] | Turn]) -> None:
    """Refuse turns among dicts, and dicts among turns; either kind may come alone."""
    are_turns = [isinstance(row, Turn) for row in rows]
    if any(are_turns) and not all(are_turns):
        odd = are_turns.index(not are_turns[0])
        raise InputError(
            f"row {odd + 1}: is a {type(rows[odd]).__name__}, row 1 is a "
            f"{type(rows[0]).__name__}; give all of them as dicts or all as turns"
        )


def _parts(pt_dir: Path, extractor: Path | str | None) -> tuple[Path, Path, Path | None]:
    """Return where the graph model, the extractor and, in some bundles, the live model lie."""
    if is_bundle(pt_dir):
        if extractor is not None:
            raise InputError(f"{pt_dir}: is a bundle with an extractor; leave {extractor} out")
        bundle = open_bundle(pt_dir)
        return bundle.graph, bundle.extractor, bundle.live
    if extractor is None:
        raise no_bundle(pt_dir, "name the extractor it was trained on, too")
    return pt_dir, Path(extractor), None


def _corpus_of(extractor: Extractor, folder: Path) -> str | None:
    """Return what an extractor was trained on, by its configuration, else by its record."""
    config: Any = extractor.model.config
    if config.corpus is not None:
        return config.corpus
    path = folder / RECORD_NAME
    try:
        return read_json_file(path)["config"].get("corpus")
    except (InputError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is damaged ({error}); train the extractor again") from error


def _check_fit(checkpoint: Checkpoint, extractor: Extractor, execution: Execution) -> None:
    config: Any = extractor.model.config
    spec, emotions = checkpoint.spec, tuple(config.emotions)
    if emotions != spec.emotions:
        raise InputError(
            f"the graph model's emotions ({', '.join(spec.emotions)}) are not the extractor's "
            f"({', '.join(emotions)}); name the extractor whose features it was trained on"
        )
    widths = extractor_widths(extractor, execution)
    for letter, width in zip(spec.modalities, spec.widths, strict=True):
        name = MODALITY_NAMES[letter]
        if letter not in widths:
            raise InputError(
                f"the graph model reads {name}, which the extractor does not give; name an "
                f"extractor trained with --modalities {spec.modalities}"
            )
        if widths[letter] != width:
            raise InputError(
                f"the graph model reads {name} features of width {width}, the extractor's are "
                f"{widths[letter]} wide; name the extractor whose features it was trained on"
            )
