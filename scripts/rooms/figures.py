"""Figures of source text: lengths of modules and functions, annotations, comments."""

from __future__ import annotations

import ast
import io
import statistics
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Figures:
    """One row of the table.

    Attributes:
        files: modules with any code or text.
        lines: of all of them.
        median_module: lines.
        functions: lines of the median, the 90th percentile and the longest one.
        documented: share of functions with a docstring.
        annotated: share of functions whose every parameter has a type.
        comments: comments in 100 lines.
        dead: comments that parse as code.
        prints: calls of ``print``.
        stars: star imports.
    """

    files: int
    lines: int
    median_module: float
    functions: tuple[int, int, int]
    documented: float
    annotated: float
    comments: float
    dead: int
    prints: int
    stars: int


def measure(paths: Sequence[Path]) -> Figures:
    """Measure source files, at least one of them with a function."""
    texts = [text for path in paths if (text := path.read_text(encoding="utf-8")).strip()]
    trees = [ast.parse(text) for text in texts]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    functions = [node for node in nodes if isinstance(node, Function)]
    spans = sorted((node.end_lineno or node.lineno) - node.lineno + 1 for node in functions)
    lines = [len(text.splitlines()) for text in texts]
    comments = [comment for text in texts for comment in _comments(text)]
    return Figures(
        files=len(texts),
        lines=sum(lines),
        median_module=statistics.median(lines),
        functions=(int(statistics.median(spans)), spans[int(0.9 * (len(spans) - 1))], spans[-1]),
        documented=_share(functions, lambda node: bool(ast.get_docstring(node))),
        annotated=_share(functions, _is_annotated),
        comments=100 * len(comments) / sum(lines),
        dead=sum(map(_is_code, comments)),
        prints=sum(
            isinstance(node.func, ast.Name) and node.func.id == "print"
            for node in nodes
            if isinstance(node, ast.Call)
        ),
        stars=sum(
            any(alias.name == "*" for alias in node.names)
            for node in nodes
            if isinstance(node, ast.ImportFrom)
        ),
    )


def _share(functions: Sequence[Function], holds: Callable[[Function], bool]) -> float:
    return sum(map(holds, functions)) / len(functions)


def _is_annotated(node: Function) -> bool:
    names = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    more = [arg for arg in (node.args.vararg, node.args.kwarg) if arg is not None]
    return all(arg.annotation or arg.arg in ("self", "cls") for arg in names + more)


def _comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def _is_code(comment: str) -> bool:
    """Tell whether a comment would do something if it were none; words and shapes would not."""
    text = comment.lstrip("#").strip()
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        return False
    inert = (ast.Name, ast.Constant, ast.Tuple, ast.List, ast.Attribute, ast.BinOp, ast.BoolOp)
    return any(
        not (isinstance(node, ast.Expr) and isinstance(node.value, inert))
        and not isinstance(node, ast.AnnAssign)
        for node in statements
    )
