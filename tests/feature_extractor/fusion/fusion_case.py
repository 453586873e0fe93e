"""A fusion model of the registry built small, and streams that fit it."""

import dataclasses

import torch

from feature_extractor.fusion.base import Earlier, Sizes, Targets
from feature_extractor.fusion.context import NOBODY, OTHER_SPEAKER, SAME_SPEAKER
from feature_extractor.fusion.registry import FUSIONS, build_fusion, fusion_options
from feature_extractor.fusion.stream import LAYERS, TIME, Stream
from feature_extractor.training.losses import LOSSES

EMOTIONS, LAYER_COUNT, CONTEXT, WIDTH = 7, 4, 2, 32
WIDTHS = {"t": 24, "a": 20}
LENGTHS = {"t": (6, 2, 5, 1), "a": (30, 7, 1, 19)}
# Who said the two utterances before each; the third has none, and the second one.
SPEAKERS = torch.tensor(
    [
        [SAME_SPEAKER, OTHER_SPEAKER],
        [OTHER_SPEAKER, NOBODY],
        [NOBODY, NOBODY],
        [OTHER_SPEAKER, SAME_SPEAKER],
    ]
)
ROWS = len(SPEAKERS)
EARLIER_LENGTHS = {"t": (3, 1, 6, 2, 4, 4, 2, 5), "a": (9, 4, 22, 6, 3, 8, 1, 17)}
NAMES = {"t": "text", "a": "audio"}


def random_stream(lengths, width, seed, positions=0):
    """Random states, garbage included where nothing is."""
    generator = torch.Generator().manual_seed(seed)
    positions = max(*lengths, positions)
    states = torch.randn(len(lengths), positions, width, generator=generator)
    return Stream(states, torch.arange(positions)[None] < torch.tensor(lengths)[:, None])


def map_streams(change, inputs):
    """Change every stream of the arguments of `forward`, those of earlier utterances too."""
    changed = {name: s and change(name, s) for name, s in inputs.items() if name in NAMES.values()}
    earlier = inputs["earlier"]
    if earlier is not None:
        streams = {"text": earlier.text, "audio": earlier.audio}
        streams = {name: s and change(f"earlier {name}", s) for name, s in streams.items()}
        earlier = dataclasses.replace(earlier, **streams)
    return {**changed, "earlier": earlier}


def only(row, inputs):
    """The arguments of `forward` for one of the utterances."""

    def cut(name, stream):
        rows = [row] if name in NAMES.values() else [CONTEXT * row + k for k in range(CONTEXT)]
        return Stream(stream.states[rows], stream.mask[rows])

    inputs = map_streams(cut, inputs)
    if inputs["earlier"] is not None:
        speakers = inputs["earlier"].speakers[[row]]
        inputs["earlier"] = dataclasses.replace(inputs["earlier"], speakers=speakers)
    return inputs


def trimmed(name, stream):
    """A stream without positions that none of its rows has."""
    length = int(stream.mask.sum(dim=1).max())
    return Stream(stream.states[:, :length], stream.mask[:, :length])


@dataclasses.dataclass(frozen=True)
class Case:
    """A model of the registry with options, for some modalities."""

    name: str
    modalities: str
    given: tuple = ()

    def __str__(self):
        return "-".join([self.name, self.modalities, *(f"{k}={v}" for k, v in self.given)])

    @property
    def options(self):
        """Its own options, and layers narrower than the published ones: tests are to be fast."""
        fields = {
            item.name: item.default for item in dataclasses.fields(FUSIONS[self.name].options)
        }
        narrow = {"width": WIDTH} if fields.get("width", 0) > WIDTH else {}
        return {**narrow, **dict(self.given)}

    @property
    def context(self):
        return self.options.get("context", 0)

    @property
    def own_options(self):
        """Those that a user gives it; the context is the whole model's."""
        return {name: value for name, value in self.options.items() if name != "context"}

    @property
    def apart(self):
        """The modalities in which it reads earlier utterances by themselves."""
        options = fusion_options(self.name, self.own_options)
        return FUSIONS[self.name].model.reads_apart(options) if self.context else ""

    def view(self, modality):
        options = fusion_options(self.name, self.own_options)
        return FUSIONS[self.name].model.view(options, modality)

    def build(self, seed=0):
        """Return a new model in evaluation mode."""
        torch.manual_seed(seed)
        widths = {NAMES[modality]: WIDTHS[modality] for modality in self.modalities}
        layers = {
            f"{NAMES[modality]}_layers": LAYER_COUNT
            for modality in self.modalities
            if self.view(modality) == LAYERS
        }
        sizes = Sizes(**{"text": None, "audio": None, **widths}, **layers)
        return build_fusion(self.name, sizes, EMOTIONS, self.own_options, self.context).eval()

    def inputs(self, lengths=LENGTHS):
        """Return the arguments of `forward`."""
        inputs = dict.fromkeys(("text", "audio", "earlier"))
        for seed, modality in enumerate(self.modalities):
            time = self.view(modality) == TIME
            counts = lengths[modality] if time else (LAYER_COUNT,) * ROWS
            inputs[NAMES[modality]] = random_stream(counts, WIDTHS[modality], seed)
        if self.apart:
            streams = {
                NAMES[kind]: random_stream(EARLIER_LENGTHS[kind], WIDTHS[kind], seed)
                for seed, kind in enumerate(self.modalities, 9)
                if kind in self.apart
            }
            inputs["earlier"] = Earlier(SPEAKERS, streams.get("text"), streams.get("audio"))
        return inputs

    def targets(self, rows=ROWS):
        affect = torch.tensor([[1.5, 4.0], [float("nan")] * 2, [3.0, 2.0], [5.0, 1.0]])
        return Targets(torch.arange(rows) % EMOTIONS, affect[:rows])

    def loss(self, model, output, targets=None):
        criterion = LOSSES[FUSIONS[self.name].loss]
        return model.loss(output, targets or self.targets(len(output.logits)), criterion)


def all_cases():
    """Every model for all of its modalities, and with each choice of its options once."""
    cases = [Case(name, kind) for name, fusion in FUSIONS.items() for kind in fusion.modalities]
    for name, fusion in FUSIONS.items():
        for item in dataclasses.fields(fusion.options):
            choices = item.metadata["choices"] or ()
            if isinstance(item.default, bool):
                choices = (False, True)
            if item.name == "context":
                choices = (0, CONTEXT)
            cases += [
                Case(name, max(fusion.modalities, key=len), ((item.name, choice),))
                for choice in choices
                if choice != item.default
            ]
    follow = (("follow", True), ("context", CONTEXT))
    return cases + [Case("distilled_gate", kind, follow) for kind in ("a", "t", "at")]
