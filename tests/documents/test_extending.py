"""docs/extending.md: followed in a copy of the code, it leads where it says."""

import contextlib
import io
import re
import shutil
import sys

import pytest

from tests.documents.commands import ROOT, fenced, python_blocks

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```", "", PAGE, flags=re.M | re.S)
OURS = ("graph_er", "feature_extractor", "tests")
_CONTEXTUAL = "tests/graph_er/networks/test_contextual.py"  # all of it takes seconds
SUITES = (
    "tests/documents/after_extending.py",
    "tests/feature_extractor/fusion/test_fusion_counts.py",
    "tests/feature_extractor/fusion/test_fusion_properties.py",
    "tests/feature_extractor/fusion_study/test_document.py",
    f"{_CONTEXTUAL}::test_a_dialogue_alone_in_a_batch_and_in_any_order_gives_the_same_logits",
    f"{_CONTEXTUAL}::test_a_dialogue_of_one_utterance_trains",
)
NEW = "after_extending or mean_sum or scenes or shortcut"


def new_files():
    """The Python blocks by the path that the first line of each names."""
    blocks = [block.partition("\n") for block in python_blocks(PAGE)]
    return {first.removeprefix("# "): content for first, _, content in blocks}


def changes():
    """Path, what stands there and what is to stand there, of each place of the diff blocks."""
    for block in fenced(PAGE, "diff"):
        for part in re.split(r"^\+\+\+ ", block, flags=re.M)[1:]:
            path, _, places = part.partition("\n")
            for place in places.split("@@\n"):
                lines = place.splitlines(keepends=True)
                sides = ["".join(line[1:] for line in lines if line[0] != other) for other in "+-"]
                yield path, *sides


@pytest.fixture
def extended(tmp_path):
    """A copy of the code with all that the page tells to do."""
    for name in (*OURS, "docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, content in new_files().items():
        assert not (tmp_path / path).exists()
        (tmp_path / path).write_text(content, encoding="utf-8")
    for path, before, after in changes():
        text = (tmp_path / path).read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{path} has no such place, or several:\n{before}"
        (tmp_path / path).write_text(text.replace(before, after), encoding="utf-8")
    return tmp_path


@contextlib.contextmanager
def without_our_modules():
    """Forget the project's modules for a while; libraries, seconds to import, stay."""
    known = {name: sys.modules[name] for name in [*sys.modules] if name.split(".")[0] in OURS}
    kept_path = [*sys.path]
    for name in known:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
            del sys.modules[name]
        sys.modules.update(known)
        sys.path[:] = kept_path


def test_the_page_followed_to_the_letter_passes_the_suites_that_it_names(extended, monkeypatch):
    monkeypatch.chdir(extended)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    options = ["-q", "--assert=plain", "-p", "no:cacheprovider", "--rootdir", str(extended)]
    with without_our_modules(), contextlib.redirect_stdout(io.StringIO()) as told:
        status = pytest.main([*options, "-k", NEW, *SUITES])
    assert status == 0, told.getvalue()[-5000:]
    passed = int(re.findall(r"(\d+) passed", told.getvalue())[0])
    assert passed > 50


def test_every_suite_that_is_run_is_named_by_the_page():
    files = {suite.partition("::")[0] for suite in SUITES[1:]}
    assert sorted(file for file in files if file not in PAGE) == []


def test_every_file_that_the_page_names_is_there():
    paths = re.findall(r"`((?:\w+/)+[\w.]*)`", PROSE)
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_name_in_a_row_stands_in_the_file_of_the_row():
    rows = re.findall(r"^\| `([\w/]+\.\w+)` \| (.*) \|$", PAGE, re.M)
    assert len(rows) > 15
    for path, told in rows:
        text = (ROOT / path).read_text(encoding="utf-8")
        names = [n for n in re.findall(r"`(\w+)`", told) if not n.islower() or "_" in n]
        assert [name for name in names if name not in text] == [], path


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", PROSE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
