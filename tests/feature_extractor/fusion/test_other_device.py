"""Fusion models keep every tensor on the device that they run on."""

import pytest
import torch

from feature_extractor.fusion.base import Targets
from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.fusion.stream import Stream
from tests.feature_extractor.fusion.fusion_case import Case, map_streams
from tests.pretended_device import Elsewhere, pretended_device


@pytest.mark.slow
@pytest.mark.parametrize("name", FUSIONS)
def test_forward_and_backward_keep_to_one_device(name):
    case = Case(name, max(FUSIONS[name].modalities, key=len))
    model, inputs, targets = case.build(), case.inputs(), case.targets()
    with pretended_device() as device:
        inputs = map_streams(
            lambda _, stream: Stream(stream.states.to(device), stream.mask.to(device)), inputs
        )
        targets = Targets(targets.labels.to(device), targets.affect.to(device))
        model.to(device)
        for step in model.steps:
            model.train().begin(step)
            case.loss(model, model(**inputs), targets).backward()
    found = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert found
    assert all(isinstance(grad, Elsewhere) and torch.isfinite(grad.held).all() for grad in found)
