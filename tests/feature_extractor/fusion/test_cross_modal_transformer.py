import pytest
import torch

from feature_extractor.fusion.base import Sizes
from feature_extractor.fusion.cross_modal_transformer import (
    CrossModalTransformer,
    CrossModalTransformerOptions,
)
from feature_extractor.fusion.mfcc_transformer import (
    MfccTransformer,
    MfccTransformerOptions,
    rescaled,
)
from feature_extractor.fusion.stream import Stream
from feature_extractor.fusion.transformer_layers import (
    Depth,
    TransformerLayer,
    TransformerStack,
    sinusoidal_positions,
)
from graph_er.errors import InputError

SMALL = CrossModalTransformerOptions(width=8, layers=2, heads=2)


def stream(width, lengths, seed=1):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return Stream(torch.randn(len(lengths), max(lengths), width, generator=generator), mask)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def model_of(sizes):
    torch.manual_seed(0)
    return CrossModalTransformer(sizes, 7, SMALL).eval()


def test_number_of_parameters():
    # 988,807 are published. Mended: a norm of 2 * 64 for the keys of each of 8 layers across the
    # modalities, which shared that of the queries, and one after each of 4 stacks, which pre-norm
    # layers need.
    model = CrossModalTransformer(Sizes(768, 40), 7, CrossModalTransformerOptions())
    assert count(model) == 988_807 + 8 * 128 + 4 * 128


def test_number_of_parameters_of_the_audio_model():
    # 82,447 are published; the norm after the stack adds 2 * 40.
    model = MfccTransformer(Sizes(None, 40), 7, MfccTransformerOptions())
    assert count(model) == 82_447 + 80


def test_a_sum_starts_from_what_has_not_been_normalised():
    torch.manual_seed(0)
    layer = TransformerLayer(8, Depth(heads=2), across=False).eval()
    with torch.no_grad():
        layer.attention.out_proj.weight.zero_()
        layer.attention.out_proj.bias.zero_()
        layer.feed_forward[-1].weight.zero_()
        layer.feed_forward[-1].bias.zero_()
    states = 100 * torch.randn(2, 3, 8)
    assert torch.equal(layer(states, None, torch.ones(2, 3, dtype=torch.bool)), states)


def test_attention_looks_ahead():
    stack = TransformerStack(8, Depth(layers=1, heads=2)).eval()
    before = stream(8, [4])
    changed = before.states.clone()
    changed[:, 3] *= -1.0
    after = stack(Stream(changed, before.mask)).states
    assert not torch.allclose(stack(before).states[:, 0], after[:, 0], atol=1e-5)


def test_positions_count_states_and_read_none():
    mask = torch.tensor([[True, True, True, False], [False, True, True, True]])
    positions = sinusoidal_positions(mask, 5)
    assert positions.shape == (2, 4, 5)
    assert torch.equal(positions[0, :3], positions[1, 1:])
    assert len({tuple(row) for row in positions[0, :3].tolist()}) == 3
    assert positions[0, 0].tolist() == [0, 0, 0, 1, 1]


def test_order_matters():
    model = model_of(Sizes(6, 5))
    text, audio = stream(6, [3]), stream(5, [8])
    turned = Stream(audio.states.flip(1), audio.mask)
    assert not torch.allclose(model(text, audio).logits, model(text, turned).logits, atol=1e-5)


def test_frames_of_zeros_are_frames():
    model = model_of(Sizes(6, 5))
    audio = stream(5, [4])
    audio.states[:, 2:] = 0.0
    shorter = Stream(audio.states, torch.tensor([[True, True, False, False]]))
    text = stream(6, [3])
    assert not torch.allclose(model(text, audio).logits, model(text, shorter).logits, atol=1e-5)


@pytest.mark.parametrize("lengths", [([3, 0], [6, 4]), ([3, 2], [6, 0])])
def test_an_utterance_that_lacks_a_modality(lengths):
    model = model_of(Sizes(6, 5))
    text, audio = stream(6, lengths[0]), stream(5, lengths[1])
    output = model(text, audio)
    lacking = output.text_vector if lengths[0][1] == 0 else output.audio_vector
    assert output.logits.isfinite().all()
    assert (lacking[1] == 0).all()
    assert (lacking[0] != 0).any()
    padding = Stream(torch.where(audio.mask[:, :, None], audio.states, 50.0), audio.mask)
    assert torch.allclose(model(text, padding).logits, output.logits, atol=1e-5)


def test_heads_divide_the_width():
    with pytest.raises(InputError, match="--heads is 8; it must be a divisor of 30"):
        CrossModalTransformerOptions(width=30)


@pytest.mark.parametrize("width", [7, 10, 40])
def test_the_audio_model_takes_frames_of_any_width(width):
    model = MfccTransformer(Sizes(None, width), 7, MfccTransformerOptions(layers=1)).eval()
    output = model(None, stream(width, [3, 5]))
    assert output.logits.shape == (2, 7)
    assert output.audio_vector.shape == (2, width)


def test_the_audio_model_refuses_text():
    with pytest.raises(ValueError, match="audio"):
        MfccTransformer(Sizes(6, 5), 7, MfccTransformerOptions())


@pytest.mark.parametrize(("scaling", "dimension"), [("frame", 2), ("utterance", 1)])
def test_frames_are_standardised(scaling, dimension):
    frames = stream(6, [9, 4])
    frames.states[1, 4:] = 1e6
    scaled = rescaled(Stream(3 + 5 * frames.states, frames.mask), scaling)
    valid = [scaled.states[row : row + 1, :length] for row, length in ((0, 9), (1, 4))]
    for states in valid:
        variance = states.var(dim=dimension, correction=0)
        assert states.mean(dim=dimension).abs().max() < 1e-5
        assert torch.allclose(variance, torch.ones(()), atol=1e-3)
    assert (scaled.states[1, 4:] == 0).all()
