"""PyTorch Geometric and scikit-learn without packages that they import for parts not used here."""

from __future__ import annotations

import sys
from types import ModuleType

# For language models, page rank and tables: seconds at every start.
_UNUSED = ("transformers", "numba", "pandas")
# Hundreds of data sets, with what they are downloaded and read by.
_DATASETS = "torch_geometric.datasets"


def import_geometric() -> None:
    """Import both as if those packages were absent; they can be imported later."""
    hidden = [name for name in (*_UNUSED, _DATASETS) if name not in sys.modules]
    # None stands for "cannot be imported", which the types of `sys.modules` do not know.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    if _DATASETS in hidden:  # whose absence is not allowed for
        sys.modules[_DATASETS] = ModuleType(_DATASETS)
    try:
        import sklearn.metrics  # noqa: F401
        import torch_geometric.data
        import torch_geometric.nn  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
