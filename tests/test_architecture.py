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

# Lowest first; a module imports only from lower layers. Names stand for whole folders, too.
LAYERS = (
    ("errors", "paths", "geometric", "pickle_scan"),
    ("regular_files", "value_trees"),
    ("tensor_archive", "dialogue_limits"),
    ("files", "emotions", "splits", "dialogue_pickle", "flags", "tracking", "scores"),
    ("normal_form", "csv_cells"),
    ("dialogue", "pickle_writing", "processes", "side_by_side"),
    ("dialogues", "run_record", "evaluation", "config", "cli", "device"),
    ("bootstrap", "significance", "prediction_files", "decoding", "recipe", "folds", "shares"),
    ("graph", "data_option", "comparison", "controls", "breakdown", "calibration", "config_file"),
    ("layers", "batch_norm", "windows", "sentence_cues", "finish"),
    ("recipe_options", "fold_controls"),
    ("folds_option", "epoch_choice", "tune_space", "chunks"),
    ("blocks", "packed_encoder", "losses", "divergence"),
    ("relational",),
    ("cogmen", "contextual"),
    ("spec", "occlusion"),
    ("checkpoint",),
    ("prediction", "streaming", "explanation", "optimisation"),
    ("training",),
    ("fitting", "ablation_scores", "report"),
    ("seeds",),
    ("experiment", "cross_validation", "eval_document"),
    ("cross_evaluation", "search"),
    ("inference",),
    ("web",),
    ("train", "eval", "study", "compare", "crossval", "tune", "ablation"),
    ("predict", "bundle", "app"),
)
COMMANDS = {
    *("graph_er.train", "graph_er.eval", "graph_er.study", "graph_er.compare"),
    *("graph_er.crossval", "graph_er.tune", "graph_er.ablation", "graph_er.predict"),
    *("graph_er.bundle", "graph_er.app"),
    *(f"feature_extractor.{name}" for name in ("train", "extract", "eval", "demo", "check")),
    *("feature_extractor.compare_fusions", "feature_extractor.merge"),
}
# From raw speech to emotions: the one part of stage 3 that uses stages 1 and 2.
BOTH_STAGES = ("graph_er.inference",)


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


def layer_of(module):
    name = module.split(".")[1]
    return next(level for level, names in enumerate(LAYERS) if name in names)


def test_there_is_something_to_look_at():
    assert len(FILES) > 40


def test_stage_3_imports_only_from_lower_layers():
    wrong = [
        f"{module} imports {target}"
        for module, path in MODULES.items()
        if module.startswith("graph_er.")
        for target in imports_of(path)
        if target.startswith("graph_er.")
        if module.split(".")[1] != target.split(".")[1] and layer_of(target) >= layer_of(module)
    ]
    assert wrong == []


def test_stage_3_knows_nothing_of_the_feature_extractor():
    wrong = [
        module
        for module, path in MODULES.items()
        if module.startswith("graph_er") and not module.startswith(BOTH_STAGES)
        if any(target.startswith("feature_extractor") for target in imports_of(path))
    ]
    assert wrong == []


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
        "import sys, graph_er.experiment, graph_er.prediction;"
        "print([name for name in ('librosa', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_readme_tree_names_every_module():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    korean = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    named = {path.name for path in FILES if path.stem != "__init__"}
    assert sorted(name for name in named if name not in readme) == []
    assert sorted(name for name in named if name not in korean) == []


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
