"""The published contextual graph network on padded batches (Joshi et al., NAACL 2022).

One thing differs from what was published: padding is masked, since a result that depends on the
other dialogues of a batch could not be compared with anything. The work on padding stays.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch_geometric.nn import RGCNConv, TransformerConv

from scripts.benchmarks.reference.graph import batch_edges

# Where ours keeps what: the same weights are to be put into both.
_OURS = {
    "context.transformer.": "context.",
    "context.linear.": "project.",
    "graph.relational.": "relational.",
    "graph.attention.": "attention.",
    "graph.norm.": "norm.",
    "head.hidden.": "hidden.",
    "head.output.": "output.",
}


class PaddedCogmen(nn.Module):
    """Transformer over padded dialogues, RGCN, graph transformer, classifier.

    Args:
        width: features of an utterance.
        hidden: width after the context encoder and in the graph.
        heads: attention heads of the context encoder.
        layers: its layers.
        feedforward: width of their feed-forward part.
        dropout: probability.
        emotions: number of labels.
        past, future: windows of the graph.
    """

    def __init__(
        self,
        width: int,
        *,
        hidden: int,
        heads: int,
        layers: int,
        feedforward: int,
        dropout: float,
        emotions: int,
        past: int,
        future: int,
    ) -> None:
        super().__init__()
        self.past, self.future = past, future
        layer = nn.TransformerEncoderLayer(width, heads, feedforward, dropout, batch_first=True)
        self.context = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.project = nn.Linear(width, hidden)
        self.relational = RGCNConv(hidden, hidden, 8)
        self.attention = TransformerConv(hidden, hidden, heads=1)
        self.norm = nn.BatchNorm1d(hidden)
        self.hidden = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, emotions)

    def forward(self, features: list[Tensor], speakers: list[Tensor]) -> Tensor:
        """Return logits ``[N, C]`` of the utterances of all dialogues.

        Args:
            features: ``[U_i, D]`` of each dialogue.
            speakers: ``[U_i]`` of each, 0 or 1, on the CPU.
        """
        lengths = [len(rows) for rows in features]
        padded = pad_sequence(features, batch_first=True)  # [B, U, D]
        padding = torch.ones(padded.shape[:2], dtype=torch.bool, device=padded.device)
        for row, length in enumerate(lengths):
            padding[row, :length] = False
        context = self.project(self.context(padded, src_key_padding_mask=padding))
        nodes = torch.cat([context[row, :length] for row, length in enumerate(lengths)])
        edge_index, edge_type = batch_edges(speakers, self.past, self.future)
        edge_index, edge_type = edge_index.to(nodes.device), edge_type.to(nodes.device)
        nodes = self.relational(nodes, edge_index, edge_type)
        nodes = F.leaky_relu(self.norm(self.attention(nodes, edge_index)))
        return self.output(self.dropout(F.relu(self.hidden(nodes))))

    def take_weights(self, ours: nn.Module) -> None:
        """Copy all weights of our network of the same sizes.

        Raises:
            RuntimeError: the two do not hold the same parameters.
        """
        weights = {}
        for name, value in ours.state_dict().items():
            prefix = next((prefix for prefix in _OURS if name.startswith(prefix)), "")
            weights[_OURS.get(prefix, "") + name.removeprefix(prefix)] = value
        self.load_state_dict(weights)
