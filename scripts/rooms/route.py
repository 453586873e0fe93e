"""The way of one utterance through the rooms, from its wav file to the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stop:
    """A stop on the way.

    Attributes:
        room: where it is.
        done: what happens to the utterance there.
    """

    room: str
    done: str


ROUTE = (
    Stop("feature_extractor.corpora", "wav, transcript, speaker and label become one utterance"),
    Stop("feature_extractor.splits", "its session decides: train, dev or test"),
    Stop("feature_extractor.batches", "16 kHz samples and tokens, padded, with masks"),
    Stop("feature_extractor.networks", "two encoders give states of frames and tokens"),
    Stop("feature_extractor.fusion", "states become two vectors and logits of the emotions"),
    Stop("feature_extractor.training", "stage 1: weights are fitted, on train utterances only"),
    Stop("feature_extractor.extraction", "stage 2: the two vectors go into the dialogue file"),
    Stop("graph_er.dialogues", "the file is read, nothing in it is run"),
    Stop("graph_er.graphs", "the utterance hears its neighbours, by speaker and distance"),
    Stop("graph_er.networks", "context turns its vectors into logits"),
    Stop(
        "graph_er.training",
        "stage 3: weights are fitted and scored on dev, then fitted on train and dev",
    ),
    Stop("graph_er.probabilities", "temperature and decoding: logits become probabilities"),
    Stop("graph_er.answers", "each utterance has its answer, and on request its reasons"),
    Stop("graph_er.scoring", "the answer stands beside the truth"),
    Stop("graph_er.report", "scores of all runs become tables, pictures and a page"),
)
