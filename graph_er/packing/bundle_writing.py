"""Making a bundle of finished runs: what goes in, what stays out, all of it or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from feature_extractor.networks.checkpoint_files import CHECKPOINT_FILES
from graph_er.answers.streaming import LiveModel
from graph_er.bundles.bundle_folder import (
    CARD_NAME,
    CONTENTS_NAME,
    EXTRACTOR,
    FORMAT,
    GRAPH,
    LIVE,
    VERSION,
    digests_of,
    is_bundle,
)
from graph_er.bundles.feature_origin import check_origin
from graph_er.errors import InputError
from graph_er.inference.live import require_live
from graph_er.inference.predictor import EmotionPredictor
from graph_er.networks.checkpoint import Checkpoint
from graph_er.packing.model_card import Part, model_card
from graph_er.running.clutter import is_empty
from graph_er.running.files import disk_errors_named, shortened, write_json, write_text
from graph_er.running.paths import CHECKPOINT_NAME
from graph_er.running.regular_files import read_json_file
from graph_er.running.run_record import RECORD_NAME, read_run_record
from graph_er.scoring.scores import METRICS

_SCORES = (
    *("n", *METRICS, "seeds", "mean", "std", "ensemble"),
    *("calibration", "confidence_intervals", "split"),
)
_IDS = "ids:"
_RECORDED = ("config", "seed", "data", "versions", "python", "commit", "created", "device")


@dataclass(frozen=True)
class Sources:
    """Folders of finished runs: stage 1, the graph model, and, where wanted, a causal one."""

    extractor: Path
    graph: Path
    live: Path | None = None


def write_bundle(
    sources: Sources, out: Path, *, data: Path | None = None, overwrite: bool = False
) -> None:
    """Write a bundle beside `out` and rename it.

    Args:
        sources: the runs.
        out: the bundle's folder.
        data: the dialogue file between them, to check that they belong together.
        overwrite: replace a bundle that is there.

    Raises:
        InputError: a run is not finished, they do not fit each other, the live model or the
            extractor under it is not causal, or there is something at `out`: other than a bundle,
            or without `overwrite`.
        OSError: `out` cannot be written; what was there stays.
    """
    _check_out(out, overwrite)
    records = _read_records(sources)
    predictor = EmotionPredictor.load(_folder(sources.graph), sources.extractor, "cpu")
    live = None
    if sources.live is not None:
        causal = EmotionPredictor.load(_folder(sources.live), sources.extractor, "cpu")
        LiveModel(causal.checkpoint)
        require_live(causal.extractor)
        live = causal.checkpoint
    for checkpoint in (predictor.checkpoint, live):
        if data is not None and checkpoint is not None:
            weights = predictor.extractor.info["checkpoint_sha256"]
            check_origin(data, checkpoint, sources.extractor, weights)
    parts = _parts(records, predictor, live)
    called, out = out.name, out.resolve() if out.is_symlink() else out  # a link stays one
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{shortened(out.name)}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=out.parent) as temporary:
        folder = Path(temporary) / "bundle"
        with disk_errors_named(out, hidden=True):
            _fill(folder, sources, records)
            contents = {
                **{"format": FORMAT, "version": VERSION},
                **{"emotions": list(predictor.emotions), "modalities": predictor.modalities},
                "parts": {name: asdict(part) for name, part in parts.items()},
                "files": digests_of(folder),
            }
            write_json(folder / CONTENTS_NAME, contents)
            write_text(folder / CARD_NAME, model_card(called, parts, predictor.emotions))
        _put(folder, out, Path(temporary) / "before")


def _put(folder: Path, out: Path, before: Path) -> None:
    """Rename a folder to `out`; what is there goes to `before`, and back if that fails."""
    try:
        if out.exists():
            out.rename(before)
        folder.rename(out)
    except BaseException:
        if before.exists() and not out.exists():
            before.rename(out)
        raise


def _check_out(out: Path, overwrite: bool) -> None:
    if not out.exists() or (out.is_dir() and is_empty(out)):
        return
    if not is_bundle(out):
        raise InputError(f"--out {out}: holds something else than a bundle; name another folder")
    if not overwrite:
        raise InputError(f"--out {out}: holds a bundle; replace it with --overwrite")


def _folder(path: Path) -> Path:
    """Return the folder of a run that is named by itself or by the checkpoint in it."""
    if path.is_file() and path.name != CHECKPOINT_NAME:
        raise InputError(f"{path}: a bundle takes a run's {CHECKPOINT_NAME}; name the folder")
    return path.parent if path.is_file() else path


def _read_records(sources: Sources) -> dict[str, dict[str, Any]]:
    """Return the run record of each part without anything of this machine or of single people."""
    records = {}
    for name, path in asdict(sources).items():
        if path is None:
            continue
        record = read_run_record(_folder(path))
        metrics = {side: _scores(record["metrics"].get(side)) for side in ("dev", "test")}
        kept = {key: record[key] for key in _RECORDED if key in record}
        records[name] = _without_paths({**kept, "metrics": {s: m for s, m in metrics.items() if m}})
    return records


def _scores(found: Any) -> dict[str, Any]:
    return {key: found[key] for key in _SCORES if key in found} if isinstance(found, dict) else {}


def _without_paths(value: Any) -> Any:
    """Return plain values with absolute paths cut down to the last name in them."""
    if isinstance(value, Mapping):
        return {key: _without_paths(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_paths(item) for item in value]
    if isinstance(value, str):
        named = value.removeprefix(_IDS)  # of a split by a file of ids
        for kind in (PurePosixPath, PureWindowsPath):
            if (path := kind(named)).is_absolute():
                return value.removesuffix(named) + (path.name or named)
    return value


def _parts(
    records: Mapping[str, Mapping[str, Any]], predictor: EmotionPredictor, live: Checkpoint | None
) -> dict[str, Part]:
    config: Any = predictor.extractor.model.config
    split = config.split and {side: len(ids) for side, ids in config.split["sides"].items()}
    parts = {
        EXTRACTOR: Part(
            record=dict(records["extractor"]),
            modalities=config.modalities,
            split=split and {"unit": config.split["unit"], **split},
        )
    }
    for name, checkpoint in ((GRAPH, predictor.checkpoint), (LIVE, live)):
        if checkpoint is not None:
            parts[name] = Part(
                record=dict(records[name]),
                modalities=checkpoint.spec.modalities,
                seeds=checkpoint.seeds,
                trained_dialogues=len(checkpoint.trained_ids),
                trained_sides=list(checkpoint.known_sides),
                temperature=checkpoint.finish.temperature,
                by_voice=bool(checkpoint.spec.voiced(checkpoint.config)),
            )
    return parts


def _fill(folder: Path, sources: Sources, records: Mapping[str, Mapping[str, Any]]) -> None:
    for name, path in asdict(sources).items():
        if path is None:
            continue
        part = folder / name
        part.mkdir(parents=True)
        # Nothing else of a run: no predictions, which hold what people said, no optimiser.
        for file in CHECKPOINT_FILES if name == EXTRACTOR else (CHECKPOINT_NAME,):
            if (source := _folder(path) / file).is_file():
                _copy(source, part / file)
        write_json(part / RECORD_NAME, records[name])


def _copy(source: Path, target: Path) -> None:
    if source.suffix == ".json" and source.name.endswith("config.json"):
        # transformers notes there which folder on this machine an encoder was read from.
        write_json(target, _without_paths(read_json_file(source)))
        return
    with source.open("rb") as read, target.open("wb") as written:
        shutil.copyfileobj(read, written)  # whose errors do not name the source
    os.chmod(target, 0o644)
