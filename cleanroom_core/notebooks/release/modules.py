"""What a release notebook carries: the text of this package's own modules, whole, each after those it needs.

Nothing is installed in a clean room, and a reviewer shall see the code that was audited, so the modules go along as they are.
They need the standard library, numpy and pyarrow, which every Databricks runtime has.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

ENTRY: Final = "cleanroom_core.engines.in_room"
_PACKAGE: Final = "cleanroom_core"


@cache
def module_texts() -> dict[str, str]:
    """Text of the entry module and of all it imports from this package, in an order in which they can be loaded."""
    texts: dict[str, str] = {}
    _collect(ENTRY, texts, ())
    return texts


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _collect(name: str, texts: dict[str, str], above: tuple[str, ...]) -> None:
    if name in texts or name in above:
        return
    text = _text(name)
    for needed in _imported(ast.parse(text)):
        _collect(needed, texts, (*above, name))
    texts[name] = text


def _text(name: str) -> str:
    return _file(name).read_bytes().decode("utf-8").replace("\r\n", "\n")


def _file(name: str) -> Traversable:
    package, _, module = name.rpartition(".")
    return files(package).joinpath(f"{module}.py")


def _imported(tree: ast.AST) -> Iterator[str]:
    """Modules of this package that running the code imports; what only a type checker reads is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_PACKAGE}."):
            module = str(node.module)
            yield from [module] if _file(module).is_file() else (f"{module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith(f"{_PACKAGE}."))
        else:
            yield from _imported(node)
