"""Jinja templates that lie beside the modules which fill them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(
    package: str,
    template: str,
    /,
    *,
    escape: bool = True,
    finalize: Callable[[Any], Any] | None = None,
    **values: Any,
) -> str:
    """Fill in a template.

    Args:
        package: where it lies, e.g. ``graph_er.report``.
        template: name of its file.
        escape: whether texts are escaped for HTML.
        finalize: what is done to each value before it is written.
        values: by the names that the template uses; one that is missing is an error.
    """
    environment = Environment(
        loader=PackageLoader(package, "."),
        autoescape=escape,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
