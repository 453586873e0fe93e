"""Every command in the READMEs and in docs takes its options, and runs on something small."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from itertools import pairwise

import pytest

from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo
from tests.documents.commands import (
    DOCUMENTS,
    INSTALLED,
    ROOT,
    check,
    commands_of,
    inline_options,
    module_of,
    parser_of,
    python_blocks,
    script_options,
)
from tests.documents.corpora import TREES, write_real_dialogues
from tests.documents.runs import NOT_RUN, RUNS, Run
from tests.feature_extractor.tiny_corpus import make_audio_folder, make_text_folder
from tests.test_architecture import COMMANDS

TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS}
DOCUMENTED = list(dict.fromkeys(c for text in TEXTS.values() for c in commands_of(text)))
BLOCKS = list(dict.fromkeys(block for text in TEXTS.values() for block in python_blocks(text)))
# Each is started by tests/test_installed.py.
STARTED = set(INSTALLED)
SCRIPTS = ("run_all.sh", "compare_fusions.sh", "make_docs.sh")
LAUNCHERS = ("torch.distributed.run",)
# Of accelerate and of docker.
FOREIGN_OPTIONS = {"--multi_gpu", "--cpu", "--mixed_precision", "--shm-size"}


def test_there_is_something_to_look_at():
    assert len(DOCUMENTED) > 80
    assert len(BLOCKS) >= 2


@pytest.mark.parametrize("command", DOCUMENTED, ids=str)
def test_every_documented_command_takes_its_options(command):
    check(command)


def test_every_documented_command_is_run_or_said_not_to_be():
    listed = [*RUNS, *NOT_RUN, *STARTED]
    assert [command for command in DOCUMENTED if command not in listed] == []
    assert [command for command in {**RUNS, **NOT_RUN} if command not in DOCUMENTED] == []
    assert set(RUNS) & set(NOT_RUN) == set()


def test_git_ignores_what_the_commands_of_the_readmes_write_beside_them():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    commands = [c for name in ("README.md", "README.ko.md") for c in commands_of(TEXTS[name])]
    words = [shlex.split(command) for command in commands]
    named = [b for w in words for a, b in pairwise(w) if a in ("--out", "--plot", "--html")]
    written = {*named, *(file for c in commands for file in RUNS.get(c, Run()).files)}
    # Capitals stand for a name of the user's own.
    written = {name for name in written if "/" not in name and not name[0].isupper()}
    assert {"predictions.csv", "timeline.png", "timeline.explain1.png"} <= written
    asked = ["git", "check-ignore", "--no-index", *written]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert {*told.splitlines()} == written


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_option_that_is_named_is_one(name):
    known = {o for module in COMMANDS for o in parser_of(module)._option_string_actions}
    for script in ("scripts.benchmark", "scripts.document_tables"):
        known |= set(parser_of(script)._option_string_actions)
    known |= FOREIGN_OPTIONS | {
        o for script in SCRIPTS for o in script_options(f"scripts/{script}")
    }
    assert sorted(inline_options(TEXTS[name]) - known) == []


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project with a tiny demo corpus, and every other corpus in a tiny tree."""
    copy = tmp_path_factory.mktemp("documents") / "graph_er"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("graph_er", "feature_extractor", "scripts", "docs", "data/example"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in ("pyproject.toml", "requirements.txt", "README.md", "README.ko.md"):
        shutil.copy(ROOT / name, copy / name)
    generate_demo(copy / "data" / "demo", DemoSettings(sessions=6, dialogues=2, utterances=8))
    generate_demo(copy / "folded", DemoSettings(sessions=6, dialogues=1, utterances=8))
    for name, write in TREES.values():
        write(copy / name)
    write_real_dialogues(copy / "real")
    make_text_folder(copy / "tiny" / "text")
    make_audio_folder(copy / "tiny" / "audio")
    turns = [{"speaker": "A", "text": "왜 그래?"}, {"speaker": "B", "text": "정말 화가 나!"}]
    lines = "".join(json.dumps(turn, ensure_ascii=False) + "\n" for turn in turns)
    (copy / "turns.jsonl").write_text(lines, encoding="utf-8")
    return copy


def words_of(command, run=None):
    """Return a command's words with small things in place of large ones."""
    command = command.split(" < ")[0]
    words = shlex.split(command)
    if run is not None:
        encoders = {"text": "--text_encoder tiny/text", "audio": "--audio_encoder tiny/audio"}
        extra = run.extra.format(**encoders, encoders=" ".join(encoders.values()))
        words = [run.words.get(word, word) for word in words] + shlex.split(extra)
        words = [word for word in words if word]
    if words[0].endswith(".py"):
        words.insert(0, "python")
    corpus = words[words.index("--corpus") + 1] if "--corpus" in words else None
    for at in range(1, len(words)):
        if words[at - 1] == "--root" and corpus in TREES:
            words[at] = TREES[corpus][0]
        elif words[at - 1] in ("--text_encoder", "--audio_encoder") and words[at] != "mfcc":
            words[at] = f"tiny/{words[at - 1][2:].split('_')[0]}"
    programs = {"python": [sys.executable]}
    programs["torchrun"] = [sys.executable, "-m", "torch.distributed.run"]
    return [*programs.get(words[0], words[:1]), *words[1:]]


def start(copy, words, **options):
    environment = {**os.environ, "GRAPH_ER_PYTHON": sys.executable, "HF_HUB_OFFLINE": "1"}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
    return subprocess.Popen(words, cwd=copy, env=environment, text=True, **options)


class Runner:
    """Runs command lines in the copy, those of Python in one process."""

    def __init__(self, copy):
        self.copy = copy
        self.log = (copy / "worker.log").open("w+", encoding="utf-8")
        self.worker = start(
            copy, [sys.executable, str(ROOT / "tests" / "documents" / "worker.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
        )  # fmt: skip

    def run(self, words, stdin=None):
        """Return what a command says; it must end well."""
        alone = words[0] != sys.executable or words[1] == "-c" or words[2] in LAUNCHERS or stdin
        status, told = (self._alone if alone else self._in_worker)(words, stdin)
        assert status == 0, told[-3000:]
        assert "Traceback" not in told
        return told

    def _alone(self, words, stdin):
        with stdin.open() if stdin else open(os.devnull) as given:
            process = start(self.copy, words, stdin=given)
            told, _ = process.communicate(timeout=3600)
        return process.returncode, told

    def _in_worker(self, words, stdin):
        begin = self.log.seek(0, os.SEEK_END)
        own = words[3:] if words[1] == "-m" else words[2:]
        self.worker.stdin.write(json.dumps([module_of(words[1:]), own]) + "\n")
        self.worker.stdin.flush()
        status = self.worker.stdout.readline()
        self.log.seek(begin)
        return int(status or -1), self.log.read()

    def end(self):
        """End the worker."""
        self.worker.stdin.close()
        self.worker.wait(timeout=60)
        self.worker.stdout.close()
        self.log.close()


@pytest.fixture(scope="module")
def runner(copy):
    runner = Runner(copy)
    yield runner
    runner.end()


def wait_for_page(process, port):
    for _ in range(240):
        assert process.poll() is None, process.stdout.read()[-3000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.5)
    raise AssertionError("no page within two minutes")


@pytest.mark.slow
@pytest.mark.parametrize("command", RUNS, ids=str)
def test_every_documented_command_runs(copy, runner, command):
    run = RUNS[command]
    if (copy / "data" / "demo_features.pkl").exists() and not (copy / "FILE.pkl").exists():
        shutil.copy(copy / "data" / "demo_features.pkl", copy / "FILE.pkl")
    for earlier in run.before:
        runner.run(words_of(earlier))
    if run.serves:
        pytest.importorskip("gradio")
        process = start(copy, words_of(command, run))
        try:
            assert "<html" in wait_for_page(process, run.serves)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
            process.communicate()
        return
    redirected = re.search(r" < (\S+)", command)
    told = runner.run(words_of(command, run), redirected and copy / redirected[1])
    assert told.strip()
    assert [name for name in run.files if not (copy / name).exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS)
def test_every_documented_piece_of_python_runs(runner, block):
    runner.run([sys.executable, "-c", block])
