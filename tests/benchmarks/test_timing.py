import pytest

from scripts.benchmarks import timing


def test_short_calls_are_repeated_and_long_ones_made_once(monkeypatch):
    calls = []
    spent = {"short": 0.02, "long": 7.0}
    monkeypatch.setattr(timing, "seconds", lambda call, device: spent[call()])

    def call(name):
        calls.append(name)
        return name

    found = timing.alternate(lambda: call("short"), lambda: call("long"), 2)
    assert found == pytest.approx((0.02, 7.0))
    assert calls == ["short", "long", *["short"] * 3, "long", *["short"] * 3, "long"]
