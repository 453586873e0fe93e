"""The shape of the code itself: layers, names, docstrings, and what importing costs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("graph_er", "feature_extractor")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
}

# Lowest first. A room is a folder or a module that stands alone; it imports from lower floors.
FLOORS = {
    "graph_er": (
        ("errors",),
        ("running",),
        ("schema",),
        ("dialogues", "conversations"),
        ("data_option", "scoring", "graphs", "probabilities"),
        ("networks", "graph"),
        ("answers", "bundles"),
        ("training", "report", "inference"),
        ("validation", "display", "packing"),
        ("web",),
        ("train", "eval", "predict", "bundle", "app"),
        ("study", "compare", "crossval", "tune", "ablation"),
    ),
    "feature_extractor": (
        ("configuration", "execution", "file_tree", "settings", "utterance"),
        ("fusion", "audio", "transcript", "demo_corpus"),
        ("batches", "corpora"),
        ("splits",),
        ("networks",),
        ("sources",),
        ("extraction", "options", "survey"),
        ("caches", "evaluation"),
        ("training",),
        ("fusion_study",),
        ("train", "eval", "extract", "merge", "compare_fusions", "check", "demo"),
    ),
}
COMMANDS = {
    *("graph_er.train", "graph_er.eval", "graph_er.study", "graph_er.compare"),
    *("graph_er.crossval", "graph_er.tune", "graph_er.ablation", "graph_er.predict"),
    *("graph_er.bundle", "graph_er.app"),
    *(f"feature_extractor.{name}" for name in ("train", "extract", "eval", "demo", "check")),
    *("feature_extractor.compare_fusions", "feature_extractor.merge"),
}
# From raw speech to emotions: the rooms beside stage 3 that use stages 1 and 2. A conversation is
# read as corpora are, both models are run one after the other, and both go into a bundle.
BOTH_STAGES = {"graph_er.conversations", "graph_er.inference", "graph_er.packing"}


def imports_of(path):
    """Project modules that a file imports at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            candidates = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= candidates or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(MODULES)


def floor_of(module):
    package, room = module.split(".")[:2]
    return next(floor for floor, rooms in enumerate(FLOORS[package]) if room in rooms)


def test_there_is_something_to_look_at():
    assert len(FILES) > 40


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_only_from_lower_floors(package):
    arrows = [
        (module, target)
        for module, path in MODULES.items()
        for target in imports_of(path)
        if module.startswith(f"{package}.") and target.startswith(f"{package}.")
        if module.split(".")[1] != target.split(".")[1]
    ]
    assert len(arrows) > 100
    wrong = [arrow for arrow in arrows if floor_of(arrow[1]) >= floor_of(arrow[0])]
    assert wrong == []


def test_stage_3_knows_nothing_of_the_feature_extractor():
    rooms = {
        ".".join(module.split(".")[:2])
        for module, path in MODULES.items()
        if module.startswith("graph_er")
        if any(target.startswith("feature_extractor") for target in imports_of(path))
    }
    assert rooms == BOTH_STAGES


def test_no_import_cycle():
    graph = {module: imports_of(path) - {module} for module, path in MODULES.items()}
    while leaves := [module for module, targets in graph.items() if not targets & set(graph)]:
        for leaf in leaves:
            del graph[leaf]
    assert graph == {}


def test_commands_are_imported_by_nobody():
    wrong = [
        f"{module} imports {target}"
        for module, path in MODULES.items()
        for target in imports_of(path) & COMMANDS
    ]
    assert wrong == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_documented_small_and_shadow_nothing(path):
    source = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source)), "no module docstring"
    assert len(source.splitlines()) <= 300
    assert path.stem not in {"utils", "helpers", "common", "datasets", "transformers"}
    assert path.stem == "__init__" or path.stem not in sys.stdlib_module_names


def test_functions_are_short():
    long = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 70
    ]
    assert long == []


def test_pickle_and_torch_load_are_used_safely_only():
    unsafe = re.compile(
        r"pickle\.loads?\(|weights_only=False|allow_pickle=True|trust_remote_code=True"
    )
    hits = [str(p.relative_to(ROOT)) for p in FILES if unsafe.search(p.read_text(encoding="utf-8"))]
    assert hits == []


@pytest.mark.parametrize(
    "module",
    [
        *("graph_er.train", "graph_er.eval", "graph_er.crossval", "graph_er.tune"),
        *("graph_er.predict", "graph_er.bundle", "graph_er.app"),
        *("feature_extractor.train", "feature_extractor.compare_fusions"),
        *("feature_extractor.extract", "feature_extractor.merge"),
    ],
)
def test_importing_a_command_loads_no_heavy_library(module):
    heavy = (
        "torch",
        "transformers",
        "librosa",
        "torch_geometric",
        "sentence_transformers",
        "optuna",
        "gradio",
    )
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_stage_3_needs_no_speech_library():
    code = (
        "import sys, graph_er.training.experiment, graph_er.answers.prediction;"
        "print([name for name in ('librosa', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_readme_tree_names_every_module_in_its_folder(readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    named, folders = [], []
    for indent, name in re.findall(r"^( *)([a-z_0-9]+(?:\.py|/))  +\S", text, re.M):
        del folders[len(indent) // 2 :]
        if name.endswith("/"):
            folders.append(name.rstrip("/"))
        elif folders and folders[0] in PACKAGES:
            named.append("/".join([*folders, name]))
    files = [path.relative_to(ROOT).as_posix() for path in FILES if path.stem != "__init__"]
    assert sorted(named) == sorted(files)


def test_no_path_of_a_machine_stands_in_the_project():
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.sh", "*.toml", "*.txt", "*.jinja"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    if not listed:
        pytest.skip("not a git checkout")
    machine = re.compile(r"/(?:root|home/\w+|work|opt)/")
    this = Path(__file__).relative_to(ROOT).as_posix()
    hits = [n for n in listed if n != this and machine.search((ROOT / n).read_text("utf-8"))]
    assert hits == []
