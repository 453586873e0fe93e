"""The checkpoint of stage 3: ``model.pt``, tensors and plain values only, one member per seed.

It loads with ``torch.load(path, weights_only=True)`` and holds ``format``, ``version``, ``config``,
``spec`` (what the model was made for) and ``members``: for each seed its ``weights`` and what is
known of its training (``seed``, ``epoch``, ``dev``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data

from graph_er.config import ModelConfig
from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.emotions import MODALITY_NAMES
from graph_er.errors import InputError
from graph_er.files import atomic_path
from graph_er.graph import dialogue_to_graph
from graph_er.model import DialogueGNN

CHECKPOINT_NAME = "model.pt"
_FORMAT, _VERSION = "graph_er", 1


@dataclass(frozen=True)
class ModelSpec:
    """What a model takes and gives: fixed by the dialogue file that it was trained on.

    Attributes:
        modalities: letters in the order in which ``x`` holds their features, e.g. ``at``.
        widths: feature width of each.
        emotions: label names in label order.
        num_speakers: most speakers of a training dialogue.
    """

    modalities: str
    widths: tuple[int, ...]
    emotions: tuple[str, ...]
    num_speakers: int

    def __post_init__(self) -> None:
        """Check that there is one width for each known modality."""
        if not self.modalities or not set(self.modalities) <= set(MODALITY_NAMES):
            raise InputError(f"modalities {self.modalities!r} are not known")
        if len(self.widths) != len(self.modalities):
            raise InputError(f"{len(self.widths)} widths for modalities {self.modalities!r}")

    def check(self, file: DialogueFile) -> None:
        """Raise `InputError` unless the dialogues of `file` fit a model of this spec."""
        if file.emotions != self.emotions:
            raise InputError(
                f"the dialogue file's emotions ({', '.join(file.emotions)}) are not the "
                f"checkpoint's ({', '.join(self.emotions)})"
            )
        if feature_widths(file.dialogues, self.modalities) != self.widths:
            raise InputError(
                f"the checkpoint was trained on {self._widths(self.widths)} features, the file "
                f"has {self._widths(feature_widths(file.dialogues, self.modalities))}; "
                "use features of the same extractor"
            )

    def graph(self, dialogue: Dialogue, config: ModelConfig) -> Data:
        """Return the graph of a dialogue as a model of this spec takes it."""
        return dialogue_to_graph(
            dialogue,
            self.modalities,
            past=config.wp,
            future=config.wf,
            scheme=config.relations,
            num_speakers=self.num_speakers,
        )

    def build(self, config: ModelConfig) -> DialogueGNN:
        """Return a model of this spec with fresh weights."""
        return DialogueGNN(
            config,
            widths=self.widths,
            num_emotions=len(self.emotions),
            num_speakers=self.num_speakers,
        )

    def _widths(self, widths: Sequence[int]) -> str:
        named = zip(self.modalities, widths, strict=True)
        return " + ".join(f"{MODALITY_NAMES[letter]} {width}" for letter, width in named)


@dataclass(frozen=True)
class Checkpoint:
    """A run: its architecture, what it was made for, and a trained member per seed."""

    config: ModelConfig
    spec: ModelSpec
    members: tuple[dict[str, Any], ...]

    @property
    def seeds(self) -> list[int]:
        """The seed of each member."""
        return [member["seed"] for member in self.members]

    def models(self) -> list[DialogueGNN]:
        """Build every member's model, in eval mode.

        Raises:
            InputError: there is no member, or a member's weights are not of this architecture or
                not finite.
        """
        if not self.members:
            raise InputError("the checkpoint holds no trained member")
        return [self._build(member["weights"]) for member in self.members]

    def _build(self, weights: dict[str, torch.Tensor]) -> DialogueGNN:
        model = self.spec.build(self.config)
        model.load_state_dict(weights, strict=True)
        if not all(torch.isfinite(parameter).all() for parameter in model.parameters()):
            raise InputError("the checkpoint's weights are not finite")
        return model.eval()


def feature_widths(dialogues: Sequence[Dialogue], modalities: str) -> tuple[int, ...]:
    """Return the feature width of each modality, the same in every dialogue.

    Raises:
        InputError: a dialogue lacks a modality, or widths differ between dialogues.
    """
    widths = []
    for modality in modalities:
        name = MODALITY_NAMES[modality]
        by_width: dict[int, str] = {}
        for dialogue in dialogues:
            features = dialogue.features(modality)
            if features is None:
                raise InputError(
                    f"no {name} features (modality {modality!r}) in dialogue {dialogue.id}; "
                    "choose --modalities among those that the file has"
                )
            by_width.setdefault(features.shape[1], dialogue.id)
        if len(by_width) > 1:
            found = ", ".join(f"{width} in {where}" for width, where in by_width.items())
            raise InputError(f"{name} features of different widths: {found}")
        widths.extend(by_width)
    return tuple(widths)


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write ``model.pt`` into `folder`, all of it or nothing; return its path."""
    spec = asdict(checkpoint.spec)
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "config": asdict(checkpoint.config),
        "spec": {**spec, "widths": list(spec["widths"]), "emotions": list(spec["emotions"])},
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
        spec = content["spec"]
        checkpoint = Checkpoint(
            config=ModelConfig(**content["config"]),
            spec=ModelSpec(
                modalities=spec["modalities"],
                widths=tuple(spec["widths"]),
                emotions=tuple(spec["emotions"]),
                num_speakers=spec["num_speakers"],
            ),
            members=tuple(content["members"]),
        )
        checkpoint.models()  # what does not build is found here, not halfway through the work
        return checkpoint
    except Exception as error:  # a foreign or broken file can fail in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: not a graph_er checkpoint ({reason[:200]})") from error
