"""Floating-point operations of the full-size encoders, counted from their shapes."""

from __future__ import annotations

# wav2vec 2.0's convolutions (Baevski et al., NeurIPS 2020): kernels and strides at 512 channels.
_KERNELS, _STRIDES, _CHANNELS = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2), 512
_RATE = 16_000
_FRAMES = 50  # per second
_WIDTH, _LAYERS, _FEEDFORWARD = 1024, 24, 4096
_POSITION_KERNEL, _POSITION_GROUPS = 128, 16
_TEXT_WIDTH, _TEXT_LAYERS, _TEXT_FEEDFORWARD = 768, 12, 3072
# A pass for the gradients of the inputs and one for those of the weights beside the forward pass.
TRAINING_PASSES = 3


def audio_flops_per_second(clip_seconds: float) -> float:
    """Return the operations of XLS-R 300M per second of audio, forward.

    Args:
        clip_seconds: length of a clip; attention costs by its square.
    """
    rate, channels, convolutions = float(_RATE), 1, 0.0
    for kernel, stride in zip(_KERNELS, _STRIDES, strict=True):
        rate /= stride
        convolutions += rate * kernel * channels * _CHANNELS
        channels = _CHANNELS
    positions = _POSITION_KERNEL * _WIDTH * _WIDTH / _POSITION_GROUPS
    layer = _layer(_WIDTH, _FEEDFORWARD, _FRAMES * clip_seconds)
    return 2 * (convolutions + _FRAMES * (_CHANNELS * _WIDTH + positions + _LAYERS * layer))


def text_flops(tokens: float) -> float:
    """Return the operations of RoBERTa-base on a text of so many tokens, forward."""
    return 2 * tokens * _TEXT_LAYERS * _layer(_TEXT_WIDTH, _TEXT_FEEDFORWARD, tokens)


def _layer(width: int, feedforward: int, length: float) -> float:
    """Return multiplications per position: projections, feed-forward, attention's two products."""
    return 4 * width**2 + 2 * width * feedforward + 2 * length * width
