"""The checkpoint of stage 3: ``model.pt``, tensors and plain values only, one member per seed.

It loads with ``torch.load(path, weights_only=True)`` and holds ``format``, ``version``, ``preset``
(which names the architecture), ``config``, ``spec`` (what the model was made for), ``finish`` (how
probabilities are calibrated and decoded), ``refitted``, ``trained_ids`` and ``data_sha256`` (which
dialogues of which file were trained on) and ``members``: for each seed its ``weights`` and what is
known of its training (``seed``, ``epoch``, ``dev``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from graph_er.errors import InputError
from graph_er.networks.config import ModelConfig, before_options, model_config, preset_of
from graph_er.networks.spec import Model, ModelSpec
from graph_er.networks.tensor_archive import require_sound_archive
from graph_er.probabilities.finish import Finish
from graph_er.running.files import atomic_path
from graph_er.running.paths import CHECKPOINT_NAME, checkpoint_file
from graph_er.schema.value_trees import require_tree

_FORMAT, _VERSION = "graph_er", 2
_LEAVES = (str, int, float, type(None), torch.Tensor)


@dataclass(frozen=True)
class Checkpoint:
    """A run: its architecture, what it was made for, and a trained member per seed.

    Attributes:
        config: the architecture.
        spec: what the models take and give.
        members: per seed ``seed``, ``epoch``, ``dev`` (metrics) and ``weights``.
        finish: how the models' outputs become probabilities.
        refitted: whether the dev side was trained on in the end.
        trained_ids: the dialogues that the weights were fitted to.
        data_sha256: of the dialogue file that they are of; None where it is not known.
    """

    config: ModelConfig
    spec: ModelSpec
    members: tuple[dict[str, Any], ...]
    finish: Finish
    refitted: bool = False
    trained_ids: tuple[str, ...] = ()
    data_sha256: str | None = None

    @property
    def seeds(self) -> list[int]:
        """The seed of each member."""
        return [member["seed"] for member in self.members]

    @property
    def known_sides(self) -> tuple[str, ...]:
        """The sides of a dialogue file that the weights may be fitted to."""
        return ("train", "dev") if self.refitted else ("train",)

    def trained_on(self, dialogue_ids: Iterable[str], data_sha256: str) -> bool:
        """Whether any of these dialogues was trained on; False for those of another file."""
        return data_sha256 == self.data_sha256 and not {*self.trained_ids}.isdisjoint(dialogue_ids)

    def models(self) -> list[Model]:
        """Build every member's model, in eval mode; torch's random numbers stay where they are.

        Raises:
            InputError: there is no member, or a member's weights are not of this architecture or
                no numbers.
        """
        if not self.members:
            raise InputError("the checkpoint holds no trained member")
        # Fresh weights are drawn, which would change the training of whoever predicts meanwhile.
        with torch.random.fork_rng(devices=[]):
            return [self._build(member["weights"]) for member in self.members]

    def _build(self, weights: dict[str, torch.Tensor]) -> Model:
        with torch.device("meta"):  # a broken file may ask for more than fits into memory
            wanted = self.spec.build(self.config).state_dict()
        found = {name: value.shape for name, value in weights.items()}
        if found != {name: value.shape for name, value in wanted.items()}:
            raise InputError("the weights are not of this architecture")
        # The deviation of a constant feature is infinite by design, no other value is.
        finite = all(v.isfinite().all() for name, v in weights.items() if name != "scaler.std")
        if not finite or not (weights.get("scaler.std", torch.ones(1)) > 0).all():
            raise InputError("the weights are not finite")
        model = self.spec.build(self.config)
        model.load_state_dict(weights)
        return model.eval()


def save_checkpoint(
    folder: Path | str, checkpoint: Checkpoint, on_written: Callable[[], None] = lambda: None
) -> Path:
    """Write ``model.pt`` into `folder`, all of it or nothing; return its path.

    Args:
        folder: of the run.
        checkpoint: what is written.
        on_written: called when it is whole on disk, before it takes an earlier one's place.
    """
    spec = asdict(checkpoint.spec)
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "preset": preset_of(checkpoint.config),
        "config": asdict(checkpoint.config),
        "spec": {**spec, "widths": list(spec["widths"]), "emotions": list(spec["emotions"])},
        "finish": checkpoint.finish.to_plain(),
        "refitted": checkpoint.refitted,
        "trained_ids": list(checkpoint.trained_ids),
        "data_sha256": checkpoint.data_sha256,
        "members": list(checkpoint.members),
    }
    path = Path(folder) / CHECKPOINT_NAME
    # A file object, since torch would write the temporary file's name into the archive.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        torch.save(content, file)
        file.flush()
        on_written()
    return path


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Load a checkpoint from its folder or from the ``.pt`` file in it.

    Raises:
        InputError: there is none, or it is not a checkpoint of this project and version.
    """
    path = checkpoint_file(Path(path))
    try:
        require_sound_archive(path)
        content = torch.load(path, weights_only=True, map_location="cpu")
        require_tree(content, path.stat().st_size, _LEAVES)
        if (content["format"], content["version"]) != (_FORMAT, _VERSION):
            raise InputError("written by another program or release")
        _check_size(content["members"], path.stat().st_size)
        checkpoint = _from_plain(content)
        checkpoint.models()  # what does not build is found here, not halfway through the work
        return checkpoint
    except Exception as error:  # a foreign or broken file can fail in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: not a graph_er checkpoint ({reason[:200]})") from error


