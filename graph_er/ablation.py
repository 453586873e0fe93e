"""What each option of preset ``default`` is worth: one change at a time, on dev, several seeds.

python -m graph_er.ablation --data_dir A.pkl --data_dir B.pkl --out docs/ablation.json
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.dialogues import DialogueFile, read_dialogues
from graph_er.errors import InputError
from graph_er.networks.config import before_options
from graph_er.running.cli import run_command
from graph_er.running.files import sha256, write_json, write_text
from graph_er.running.paths import keep_inputs
from graph_er.running.regular_files import read_json_file
from graph_er.training.recipe import MODALITY_CHOICES, GivenSettings, Recipe, recipe_of
from graph_er.training.recipe_options import add_jobs_option, read_jobs

if TYPE_CHECKING:
    from graph_er.validation.ablation_scores import Case

logger = logging.getLogger(__name__)

# What is changed, each alone; the first row is the default itself.
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "no context (no graph layers)": {"relational_layers": 0, "attention_layers": 0},
    "one network instead of two": {"members": 1},
    "three networks": {"members": 3},
    "no relative audio": {"relative_audio": False},
    "audio against the speaker's level": {"audio_level": "speaker"},
    "audio against the dialogue's level": {"audio_level": "dialogue"},
    "the speaker's level, deviations cut off and squared": {
        "audio_level": "speaker",
        "deviation_terms": True,
    },
    "deviations as they are alone": {"deviation_terms": False},
    "no noise on the audio level": {"audio_offset": 0.0},
    "no sentence cues": {"sentence_cues": False},
    "no gate": {"gate": False},
    "dropout of the input 0.1": {"input_dropout": 0.1},
    "dropout 0.2": {"dropout": 0.2},
    "dropout 0.4": {"dropout": 0.4},
    "no logit adjustment": {"logit_adjustment": 0.0},
    "no relational mean": {"relational_layers": 0},
    "no graph transformer": {"attention_layers": 0},
    "dialogue transformer before the graph": {"context_layers": 1},
    "contrastive term 0.1": {"contrastive": 0.1},
    "emotion-shift task 0.3": {"shift": 0.3},
    "no weight average": {"ema": 0.0},
    "no label smoothing": {"label_smoothing": 0.0},
    "no decay, windows of 10": {"decay": 0.0, "wp": 10, "wf": 10},
}

# Of one corpus there can be several files; a row replaces that of the same one.
_REPLACED_BY = ("corpus", "data_sha256", "modalities", "variant")
# What every row holds: what it is of, and its scores.
_ROW_KEYS = {
    *("corpus", "variant", "seeds", "modalities", "data_sha256", "recipe"),
    *("weighted_f1", "macro_f1", "decoded_weighted_f1", "n"),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="graph-er-ablation", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data_dir",
        type=Path,
        action="append",
        required=True,
        metavar="FILE.pkl",
        help="a dialogue file; may be repeated. Test dialogues are never read",
    )
    parser.add_argument(
        "--modalities",
        choices=MODALITY_CHOICES,
        help="what the models hear (default: those of a and t that a file has)",
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds (default: 5)")
    add_jobs_option(parser, of="models of a row")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE.json",
        help="where the results go, a table (.md) beside it; rows that it holds are not run again",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, one row after the other, and write the table after each."""
    arguments = build_parser().parse_args(argv)
    if arguments.seeds < 2:
        raise InputError(f"--seeds is {arguments.seeds}; a spread needs at least 2")
    wanted = read_jobs(arguments)
    page = arguments.out.with_suffix(".md")
    inputs = [("--data_dir", path) for path in arguments.data_dir]
    keep_inputs("--out", arguments.out, [arguments.out, page], inputs)
    from tqdm import tqdm

    from graph_er.report.ablation import ablation_page, ablation_table
    from graph_er.running.jobs import choose_jobs, threads_for
    from graph_er.validation.ablation_scores import score_variant

    done = _known(arguments.out)
    seeds = list(range(1, arguments.seeds + 1))
    files = {path: (*_cases(path), sha256(path)) for path in arguments.data_dir}
    heard = {path: arguments.modalities or _own(file) for path, (file, *_) in files.items()}
    rows = [(path, name) for name in VARIANTS for path in files if _differs(heard[path], name)]
    shown = list(dict.fromkeys(name for _, name in rows))
    keys: dict[tuple[Path, str], dict[str, Any]] = {}
    for path, name in rows:
        file, _, digest = files[path]
        recipe = _recipe(heard[path], name)
        corpus = str(file.info.get("corpus", path.stem))
        key: dict[str, Any] = {"corpus": corpus, "variant": name, "seeds": seeds}
        key |= {"modalities": recipe.modalities, "data_sha256": digest, "recipe": recipe.plain()}
        keys[path, name] = key
    # Rows that are kept take no time; counted as run, they would make the rest seem as quick.
    kept = {row for row, key in keys.items() if _holds(done, key)}
    with tqdm(total=len(rows), initial=len(kept), desc="ablation", unit="run") as bar:
        for (path, name), key in keys.items():
            done = _known(arguments.out)
            if not _holds(done, key):
                file, cases, _ = files[path]
                recipe = _recipe(heard[path], name)
                jobs = choose_jobs(wanted, len(cases) * len(seeds), "cpu")
                with threads_for(jobs) as threads:
                    scores = score_variant(file, recipe, cases, seeds, jobs=jobs, threads=threads)
                # Read anew: another ablation may have added rows meanwhile.
                rows_there = _known(arguments.out)
                done = [r for r in rows_there if any(r[k] != key[k] for k in _REPLACED_BY)]
                done.append({**key, **scores})
                write_json(arguments.out, {"rows": done})
            write_text(page, ablation_page(done, shown))
            bar.update((path, name) not in kept)
    print(ablation_table(done, shown), end="")


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


