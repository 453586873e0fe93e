"""How much is measured: ``quick`` in two minutes, ``full`` in an hour, ``tiny`` for the tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Sizes of every measurement.

    Attributes:
        name: ``tiny``, ``quick`` or ``full``.
        repeats: how often ours and the reference alternate.
        graph_dialogues: dialogues whose graphs are built.
        long_dialogue: turns of the longest dialogue; one of a tenth is set beside it.
        dialogues, turns, text_width: the synthetic dialogue file of stage 3.
        epochs: epochs of each side that alternate, after one to warm up.
        run_epochs: epochs of a reference run; 0 extrapolates to `published_epochs`.
        published_epochs: epochs that the published system trains.
        seeds: seeds of the runs of several seeds; 0 leaves these out.
        kemdy_size: dialogues of a file as large as KEMDy19; 0 leaves it out.
        clips: utterances of the extraction.
        clip_repeats: how often ours and the reference alternate there.
        full_encoders: XLS-R 300M and RoBERTa-base with random weights, else the tiny encoders.
        stage1_clips: utterances per training step of stage 1.
        file_utterances, file_width: the dialogue file that is read and written.
        many_utterances: utterances of the large epoch; 0 leaves it out.
        few_utterances: of the small epoch beside it.
    """

    name: str
    repeats: int
    graph_dialogues: int
    long_dialogue: int
    dialogues: int
    turns: int
    text_width: int
    epochs: int
    run_epochs: int
    published_epochs: int
    seeds: int
    kemdy_size: int
    clips: int
    clip_repeats: int
    full_encoders: bool
    stage1_clips: int
    file_utterances: int
    file_width: int
    many_utterances: int
    few_utterances: int


TINY = Sizes(
    name="tiny",
    repeats=1,
    graph_dialogues=3,
    long_dialogue=200,
    dialogues=20,
    turns=6,
    text_width=16,
    epochs=1,
    run_epochs=2,
    published_epochs=2,
    seeds=0,
    kemdy_size=0,
    clips=8,
    clip_repeats=1,
    full_encoders=False,
    stage1_clips=2,
    file_utterances=200,
    file_width=8,
    many_utterances=0,
    few_utterances=0,
)
QUICK = Sizes(
    name="quick",
    repeats=2,
    graph_dialogues=32,
    long_dialogue=20_000,
    dialogues=70,
    turns=50,
    text_width=384,
    epochs=2,
    run_epochs=0,
    published_epochs=55,
    seeds=0,
    kemdy_size=0,
    clips=40,
    clip_repeats=2,
    full_encoders=False,
    stage1_clips=4,
    file_utterances=9_627,
    file_width=768,
    many_utterances=0,
    few_utterances=0,
)
FULL = Sizes(
    name="full",
    repeats=3,
    graph_dialogues=32,
    long_dialogue=20_000,
    dialogues=151,
    turns=50,
    text_width=384,
    epochs=5,
    run_epochs=55,
    published_epochs=55,
    seeds=5,
    kemdy_size=200,
    clips=16,
    clip_repeats=1,
    full_encoders=True,
    stage1_clips=2,
    file_utterances=100_000,
    file_width=384,
    many_utterances=1_000_000,
    few_utterances=10_000,
)
SIZES = {sizes.name: sizes for sizes in (TINY, QUICK, FULL)}
