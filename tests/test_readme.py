"""The READMEs quote numbers from files; here they are held to them."""

import re
import tomllib
from pathlib import Path

import pytest
import soundfile

from feature_extractor.corpora import CORPORA
from feature_extractor.corpora.registry import read_corpus
from graph_er.graphs.graph import SAME_OTHER_RELATIONS
from graph_er.networks.config import ContextualConfig
from graph_er.report.collect import read_results
from graph_er.report.markdown import updated_readme
from graph_er.report.palette import emotion_colours

ROOT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.ko.md")


@pytest.mark.parametrize("name", READMES)
def test_the_results_table_is_the_one_in_the_results_file(name):
    path = ROOT / name
    text = path.read_text(encoding="utf-8")
    assert updated_readme(text, read_results(ROOT / "docs" / "results.json"), path) == text
    assert "Weighted F1" in text


@pytest.mark.parametrize("name", READMES)
def test_no_placeholder_is_left_and_every_linked_file_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"@[A-Z_]+@", text)
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert len(linked) >= 3
    assert [link for link in linked if not (ROOT / link).exists()] == []


def test_both_languages_show_the_same_commands():
    commands = [
        re.findall(r"^(?:bash|python) \S+(?: [^#\n]*\S)?", (ROOT / name).read_text("utf-8"), re.M)
        for name in READMES
    ]
    assert commands[0] == commands[1]
    assert len(commands[0]) >= 9


def test_the_first_picture_shows_the_networks_relations_and_the_emotions_colours():
    svg = (ROOT / "docs" / "pipeline.svg").read_text("utf-8")
    dots = re.findall(r'<circle [^>]*fill="(#\w{6})"[^>]*/><text [^>]*>([a-z]{3,})</text>', svg)
    assert len(dots) >= 3
    for colour, emotion in dots:
        assert emotion_colours([emotion]) == {emotion: colour}
    key = re.findall(r">(itself|(?:same|other) speaker, (?:past|future))</text>", svg)
    assert len(set(key)) == len(key) == len(SAME_OTHER_RELATIONS)
    assert ("context transformer" in svg) == (ContextualConfig().context_layers > 0)


# Words of the user's within inline code.
TRANSLATED = {"<화자>_<순번>": "<speaker>_<turn>", "prob_<감정>": "prob_<emotion>"}


def sections_of(name):
    """Return what stands below each heading; the tree of files apart from its descriptions."""
    text = (ROOT / name).read_text("utf-8")
    text = re.sub(r"^( *[\w.]+\.(?:py|sh)|[\w/ ]+/) {2,}.*$", r"`\1`", text, flags=re.M)
    return re.split(r"^#{2,3} .*$", text, flags=re.M)


def test_both_languages_name_the_same_things_in_every_section():
    english, korean = (sections_of(name) for name in READMES)
    assert len(english) == len(korean) >= 15
    for one, other in zip(english, korean, strict=True):
        code, translated = (re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text) for text in (one, other))
        assert sorted(code) == sorted(TRANSLATED.get(part, part) for part in translated)
        links = [sorted(re.findall(r"\]\(([^)]+)\)", text)) for text in (one, other)]
        if "README.ko.md" not in links[0]:
            assert links[0] == links[1]
        kinds = [re.findall(r"^(\||- |```\w*|!\[|<!--)", text, re.M) for text in (one, other)]
        assert kinds[0] == kinds[1]


def test_both_languages_tell_the_same_long_numbers():
    long = r"(?<![0-9A-Za-z_.,])\d[\d,]*[\d.]*\d{2}(?![0-9A-Za-z_])"
    numbers = [sorted(re.findall(long, (ROOT / name).read_text("utf-8"))) for name in READMES]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("name", READMES)
def test_the_table_of_ones_own_dialogues_can_be_read(name, tmp_path):
    (example,) = re.findall(r"```csv\n(.*?)```", (ROOT / name).read_text("utf-8"), re.S)
    (tmp_path / "my_dialogues.csv").write_text(example, "utf-8")
    (tmp_path / "wav").mkdir()
    for wav in re.findall(r"wav/\S+?\.wav", example):
        soundfile.write(tmp_path / wav, [0.0] * 1600, 16_000)
    corpus = read_corpus("table", tmp_path / "my_dialogues.csv")
    assert [(u.speaker, u.emotion) for u in corpus.utterances] == [
        *(("Mina", "neutral"), ("Jun", "happy"), ("Mina", "sad")),
    ]
    assert all(u.text and u.wav for u in corpus.utterances)


@pytest.mark.parametrize("name", READMES)
def test_every_corpus_and_every_installed_command_is_named(name):
    text = (ROOT / name).read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    checked = re.findall(r"^python -m feature_extractor\.check --corpus (\w+)", text, re.M)
    assert sorted(checked) == sorted(set(CORPORA) - {"demo"})
    assert [script for script in project["scripts"] if f"`{script}`" not in text] == []


def test_the_quoted_study_shows_what_the_demo_is_for():
    results = read_results(ROOT / "docs" / "results.json")
    assert results["study"]["tree_clean"] is True
    assert results["study"]["commit"]
    found = {}
    for entry in results["entries"]:
        key = entry["method"], entry["modalities"]
        found.setdefault(key, []).append(100 * entry["weighted_f1"])
    mean = {key: sum(values) / len(values) for key, values in found.items()}
    majority = 100 * results["baselines"]["majority"]["weighted_f1"]
    assert mean["graph", "at"] >= mean["concat", "at"] + 4
    for method in ("concat", "graph_frozen", "graph"):
        assert mean[method, "at"] > max(mean[method, "a"], mean[method, "t"])
        assert min(mean[method, m] for m in ("a", "t", "at")) > majority + 20
    assert len(found["graph", "at"]) >= 5
