"""Blocks of numbers in the documents, and that each holds what its results file says."""

import json
import re
import shutil

import pytest

from graph_er.dialogues import read_dialogues, write_dialogues
from graph_er.errors import InputError
from graph_er.running.cli import run_command
from scripts import document_tables
from scripts.documents import out_of_fold, real_dialogues, recordings
from scripts.documents.blocks import put, replaced, spread, table
from scripts.documents.reliability import read_mended, reliability_block
from scripts.documents.training_sides import training_sides
from tests.documents.commands import ROOT
from tests.graph_er.dialogue_factory import make_file

BLOCKS = {
    "README.md": ("results", "benchmark", "real"),
    "README.ko.md": ("results", "benchmark", "real"),
    "docs/fusions.md": ("fusions", "fusions_sides", "fusions_alone", "fusions_alone_sides"),
    "docs/real_dialogues.md": ("real",),
    "docs/recordings.md": ("recordings",),
    "docs/out_of_fold.md": ("measured",),
    "docs/scale.md": ("plan",),
    "docs/reliability.md": ("reliability",),
}
SCORES = [{"weighted_f1": 0.5, "macro_f1": 0.4}, {"weighted_f1": 0.6, "macro_f1": 0.4}]


@pytest.mark.parametrize(("name", "blocks"), BLOCKS.items())
def test_every_block_has_its_markers(name, blocks):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"<!-- (\w+):begin -->", text) == re.findall(r"<!-- (\w+):end -->", text)
    assert set(blocks) == set(re.findall(r"<!-- (\w+):begin -->", text))