def _own(file: DialogueFile) -> str:
    return "".join(m for m in "at" if m in file.modalities)


def _recipe(modalities: str, variant: str) -> Recipe:
    return recipe_of(GivenSettings("default", modalities), VARIANTS[variant])


def _differs(modalities: str, variant: str) -> bool:
    """Tell whether a variant is another model: some defaults depend on the modalities."""
    first = next(iter(VARIANTS))
    return variant == first or _recipe(modalities, variant) != _recipe(modalities, first)


def _cases(path: Path) -> tuple[DialogueFile, list[Case]]:
    from graph_er.report.folds import extractor_note
    from graph_er.validation.ablation_scores import cases_of
    from graph_er.validation.folds import extractor_trained_on

    file = read_dialogues(path)
    try:
        cases = cases_of(file)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    seen = extractor_trained_on(file, [dialogue for case in cases for dialogue in case.predicted])
    if seen:
        logger.warning("%s: %s", path, extractor_note(seen))
    return file, cases


def _holds(rows: Sequence[dict[str, Any]], key: dict[str, Any]) -> bool:
    return any(all(row[k] == v for k, v in key.items()) for row in rows)


def _known(path: Path) -> list[dict[str, Any]]:
    return [row for row in _read(path) if row["variant"] in VARIANTS]


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        rows = list(read_json_file(path)["rows"])
        missing = sorted(key for row in rows for key in _ROW_KEYS - dict(row).keys())
        for recipe in (row["recipe"] for row in rows if not missing):
            before = before_options(recipe["preset"])  # last, so that a row is kept as it is
            model = {**recipe["model"]}
            recipe["model"] = model | {k: v for k, v in before.items() if k not in model}
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no results of an ablation; choose another --out") from error
    if missing:
        raise InputError(
            f"{path}: no results of an ablation: a row lacks {missing[0]!r}; choose another --out"
        )
    return rows


if __name__ == "__main__":
    sys.exit(cli())
