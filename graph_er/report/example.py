"""One test dialogue, turn by turn, with what a run said about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph_er.errors import InputError
from graph_er.report.runs import METHODS, Run
from graph_er.scoring.evaluation_files import EVALUATION_NAME
from graph_er.scoring.prediction_files import read_scored_predictions
from graph_er.scoring.prediction_table import Predictions

if TYPE_CHECKING:
    from graph_er.dialogues import Dialogue, DialogueFile


@dataclass(frozen=True)
class Turn:
    """One utterance of the example; `confidence` is the probability of `predicted`."""

    utterance: str
    speaker: str
    sentence: str
    gold: str
    predicted: str
    confidence: float

    @property
    def right(self) -> bool:
        """Whether the prediction equals the gold label."""
        return self.predicted == self.gold


@dataclass(frozen=True)
class Example:
    """A dialogue as a run saw it: `seeds` is how many seeds were averaged into the prediction."""

    dialogue: str
    method: str
    modalities: str
    seeds: int
    turns: tuple[Turn, ...]

    @property
    def speakers(self) -> list[str]:
        """Speakers in order of their first turn."""
        return list(dict.fromkeys(turn.speaker for turn in self.turns))

    @property
    def accuracy(self) -> float:
        """Share of right turns, 0 to 1."""
        return sum(turn.right for turn in self.turns) / len(self.turns)


def choose_example(runs: Sequence[Run], dialogue_file: DialogueFile) -> Example:
    """Choose a typical dialogue of the study's strongest condition.

    The run is the last method's on the most modalities. The dialogue is the test dialogue whose
    share of right turns is nearest to the run's accuracy, so that the picture flatters nobody;
    among equals the one with the most emotions, then the first by id.

    Args:
        runs: from `graph_er.report.runs.read_runs`.
        dialogue_file: what they were scored on.

    Raises:
        InputError: the run's predictions cannot be read or miss an utterance of test.
    """
    run = _strongest(runs)
    predictions = read_scored_predictions(run.folder / EVALUATION_NAME)
    _check_emotions(predictions, dialogue_file.emotions)
    row_of = {
        ids: row
        for row, ids in enumerate(zip(predictions.dialogues, predictions.utterances, strict=True))
    }
    examples = [
        Example(
            dialogue=dialogue.id,
            method=run.method,
            modalities=run.modalities,
            seeds=len(run.seed_scores),
            turns=_turns(dialogue, predictions, row_of),
        )
        for dialogue in dialogue_file.side("test")
    ]
    target = run.evaluation["accuracy"]
    return min(
        examples,
        key=lambda e: (abs(e.accuracy - target), -len({t.gold for t in e.turns}), e.dialogue),
    )


def _strongest(runs: Sequence[Run]) -> Run:
    methods = list(METHODS)
    return max(runs, key=lambda run: (len(run.modalities), methods.index(run.method)))


def _check_emotions(predictions: Predictions, emotions: Sequence[str]) -> None:
    if sorted(predictions.emotions) != sorted(emotions):
        raise InputError(
            f"{predictions.path}: has the emotions {', '.join(predictions.emotions)}, "
            f"but the dialogue file has the emotions {', '.join(emotions)}; evaluate the run again"
        )


def _turns(
    dialogue: Dialogue, predictions: Predictions, row_of: dict[tuple[str, str], int]
) -> tuple[Turn, ...]:
    turns = []
    for utterance, speaker, sentence in zip(
        dialogue.utterance_ids, dialogue.speakers, dialogue.sentences, strict=True
    ):
        row = row_of.get((dialogue.id, str(utterance)))
        if row is None:
            raise InputError(
                f"{predictions.path}: has no row for dialogue {dialogue.id}, utterance "
                f"{utterance}; evaluate the run again on the same --data_dir"
            )
        turns.append(
            Turn(
                utterance=str(utterance),
                speaker=str(speaker),
                sentence=str(sentence),
                gold=predictions.gold[row],
                predicted=predictions.predicted[row],
                confidence=predictions.confidence[row],
            )
        )
    return tuple(turns)