def _check_size(members: Sequence[dict[str, Any]], file_size: int) -> None:
    """Refuse weights that take more memory than the file could hold, before anything is built."""
    total = 0
    for weights in (member["weights"] for member in members):
        if not all(v.layout is torch.strided and v.is_contiguous() for v in weights.values()):
            raise InputError("the weights are not plain arrays")
        total += sum(value.numel() * value.element_size() for value in weights.values())
    if total > file_size:
        raise InputError(f"{total:,} bytes of weights in a file of {file_size:,}")


def _from_plain(content: dict[str, Any]) -> Checkpoint:
    _check_plain(content)
    preset = content["preset"]
    config = model_config(preset, {**before_options(preset), **content["config"]})
    spec = content["spec"]
    finish = Finish.from_plain(content["finish"], len(spec["emotions"]), causal=config.causal)
    return Checkpoint(
        config=config,
        spec=ModelSpec(
            modalities=spec["modalities"],
            widths=tuple(spec["widths"]),
            emotions=tuple(spec["emotions"]),
            num_speakers=spec["num_speakers"],
            cues=spec["cues"],
        ),
        members=tuple(content["members"]),
        finish=finish,
        refitted=content["refitted"],
        trained_ids=tuple(content["trained_ids"]),
        data_sha256=content["data_sha256"],
    )


def _check_plain(content: dict[str, Any]) -> None:
    """Refuse values that are not of exactly the type that is written."""
    spec, seeds = content["spec"], [member["seed"] for member in content["members"]]
    sound = {
        "seeds": _different(seeds, int) and min(seeds, default=0) >= 0,
        "modalities": type(spec["modalities"]) is str,
        "widths": type(spec["widths"]) is list and all(type(w) is int for w in spec["widths"]),
        "emotions": type(spec["emotions"]) is list and _different(spec["emotions"], str),
        "num_speakers": type(spec["num_speakers"]) is int,
        "cues": type(spec["cues"]) is bool,
        "refitted": type(content["refitted"]) is bool,
        "trained_ids": _different(content["trained_ids"], str),
        "data_sha256": type(content["data_sha256"]) in (str, type(None)),
    }
    for name, value in sound.items():
        if not value:
            raise InputError(f"its {name} are of another kind or occur twice")


def _different(values: Sequence[Any], kind: type) -> bool:
    return all(type(value) is kind for value in values) and len({*values}) == len(values)
