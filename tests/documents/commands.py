"""The command lines of the documents, and whether each command takes the options it is given."""

from __future__ import annotations

import argparse
import functools
import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *("README.md", "README.ko.md", "data/README.md", "model_checkpoints/README.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
INSTALLED = PYPROJECT["project"]["scripts"]
# Of other projects: what is read of their options is up to them.
FOREIGN = {"pip", "hf", "uv", "pip-audit", "cyclonedx-py"}
PROGRAMS = {"bash", "python", "torchrun", "accelerate", *INSTALLED, *FOREIGN}
_SHELL = {"bash", "sh", "console", ""}  # languages of fenced blocks
# Words that stand for one of several that the command knows.
_CHOICES = {("--fusion", "NAME"): "concat"}


def commands_of(text: str) -> list[str]:
    """Return the commands of a document, in its order, comments cut off.

    Raises:
        AssertionError: a line of a ``bash`` block begins with an unknown program.
    """
    return list(dict.fromkeys(_commands(text)))


def _commands(text: str) -> Iterator[str]:
    for language, part in _parts(text):
        if language is None:
            for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", part):
                words = code.split()
                ours = words[0] in INSTALLED or (words[0] in PROGRAMS and len(words) > 1)
                if ours or re.match(r"\w+\.py --", code):
                    yield " ".join(words)
        elif language in _SHELL:
            for line in part.replace("\\\n", " ").splitlines():
                command = re.sub(r"(^|\s+)#.*", "", line).strip()
                known = command.split(" ")[0] in PROGRAMS
                assert known or not command or language == "", f"unknown program in: {line}"
                if known:
                    yield " ".join(command.split())


def python_blocks(text: str) -> list[str]:
    """Return the fenced blocks of Python."""
    return fenced(text, "python")


def fenced(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return [part for found, part in _parts(text) if found == language]


def _parts(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield prose with None, and fenced blocks with their language."""
    for number, part in enumerate(re.split(r"^```", text, flags=re.M)):
        if number % 2:
            language, _, block = part.partition("\n")
            yield language.strip(), block
        else:
            yield None, part


def inline_options(text: str) -> set[str]:
    """Return the options that stand in inline code."""
    prose = "".join(part for language, part in _parts(text) if language is None)
    code = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose)
    return {option for part in code for option in re.findall(r"(?<![\w-])--[A-Za-z][\w-]*", part)}


def check(command: str) -> None:
    """Assert that the command exists and takes these options."""
    if " && " in command:
        for part in command.split(" && "):
            check(part)
        return
    words = shlex.split(command.split(" < ")[0])
    program, *rest = words
    program = program.removeprefix("ENV/bin/")  # of another environment
    if program == "bash":
        _check_script(*rest)
    elif program == "torchrun":
        from torch.distributed.run import get_args_parser

        started = get_args_parser().parse_args(rest)
        _check_python([started.training_script, *started.training_script_args])
    elif program == "accelerate":
        assert rest[0] == "launch"
        from accelerate.commands.launch import launch_command_parser

        launch_command_parser().parse_args([*rest[1:], "script.py"])
    elif program in FOREIGN:
        _check_foreign(program, rest)
    else:
        _check_python(rest if program == "python" else words)


def _check_script(script: str, *options: str) -> None:
    if script == "scripts/run_tests.sh" and options[:1] == ("-m",):
        markers = PYPROJECT["tool"]["pytest"]["ini_options"]["markers"]
        assert options[1] in [marker.split(":")[0] for marker in markers]
        options = options[2:]
    known = script_options(script)
    assert [word for word in options if word.startswith("-") and word not in known] == []


@functools.cache
def script_options(script: str) -> set[str]:
    """Return the options that a shell script's ``--help`` names."""
    done = subprocess.run(
        ["bash", ROOT / script, "--help"], capture_output=True, text=True, check=True
    )
    return set(re.findall(r"--[A-Za-z][\w-]*", done.stdout))


def _check_python(words: list[str]) -> None:
    module = module_of(words)
    if module == "venv":
        return
    rest = words[2:] if words[0] == "-m" else words[1:]
    parser = parser_of(module)
    by_name_alone = words[0].endswith(".py") and "/" not in words[0]
    if "..." in rest or by_name_alone:
        # Some of its options alone are told.
        given = [word for word in rest if word.startswith("-")]
        assert [word for word in given if word not in parser._option_string_actions] == []
        return
    if not rest and words[0] in INSTALLED:
        return
    for at in range(1, len(rest)):
        rest[at] = _CHOICES.get((rest[at - 1], rest[at]), rest[at])
    try:
        parser.parse_args(rest)
    except SystemExit as stopped:
        raise AssertionError(f"{' '.join(words)}: options are refused") from stopped


def module_of(words: list[str]) -> str:
    """Return the module that a command names by path, by module, by script or by file name."""
    if words[0] == "-m":
        return words[1]
    if words[0] in INSTALLED:
        return INSTALLED[words[0]].removesuffix(":cli")
    path = words[0]
    if "/" not in path:  # `predict.py --live`
        (path,) = [f"graph_er/{path}"] if path == "predict.py" else []
    assert (ROOT / path).is_file(), f"{path} does not exist"
    return path.removesuffix(".py").replace("/", ".")


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return a command's parser."""
    return importlib.import_module(name).build_parser()


def _check_foreign(program: str, words: list[str]) -> None:
    if program == "pip":
        assert words[0] == "install"
        for word in words[1:]:
            if extra := re.search(r"\[(\w+)\]", word):
                assert extra[1] in PYPROJECT["project"]["optional-dependencies"]
            elif "." in word[1:]:
                assert (ROOT / word).exists(), f"{word} does not exist"
    elif (tool := Path(sys.executable).parent / program).exists():
        done = subprocess.run(
            [tool, *[w for w in words[:1] if w.isalpha()], "--help"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        given = [word.split("=")[0] for word in words if word.startswith("--")]
        assert [option for option in given if option not in done.stdout] == []
