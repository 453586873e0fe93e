"""One small corpus for the tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sessions of two dialogues of eight turns."""
    root = tmp_path_factory.mktemp("demo") / "corpus"
    generate_demo(root, DemoSettings(sessions=4, dialogues=2, utterances=8))
    return root
