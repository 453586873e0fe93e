"""What a model of stage 3 takes and gives: dialogues to graphs, and fresh models for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch_geometric.data import Data

from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.errors import InputError
from graph_er.graphs.graph import add_edges, dialogue_to_data
from graph_er.graphs.voices import Voices
from graph_er.networks.cogmen import Cogmen
from graph_er.networks.config import CogmenConfig, ContextualConfig, ModelConfig
from graph_er.networks.contextual import ContextualGNN
from graph_er.networks.sentence_cues import NUM_CUES, sentence_cues
from graph_er.schema.emotions import MODALITY_NAMES

Model = ContextualGNN | Cogmen


@dataclass(frozen=True)
class ModelSpec:
    """Fixed by the dialogue file that a model is trained on.

    Attributes:
        modalities: letters in the order in which ``x`` holds their features, e.g. ``at``.
        widths: feature width of each.
        emotions: label names in label order.
        num_speakers: most speakers of a training dialogue.
        cues: whether the transcripts' cues (`graph_er.networks.sentence_cues`) follow the features.
    """

    modalities: str
    widths: tuple[int, ...]
    emotions: tuple[str, ...]
    num_speakers: int
    cues: bool = False

    def __post_init__(self) -> None:
        """Check that there is one width for each modality, each known and named once."""
        letters = set(self.modalities)
        if not letters or len(letters) < len(self.modalities) or not letters <= {*MODALITY_NAMES}:
            raise InputError(f"modalities {self.modalities!r} are not known")
        if len(self.widths) != len(self.modalities):
            raise InputError(f"{len(self.widths)} widths for modalities {self.modalities!r}")
        if self.num_speakers < 1 or min(self.widths) < 1:
            raise InputError(f"{self.num_speakers} speakers, features {self.widths} wide")

    def check(self, file: DialogueFile) -> None:
        """Raise `InputError` unless the dialogues of `file` fit a model of this spec."""
        if file.emotions != self.emotions:
            raise InputError(
                f"the dialogue file's emotions ({', '.join(file.emotions)}) are not the "
                f"checkpoint's ({', '.join(self.emotions)}); take a file of the same emotions, or "
                "where the file does not name them, name them with --dataset"
            )
        if feature_widths(file.dialogues, self.modalities) != self.widths:
            raise InputError(
                f"the checkpoint was trained on {self._widths(self.widths)} features, the file "
                f"has {self._widths(feature_widths(file.dialogues, self.modalities))}; "
                "use features of the same extractor"
            )
        if self.cues and not has_sentences(file.dialogues):
            raise InputError(
                "the checkpoint heard transcripts beside their features, the file has none; train "
                "with --no-sentence_cues for files without sentences"
            )

    def named(self, file: DialogueFile) -> DialogueFile:
        """Return `file` under the names of this spec's emotions if it has none of its own.

        `graph_er.dialogues.read_dialogues` gives numbers in place of names that are not there; they
        reach to the highest label that occurs, so there may be fewer than the spec has names. Any
        other file, and one of more labels than the spec has, is returned as it is.
        """
        numbers = tuple(str(label) for label in range(len(file.emotions)))
        if file.emotions != numbers or len(numbers) > len(self.emotions):
            return file
        return replace(file, emotions=self.emotions)

    def graph(
        self, dialogue: Dialogue, config: ModelConfig, among: Sequence[Dialogue] | None = None
    ) -> Data:
        """Return a dialogue as a model of this spec takes it; see `graphs`."""
        (graph,) = self.graphs([dialogue], config, among)
        return graph

    def graphs(
        self,
        dialogues: Sequence[Dialogue],
        config: ModelConfig,
        among: Sequence[Dialogue] | None = None,
    ) -> list[Data]:
        """Return dialogues as a model of this spec takes them.

        Args:
            dialogues: to be trained on, evaluated or predicted.
            config: of the model.
            among: of which they are a part, where voices are known from more
                (`graph_er.graphs.voices`); None for them alone.

        Raises:
            InputError: a dialogue lacks one of the modalities.
        """
        graphs = [self._nodes(dialogue) for dialogue in dialogues]
        if voiced := self.voiced(config):
            voices = Voices(dialogues if among is None else among, voiced)
            for graph, dialogue in zip(graphs, dialogues, strict=True):
                graph.update(voices.of(dialogue))
        if isinstance(config, CogmenConfig):
            add_edges(
                graphs,
                past=config.wp,
                future=config.wf,
                scheme=config.relations,
                num_speakers=self.num_speakers,
            )
        return graphs

    def voiced(self, config: ModelConfig) -> str:
        """Return the letters of the modalities that are heard against speakers' levels."""
        by_voice = isinstance(config, ContextualConfig) and config.by_voice
        return "".join(letter for letter in self.modalities if by_voice and letter in "av")

    def _nodes(self, dialogue: Dialogue) -> Data:
        found = [dialogue.features(modality) for modality in self.modalities]
        features = [rows for rows in found if rows is not None]
        if len(features) < len(found):
            raise InputError(
                f"dialogue {dialogue.id} lacks one of the modalities {self.modalities}"
            )
        if self.cues:
            features.append(sentence_cues(dialogue.sentences))
        return dialogue_to_data(dialogue, features)

    def build(self, config: ModelConfig) -> Model:
        """Return a model of this spec with fresh weights."""
        if isinstance(config, CogmenConfig):
            return Cogmen(
                config,
                width=sum(self.widths),
                num_emotions=len(self.emotions),
                num_speakers=self.num_speakers,
            )
        # Audio carries the microphone, the room and the voice: what differs from the level of the
        # speaker or the dialogue is heard beside it. Text has no level; there it only adds noise.
        relative = [config.relative_audio and modality in "av" for modality in self.modalities]
        cues = [NUM_CUES] if self.cues else []
        return ContextualGNN(
            config,
            widths=[*self.widths, *cues],
            relative=[*relative, *(False for _ in cues)],
            num_emotions=len(self.emotions),
        )

    def _widths(self, widths: Sequence[int]) -> str:
        named = zip(self.modalities, widths, strict=True)
        return " + ".join(f"{MODALITY_NAMES[letter]} {width}" for letter, width in named)