@pytest.mark.parametrize("part", ["benchmark", "fusions"])
def test_the_documents_are_what_the_command_would_write(part, tmp_path):
    names = ("README.md", "README.ko.md")
    for name in names:
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    document_tables.main(["--root", str(tmp_path), part])
    written = [*names, *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
    differing = [n for n in written if (tmp_path / n).read_bytes() != (ROOT / n).read_bytes()]
    assert differing == []


@pytest.mark.parametrize("part", ["real_dialogues", "recordings", "out_of_fold", "reliability"])
def test_measured_blocks_are_those_of_their_results_file(part, tmp_path):
    if not (ROOT / "docs" / f"{part}.json").exists():
        pytest.skip(f"docs/{part}.json was not made yet: scripts/make_docs.sh --only {part}")
    for name in ("README.md", "README.ko.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    document_tables.main(["--root", str(tmp_path), part])
    for name in ("README.md", "README.ko.md", f"docs/{part}.md"):
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()


def test_a_block_is_replaced_and_nothing_else(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("a <!-- x:begin -->1<!-- x:end --> b\n", encoding="utf-8")
    put(path, "x", "2")
    assert path.read_text(encoding="utf-8") == "a <!-- x:begin -->2<!-- x:end --> b\n"
    lines = "| a |\n| --- |\n"
    once = replaced("<!-- x:begin --><!-- x:end -->\n", "x", lines, path)
    assert once == f"<!-- x:begin -->\n\n{lines}\n<!-- x:end -->\n"
    assert replaced(once, "x", lines, path) == once


@pytest.mark.parametrize("text", ["", "<!-- x:end --><!-- x:begin -->", "<!-- x:begin -->"])
def test_a_page_without_the_markers_is_left_alone(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="markers"):
        put(path, "x", "2")
    assert path.read_text(encoding="utf-8") == text
    with pytest.raises(InputError, match="no such document"):
        put(tmp_path / "gone.md", "x", "2")


def test_numbers_are_per_cent_with_sample_deviation():
    assert spread([0.5]) == "50.0"
    assert spread([0.5, 0.6]) == "55.0 ± 7.1"
    assert table(("a", "b"), [("x", "1")]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"


def test_each_session_is_test_once_and_dev_is_taken_from_the_others(tmp_path, capsys):
    write_dialogues(tmp_path / "all.pkl", make_file())
    options = ["sessions", "--data_dir", str(tmp_path / "all.pkl"), "--out", str(tmp_path)]
    assert run_command(document_tables.main, options) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    for session in ("Sess01", "Sess02", "Sess03", "Sess04"):
        file = read_dialogues(tmp_path / f"{session}.pkl")
        assert {i.split("_")[0] for i in file.test_ids} == {session}
        sides = [{i.split("_")[0] for i in ids} for ids in (file.train_ids, file.dev_ids)]
        assert [len(side) for side in sides] == [2, 1]
        assert session not in sides[0] | sides[1]


def evaluated(runs, name, **values):
    (runs / name).mkdir(parents=True)
    scores = {
        **{"n": 10, "modalities": "t", "weighted_f1": 0.58, "per_seed": SCORES},
        **{"confidence_intervals": {"weighted_f1": [0.5, 0.65]}, **values},
    }
    for file in ("eval.json", "eval_test.json", "eval_train.json"):
        (runs / name / file).write_text(json.dumps(scores), encoding="utf-8")
    record = {"metrics": {"dev": scores}, "commit": "0123456789"}
    (runs / name / "run.json").write_text(json.dumps(record), encoding="utf-8")


def test_real_dialogues_from_runs_to_the_page(tmp_path):
    for name in ("meld", "emorynlp"):
        evaluated(tmp_path, name)
    with pytest.raises(InputError, match="no evaluated run dyadic_at"):
        real_dialogues.collect(tmp_path)
    for kind, modalities in (("at", "at"), ("causal", "at"), ("t", "t"), ("a", "a")):
        for session in ("S1", "S2"):
            better = [{name: score + 0.1 * (session == "S2") for name, score in one.items()}
                      for one in SCORES]  # fmt: skip
            evaluated(tmp_path, f"dyadic_{kind}-{session}", modalities=modalities, per_seed=better)
    document = real_dialogues.collect(tmp_path)
    block = real_dialogues.real_block(document)
    assert "| MELD, official test | t | 10 | 55.0 ± 7.1 | 40.0 | 58.0 | [50.0, 65.0] |" in block
    assert (
        "| the same | a (10 acoustic columns) | 20 | 60.0 ± 7.1 | 45.0 | 58.0 | 55.0, 65.0 |"
        in (block)
    )
    assert "Measured at commit 0123456." in block
    english, korean = (real_dialogues.real_sentence(document, name) for name in ("en", "ko"))
    assert re.findall(r"\d[\d.,]*\d", english) == re.findall(r"\d[\d.,]*\d", korean)


def test_recordings_from_runs_to_the_page(tmp_path):
    for part, sizes in {"plain": (10, 30), "emotional": (5,), "shared": (8,)}.items():
        for number, size in enumerate(sizes):
            for scaling in ("as_they_are", "by_speaker", "mfcc_by_speaker"):
                if part == "shared" and scaling != "by_speaker":
                    continue
                # A model that is compared on MFCC beside the encoder of all, as ours is.
                names = ("concat",) if scaling[0] == "m" else ("concat", "ours", "ours on MFCC")
                shares = [0.25 + 0.5 * number, 0.5, 0.375][: 3 if scaling[0] == "m" else 2]
                results = {
                    "n": {"test": size},
                    "audio_encoder": "mfcc" if scaling[0] == "m" else "egemaps",
                    "budget": {"seeds": 2, "epochs": 3, "batch_size": 4, "learning_rates": [0.1]},
                    "rows": [
                        {
                            **{"name": name, "fusion": name.split()[0], "mfcc": " on " in name},
                            "test": {"accuracy": {"values": shares}},
                        }
                        for name in names
                    ],
                    "baselines": [
                        {"name": name, "test": {"accuracy": 0.125}}
                        for name in ("majority class", "logistic regression")
                    ],
                }
                for path in (
                    tmp_path / "folds" / f"{part}-{number}.json",
                    tmp_path / scaling / f"{part}-{number}" / "results.json",
                ):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(json.dumps(results), encoding="utf-8")
    block = recordings.recordings_block(recordings.collect(tmp_path))
    assert "one speaker left out (n 40)" in block
    # The seeds' shares over all utterances: (10 * .25 + 30 * .75) / 40 and .5.
    scores = "56.2 ± 8.8 | 37.5 ± 17.7 | 37.5 ± 17.7"
    assert f"| egemaps | scaled by speaker | concat | {scores} |" in block
    for features in ("egemaps", "mfcc"):
        assert f"| {features} | scaled by speaker | ours | {scores} |" in block
    assert "| mfcc | scaled by speaker | concat | 50.0 ± 12.5 | 37.5 ± 12.5 |  |" in block
    assert "|  | as they are | logistic regression | 12.5 | 12.5 |  |" in block
    assert block.count("logistic regression") == 2
    assert "over 2 seeds (3 of concat);" in block
    (tmp_path / "by_speaker" / "plain-1" / "results.json").unlink()
    with pytest.raises(InputError, match=r"by_speaker/plain-1/results.json is missing"):
        recordings.collect(tmp_path)


def test_out_of_fold_from_runs_to_the_page(tmp_path):
    for seed in (0, 1):
        for name in ("in_fold", "aligned", "unaligned"):
            evaluated(tmp_path, f"{name}_{seed}")
        evaluated(tmp_path, f"whole{seed}", weighted_f1=0.6 + 0.02 * seed)
        for fold in (1, 2):
            evaluated(tmp_path, f"fold{fold}_{seed}", weighted_f1=0.5)
    block = out_of_fold.out_of_fold_block(out_of_fold.collect(tmp_path, seeds=2, folds=2))
    cells = "55.0 ± 7.1 | 55.0 ± 7.1 | 55.0 ± 5.8"
    assert f"| out-of-fold, aligned | {cells} |" in block
    assert "Alignment: +0.0 points on average; by seed of stage 1 +0.0, +0.0." in block
    assert "on dev 60.0 to 62.0" in block
    with pytest.raises(InputError, match=r"whole2|in_fold_2"):
        out_of_fold.collect(tmp_path, seeds=3, folds=2)


@pytest.mark.parametrize("part", ["benchmark", "fusions", "real_dialogues"])
def test_a_missing_results_file_is_told(part, tmp_path, capsys):
    assert run_command(document_tables.main, ["--root", str(tmp_path), part]) == 2
    assert "no such file; make it with scripts/" in capsys.readouterr().err


def test_what_was_tried_stands_beside_what_it_brought_up():
    found = {"Disk full": {"tried": 6, "survived": 5}, "Fire": {"tried": 1200, "survived": 1200}}
    block = reliability_block(found)
    mended = read_mended()
    assert f"| Disk full | 6 | 5 | {len(mended['Disk full'])} |" in block
    assert "| Fire | 1,200 | 1,200 | 0 |" in block
    assert all(f"- {text}" in block for texts in mended.values() for text in texts)


def test_models_stand_side_by_side_for_each_training_side():
    def comparison(difference, **models):
        against = {"other": "b", "best_on": ["dev", "test"], "p": 0.25, "dialogues": 30}
        against |= {"difference": difference, "low": -0.25, "high": 0.5}
        rows = [
            {"name": name, "test": {"weighted_f1": {"values": values}}}
            for name, values in models.items()
        ]
        return {"rows": rows, "ours": [against], "budget": {"seeds": 2}}

    sides = (
        comparison(0.125, ours=[0.5, 0.75], b=[0.5, 0.5]),
        comparison(-0.125, ours=[0.5, 0.5], b=[0.75, 0.75]),
    )
    lines = training_sides(sides).splitlines()
    assert lines[0] == "| Weighted F1 | side 1 | side 2 | mean |"
    assert lines[2] == "| ours | **62.5 ± 17.7** | 50.0 ± 0.0 | 56.2 |"
    assert lines[3] == "| b | 50.0 ± 0.0 | **75.0 ± 0.0** | **62.5** |"
    assert [line[:7] for line in lines if "against `b`" in line] == ["Side 1:", "Side 2:"]
