"""What the measurements share: sizes, files and encoders made on the spot, unit costs found."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_er.dialogues import DialogueFile, read_dialogues, write_dialogues
from scripts.benchmarks.sizes import Sizes
from scripts.benchmarks.synthetic_dialogues import make_file

if TYPE_CHECKING:
    from scripts.benchmarks.synthetic_speech import Speech


@dataclass
class Context:
    """What the measurements share.

    Attributes:
        sizes: how much is measured.
        scratch: a folder that is removed in the end.
        device: ``cpu`` or a CUDA device.
        data: a dialogue file to train on, or None for a synthetic one.
        unit_costs: filled by the measurements; seconds and bytes per unit of work.
        published_epoch: seconds of an epoch of the published loop, once it has been measured.
    """

    sizes: Sizes
    scratch: Path
    device: str = "cpu"
    data: Path | None = None
    unit_costs: dict[str, Any] = field(default_factory=dict)
    published_epoch: float | None = None

    @cached_property
    def dialogue_path(self) -> Path:
        """The dialogue file that stage 3 is measured on, made if the user named none."""
        if self.data is not None:
            return self.data
        path = self.scratch / "dialogues.pkl"
        sizes = self.sizes
        write_dialogues(path, make_file(sizes.dialogues, sizes.turns, text=sizes.text_width))
        return path

    @cached_property
    def dialogues(self) -> DialogueFile:
        """Its content."""
        return read_dialogues(self.dialogue_path)

    @property
    def modalities(self) -> str:
        """Those of audio and text that the file has."""
        return "".join(letter for letter in "at" if letter in self.dialogues.modalities)

    @cached_property
    def speech(self) -> Speech:
        """Synthetic clips and their table."""
        from scripts.benchmarks.synthetic_speech import write_speech  # imports transformers

        return write_speech(self.scratch / "speech", self.sizes.clips)

    @cached_property
    def encoders(self) -> tuple[Path, Path]:
        """Folders of a text and an audio encoder."""
        from feature_extractor.networks.encoders import quiet_transformers
        from scripts.benchmarks.synthetic_speech import write_encoders

        quiet_transformers()
        full = self.sizes.full_encoders
        return write_encoders(self.scratch / "encoders", self.speech.texts, full=full)

    @property
    def encoder_names(self) -> str:
        """The encoders in words."""
        if self.sizes.full_encoders:
            return "XLS-R 300M + RoBERTa-base, random weights"
        return "the demo's tiny encoders"