def spec_of(
    file: DialogueFile, dialogues: Sequence[Dialogue], modalities: str, config: ModelConfig
) -> ModelSpec:
    """Return the spec of a model trained on `dialogues` of `file`.

    Raises:
        InputError: there is no dialogue, one lacks a modality, or widths differ between them.
    """
    if not dialogues:
        raise InputError("there is no dialogue to train on")
    wanted = not isinstance(config, CogmenConfig) and config.sentence_cues
    return ModelSpec(
        modalities=modalities,
        widths=feature_widths(dialogues, modalities),
        emotions=file.emotions,
        num_speakers=max(len(set(dialogue.speakers)) for dialogue in dialogues),
        cues=wanted and "t" in modalities and has_sentences(dialogues),
    )


def has_sentences(dialogues: Sequence[Dialogue]) -> bool:
    """Tell whether any utterance has a transcript."""
    return any(sentence for dialogue in dialogues for sentence in dialogue.sentences)


def feature_widths(dialogues: Sequence[Dialogue], modalities: str) -> tuple[int, ...]:
    """Return the feature width of each modality, the same in every dialogue.

    Raises:
        InputError: a dialogue lacks a modality, or widths differ between dialogues.
    """
    widths: list[int] = []
    for modality in modalities:
        name = MODALITY_NAMES[modality]
        by_width: dict[int, str] = {}
        for dialogue in dialogues:
            features = dialogue.features(modality)
            if features is None:
                there = "".join(m for m in MODALITY_NAMES if dialogue.features(m) is not None)
                raise InputError(
                    f"no {name} features (modality {modality!r}) in dialogue {dialogue.id}, which "
                    f"has {there or 'none'}; train with --modalities among those of the file, or "
                    "name a file that has them"
                )
            by_width.setdefault(features.shape[1], dialogue.id)
        if len(by_width) > 1:
            found = ", ".join(f"{width} in {where}" for width, where in by_width.items())
            raise InputError(f"{name} features of different widths: {found}")
        widths.extend(by_width)
    return tuple(widths)
