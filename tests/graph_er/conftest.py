"""What more than one room is tested with: models that predict, a machine of few fonts."""

import pytest
from matplotlib.font_manager import fontManager

from graph_er.report import fonts
from tests.graph_er.tiny_predictor import models, predictor  # noqa: F401


@pytest.fixture
def no_hangul(monkeypatch):
    """A machine without a Korean font, in a process that has not warned of it."""
    own = [font for font in fontManager.ttflist if font.name.startswith("DejaVu")]
    monkeypatch.setattr(fontManager, "ttflist", own)
    monkeypatch.setattr(fonts, "findSystemFonts", list)
    kept = (fonts.families, fonts._fonts, fonts._warn_of_hangul)
    for cached in kept:
        cached.cache_clear()
    yield
    for cached in kept:
        cached.cache_clear()
