"""A text that is to be answered reads as the extractor's corpus would have read it."""

import csv

import pytest

from feature_extractor.corpora import CORPORA
from feature_extractor.corpora.registry import reader_of
from graph_er.inference.transcript_cleanup import cleanup_of
from tests.feature_extractor import (
    aihub263_writer,
    aihub_dialogue_writer,
    iemocap_writer,
    kemdy19_writer,
    kemdy20_writer,
    meld_writer,
    vat_writer,
)

MARKED = (
    "n/ 음/ (그+그) 그래* [LAUGHTER]  I\x92m \x93so\x94 sorry",
    "well\x85 (거) b/ [ BREATHING ] no\x96no 1+1",
    "아/ 네 N/ (그+그) 저 [x] 24/7",
    "n/ [LAUGHTER]",
)


def write_kemdy19(root, text):
    segment = kemdy19_writer.Segment("Sess01_script01_F001", 0.0, 1.0, "happy")
    kemdy19_writer.write_corpus(root, [segment])
    kemdy19_writer.write_media(root, segment.id, text)


def write_kemdy20(root, text):
    (segment, *rest) = kemdy20_writer.sessions_of(1)
    segment.text = text.encode()
    kemdy20_writer.write_corpus(root, [segment, *rest])


def write_aihub263(root, text):
    row = aihub263_writer.Row(aihub263_writer.wav_id(1), text, "anger")
    aihub263_writer.write_release(root, "4차년도", [row], encoding="utf-8")


def write_aihub_dialogue(root, text):
    for number, part in enumerate(("Training", "Validation"), start=1):
        item = aihub_dialogue_writer.item(number, "E18", text)
        aihub_dialogue_writer.write_json(root, part, [item])


def write_vat(root, text):
    for number, side in enumerate(("train", "dev", "test")):
        rows = [vat_writer.Row(number, text, "행복")]
        vat_writer.write_pickle(root, side, rows)


def write_iemocap(root, text):
    turns = [
        iemocap_writer.TurnSpec(f"Ses0{n}F_impro01_F000", "0", "1", "neu", words=text)
        for n in range(1, 6)
    ]
    iemocap_writer.write_release(root, turns)


def write_meld(root, text):
    lines = [meld_writer.Line(0, 0, text=text)]
    meld_writer.write_tables(root, dict.fromkeys(("train", "dev", "test"), lines))


def write_table(root, text):
    with root.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["dialogue", "speaker", "text", "emotion", "split"])
        rows.writerows([side, "A", text, "neutral", side] for side in ("train", "dev", "test"))


@pytest.mark.parametrize("text", MARKED)
@pytest.mark.parametrize("corpus", CORPORA)
def test_a_text_is_cleaned_as_its_corpus_is_read(tmp_path, corpus, text):
    written = "kemdy19" if corpus == "demo" else corpus
    root = tmp_path / ("table.csv" if corpus == "table" else "corpus")
    globals()[f"write_{written}"](root, text)
    # KEMDy19's and the demo's reader is one; each gives one utterance of the text at least.
    found = {utterance.text for utterance in reader_of(corpus).read(root).utterances}
    assert cleanup_of(corpus)(text) in found


def test_a_checkpoint_that_names_no_corpus_is_of_the_first():
    assert cleanup_of(None)(MARKED[0]) == cleanup_of("kemdy19")(MARKED[0])
