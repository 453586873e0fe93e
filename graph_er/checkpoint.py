"""The checkpoint of stage 3: ``model.pt``, tensors and plain values only, one member per seed.

It loads with ``torch.load(path, weights_only=True)`` and holds ``format``, ``version``, ``preset``
(which names the architecture), ``config``, ``spec`` (what the model was made for), ``finish`` (how
probabilities are calibrated and decoded), ``refitted`` and ``members``: for each seed its
``weights`` and what is known of its training (``seed``, ``epoch``, ``dev``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from graph_er.config import ModelConfig, model_config, preset_of
from graph_er.errors import InputError
from graph_er.files import atomic_path
from graph_er.finish import Finish
from graph_er.spec import Model, ModelSpec

CHECKPOINT_NAME = "model.pt"
_FORMAT, _VERSION = "graph_er", 2


@dataclass(frozen=True)
class Checkpoint:
    """A run: its architecture, what it was made for, and a trained member per seed.

    Attributes:
        config: the architecture.
        spec: what the models take and give.
        members: per seed ``seed``, ``epoch``, ``dev`` (metrics) and ``weights``.
        finish: how the models' outputs become probabilities.
        refitted: whether the dev side was trained on in the end.
    """

    config: ModelConfig
    spec: ModelSpec
    members: tuple[dict[str, Any], ...]
    finish: Finish
    refitted: bool = False

    @property
    def seeds(self) -> list[int]:
        """The seed of each member."""
        return [member["seed"] for member in self.members]

    @property
    def trained_on(self) -> tuple[str, ...]:
        """The sides of the dialogue file that the weights were fitted to."""
        return ("train", "dev") if self.refitted else ("train",)

    def models(self) -> list[Model]:
        """Build every member's model, in eval mode.

        Raises:
            InputError: there is no member, or a member's weights are not of this architecture or
                no numbers.
        """
        if not self.members:
            raise InputError("the checkpoint holds no trained member")
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


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write ``model.pt`` into `folder`, all of it or nothing; return its path."""
    spec = asdict(checkpoint.spec)
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "preset": preset_of(checkpoint.config),
        "config": asdict(checkpoint.config),
        "spec": {**spec, "widths": list(spec["widths"]), "emotions": list(spec["emotions"])},
        "finish": checkpoint.finish.to_plain(),
        "refitted": checkpoint.refitted,
        "members": list(checkpoint.members),
    }
    path = folder / CHECKPOINT_NAME
    # A file object, since torch would write the temporary file's name into the archive.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        torch.save(content, file)
    return path


def load_checkpoint(path: Path) -> Checkpoint:
    """Load a checkpoint from its folder or from the ``.pt`` file in it.

    Raises:
        InputError: there is none, or it is not a checkpoint of this project and version.
    """
    path = path / CHECKPOINT_NAME if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint; train one with `python graph_er/train.py`")
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        if (content["format"], content["version"]) != (_FORMAT, _VERSION):
            raise InputError("written by another program or release")
        checkpoint = _from_plain(content)
        checkpoint.models()  # what does not build is found here, not halfway through the work
        return checkpoint
    except Exception as error:  # a foreign or broken file can fail in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: not a graph_er checkpoint ({reason[:200]})") from error


def _from_plain(content: dict[str, Any]) -> Checkpoint:
    spec = content["spec"]
    if not all(type(member["seed"]) is int for member in content["members"]):
        raise InputError("a member's seed is not a whole number")
    return Checkpoint(
        config=model_config(content["preset"], content["config"]),
        spec=ModelSpec(
            modalities=spec["modalities"],
            widths=tuple(spec["widths"]),
            emotions=tuple(spec["emotions"]),
            num_speakers=spec["num_speakers"],
            cues=bool(spec["cues"]),
        ),
        members=tuple(content["members"]),
        finish=Finish.from_plain(content["finish"], len(spec["emotions"])),
        refitted=bool(content["refitted"]),
    )
