"""Run by a launcher: several processes compare their gradients with those of one."""

import torch
from torch_geometric import seed_everything

from graph_er.networks.spec import spec_of
from graph_er.running import processes
from graph_er.training.one_seed import sides_of
from graph_er.training.optimisation import Trainer
from graph_er.training.recipe import make_recipe
from tests.graph_er.dialogue_factory import make_file

# The last batch has fewer dialogues than there are processes.
BATCHES = ([0, 1, 2], [3, 4, 5], [6, 7], [1])
PLAIN = {"hidden_size": 8, "graph_heads": 2, "dropout": 0.0}
MODELS = {
    "default": {**PLAIN, "members": 2, "audio_offset": 0.0, "input_dropout": 0.0},
    "cogmen": {**PLAIN, "context_layers": 1, "context_feedforward": 16},
}
TRAINING = {"batch_size": 3, "clip_norm": 0.0, "shift": 0.3, "schedule": "plateau", "ema": 0.0}


def gradients(preset):
    """The gradients of every batch at the same weights, and the buffers in the end."""
    recipe = make_recipe(preset, "at", MODELS[preset], TRAINING)
    file = make_file(num_sessions=6, length=5)
    train, dev = file.side("train"), file.side("dev")
    spec = spec_of(file, [*train, *dev], "at", recipe.model)
    graphs = sides_of(spec, recipe, train, dev).train
    seed_everything(1)
    model = spec.build(recipe.model)
    model.fit_scaler(torch.cat([graph.x for graph in graphs]))
    trainer = Trainer(model, graphs, len(spec.emotions), recipe.training, "cpu")
    trainer.learner.train()
    trainer.optimizer.step = lambda: None
    found = []
    for batch in BATCHES:
        trainer._step(batch)
        grads = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
        found.append(grads)
    return [*found, {name: buffer.clone() for name, buffer in model.named_buffers()}]


def main():
    alone = {preset: gradients(preset) for preset in MODELS}
    with processes.joined("cpu"):
        assert processes.count() == 2
        for preset, expected in alone.items():
            for one, several in zip(expected, gradients(preset), strict=True):
                for name, value in one.items():
                    torch.testing.assert_close(several[name], value, rtol=1e-4, atol=1e-6)


if __name__ == "__main__":
    main()
