"""What docs/fusions.md says of the models, and its results, hold."""

import dataclasses
import json
from pathlib import Path

import pytest

from feature_extractor.fusion.registry import FUSIONS
from feature_extractor.fusion_study.page import comparison_page

DOCS = Path(__file__).resolve().parents[3] / "docs"
DOCUMENT = (DOCS / "fusions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FUSIONS)
def test_every_model_and_option_stands_there_with_its_default(name):
    assert f"| `{name}` |" in DOCUMENT
    for option in dataclasses.fields(FUSIONS[name].options):
        if option.name != "context":  # --context gives it
            assert f"| `{name}` | `{option.name}` | {option.default} |" in DOCUMENT


def test_the_results_are_those_of_the_file_beside_it():
    results = json.loads((DOCS / "fusions.json").read_text(encoding="utf-8"))
    _, *page = comparison_page(results).split("\n", 1)
    assert page[0].strip() in DOCUMENT
