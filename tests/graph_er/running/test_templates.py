import jinja2
import pytest

from graph_er.running.templates import render


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "pages_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "page.jinja").write_text("{% if name %}\n<b>{{ name }}</b>\n{% endif %}\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


def test_texts_are_escaped_unless_told_otherwise(package):
    assert render(package, "page.jinja", name="<i>") == "<b>&lt;i&gt;</b>\n"
    assert render(package, "page.jinja", name="<i>", escape=False) == "<b><i></b>\n"


def test_a_missing_value_is_an_error(package):
    with pytest.raises(jinja2.UndefinedError, match="name"):
        render(package, "page.jinja")
