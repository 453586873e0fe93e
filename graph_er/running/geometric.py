"""PyTorch Geometric without the packages that it imports for parts of it that are not used here."""

from __future__ import annotations

import sys

# For its language models and page rank: a second at every start.
_UNUSED = ("transformers", "numba")


def import_geometric() -> None:
    """Import ``torch_geometric`` as if those packages were absent; they can be imported later."""
    hidden = [name for name in _UNUSED if name not in sys.modules]
    # None stands for "cannot be imported", which the types of `sys.modules` do not know.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        import torch_geometric.data
        import torch_geometric.nn  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
