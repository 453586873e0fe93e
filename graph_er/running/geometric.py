"""PyTorch Geometric and scikit-learn without packages that they import for parts not used here."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

# For language models, page rank and tables: seconds at every start.
_UNUSED = ("transformers", "numba", "pandas")
# Hundreds of data sets, with what they are downloaded and read by.
_DATASETS = "torch_geometric.datasets"
_COMPILER = "torch._dynamo"


def import_geometric() -> None:
    """Import both as if those packages were absent; they can be imported later.

    PyTorch's compiler, for which the optimisers and PyTorch Geometric ask although nothing is
    compiled, is imported once somebody needs it.
    """
    hidden = [name for name in (*_UNUSED, _DATASETS) if name not in sys.modules]
    # None stands for "cannot be imported", which the types of `sys.modules` do not know.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    if _DATASETS in hidden:  # whose absence is not allowed for
        sys.modules[_DATASETS] = ModuleType(_DATASETS)
    sys.modules.setdefault(_COMPILER, _CompilerToCome(_COMPILER))
    try:
        import sklearn.metrics  # noqa: F401
        import torch_geometric.data
        import torch_geometric.nn  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]


class _CompilerToCome(ModuleType):
    """Answers the optimisers, as the compiler does where nothing is compiled, else makes way."""

    def disable(self, function: Any = None, recursive: bool = True, **options: Any) -> Any:
        """Return a function of PyTorch's own: nothing is compiled that it must be kept out of."""
        if function is not None and options == {"wrapping": False}:
            return function
        return self.__getattr__("disable")(function, recursive, **options)

    def graph_break(self) -> None:
        """Do nothing: there is no graph to break."""

    def __getattr__(self, name: str) -> Any:
        """Return what the compiler itself has of that name."""
        # What is asked of every module, such as its file, does not need it.
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        if sys.modules.get(_COMPILER) is self:
            del sys.modules[_COMPILER]
        return getattr(importlib.import_module(_COMPILER), name)
