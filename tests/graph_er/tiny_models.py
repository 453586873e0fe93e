"""Configurations of tiny models, every option named so that no default can change a test."""

import torch
from torch_geometric import seed_everything
from torch_geometric.data import Batch

from graph_er.networks.config import CogmenConfig, ContextualConfig, TrainingConfig
from graph_er.networks.spec import ModelSpec
from tests.graph_er.dialogue_factory import EMOTIONS, make_dialogue

CONTEXTUAL = ContextualConfig(
    members=2,
    hidden_size=8,
    sentence_cues=True,
    relative_audio=True,
    audio_level="speaker",
    deviation_terms=True,
    audio_offset=0.5,
    gate=True,
    context_layers=0,
    context_span=512,
    wp=4,
    wf=4,
    decay=8.0,
    relational_layers=1,
    attention_layers=1,
    graph_heads=2,
    input_dropout=0.1,
    dropout=0.2,
)
COGMEN = CogmenConfig(
    hidden_size=8,
    context_layers=1,
    context_heads=2,
    context_feedforward=8,
    context_span=512,
    positions=False,
    wp=4,
    wf=4,
    relations="speaker_pairs",
    graph_heads=1,
    dropout=0.2,
)
CONFIGS = {"default": CONTEXTUAL, "cogmen": COGMEN}
TRAINING = TrainingConfig(
    epochs=2,
    batch_size=2,
    learning_rate=1e-2,
    weight_decay=1e-2,
    schedule="one_cycle",
    ema=0.8,
    label_smoothing=0.0,
    logit_adjustment=0.0,
    contrastive=0.0,
    shift=0.0,
    clip_norm=1.0,
    select="last",
    refit=False,
    decode=False,
)
SPEC = ModelSpec(modalities="at", widths=(4, 6), emotions=EMOTIONS, num_speakers=2)


def build(config, spec=SPEC):
    """A model of which no parameter is at a value that hides it, such as a zero bias."""
    seed_everything(0)
    model = spec.build(config)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model.eval()


def make_graphs(config, lengths, spec=SPEC, **options):
    dialogues = [make_dialogue(f"S{i}_{n}", n, **options) for i, n in enumerate(lengths)]
    return [spec.graph(dialogue, config) for dialogue in dialogues]


def logits(model, graphs):
    """Logits ``[K, N, C]`` of several dialogues as one batch."""
    return model(Batch.from_data_list(list(graphs))).logits


def moved(model, graph, **changes):
    """Which utterances' logits move when fields of a graph are replaced."""
    changed = graph.clone()
    for name, value in changes.items():
        changed[name] = value
    difference = logits(model, [changed]) - logits(model, [graph])
    return (difference.abs().amax(dim=(0, 2)) > 1e-5).tolist()


def with_noise(graph, begin, end=None):
    """Features ``x`` of which those of utterances `begin` to `end` are others."""
    x = graph.x.clone()
    x[begin:end] += torch.linspace(3, 5, x.size(1))
    return x
