"""What the code may not contain at all, read from its syntax trees (S2, S3, S28)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "pages").rglob("*.py"))
CORE = sorted((ROOT / "cleanroom_core").rglob("*.py"))
FILES = [ROOT / "app.py", *PAGES, *CORE, *sorted((ROOT / "examples").rglob("*.py"))]

# A cache shared by everybody, and why it holds nothing of anybody.
SHARED = {("pages/_ui/state.py", "_context"): "connections and engines of the home, keyed by its folder"}
# Sets and dicts at module level of a page that are never written to are fine as long as they are constants by name.
MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def dotted(node: ast.expr) -> str:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def cache_problems(path: Path) -> Iterator[str]:
    """S2. A cache of data names the organisation it belongs to among its arguments, where Streamlit hashes it (no underscore).
    Being bound to the session is not enough: one tab can serve two users, one after the other."""
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not any(dotted(d).rpartition(".")[2] in {"cache_data", "cache_resource"} for d in node.decorator_list):
            continue
        arguments = {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
        if "organisation" not in arguments and (name_of(path), node.name) not in SHARED:
            yield f"{name_of(path)}:{node.lineno} {node.name} is cached for everybody"


def cached_calls(path: Path) -> Iterator[str]:
    """`st.cache_data(f)` would hide from the check above."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and node.args and dotted(node).rpartition(".")[2] in {"cache_data", "cache_resource"}:
            yield f"{name_of(path)}:{node.lineno} caches by a call"


def state_problems(path: Path, page: bool) -> Iterator[str]:
    """S3. No `global`; in `_ui` no mutable value at module level, and no functools cache in pages either.

    A page script is run anew each time; `_ui` is imported once, so what its modules hold is everybody's.
    """
    module = tree(path)
    for node in ast.walk(module):
        if isinstance(node, ast.Global):
            yield f"{name_of(path)}:{node.lineno} global"
        if page and isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if dotted(decorator).rpartition(".")[2] in {"cache", "lru_cache", "cached_property"}:
                    yield f"{name_of(path)}:{node.lineno} {node.name} remembers across users"
    if page and path.parent.name != "pages":
        for node in module.body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(value, MUTABLE) and not (isinstance(target, ast.Name) and target.id.isupper()):
                yield f"{name_of(path)}:{node.lineno} mutable at module level"
            if isinstance(value, ast.Call) and dotted(value) in {
                "list",
                "dict",
                "set",
                "defaultdict",
                "collections.defaultdict",
            }:
                yield f"{name_of(path)}:{node.lineno} mutable at module level"


FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "os.system",
    "os.popen",
    "yaml.load",
    "yaml.unsafe_load",
    "st.html",
    "st.iframe",
    "components.html",
}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "shelve", "marshal", "streamlit.components.v1", "streamlit.components"}
FORBIDDEN_TRUE = {"unsafe_allow_html", "unsafe_allow_javascript", "shell"}


def danger_problems(path: Path) -> Iterator[str]:
    """S28."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            if dotted(node) in FORBIDDEN_CALLS or dotted(node).startswith("components.v1."):
                yield f"{name_of(path)}:{node.lineno} {dotted(node)}"
            for keyword in node.keywords:
                if keyword.arg in FORBIDDEN_TRUE and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                ):
                    yield f"{name_of(path)}:{node.lineno} {keyword.arg}"
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for module in modules:
            if module in FORBIDDEN_MODULES or module.startswith("streamlit.components.v1"):
                yield f"{name_of(path)}:{node.lineno} imports {module}"  # type: ignore[attr-defined]


def frame_problems(path: Path) -> Iterator[str]:
    """Pages show foreign text and ask who is looking through `_ui` only."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call | ast.Attribute):
            called = dotted(node) if isinstance(node, ast.Call) else ast.unparse(node)
            if called in {"st.fragment", "st.experimental_fragment"} and path.name not in {"guard.py", "session.py"}:
                yield f"{name_of(path)}:{node.lineno} {called}: use guard.live, which asks who is looking"
            if called in {"st.set_page_config", "st.navigation"} and path.name != "frame.py":
                yield f"{name_of(path)}:{node.lineno} {called} belongs to the frame"
            if called in {"st.exception", "st.login", "st.user"}:
                yield f"{name_of(path)}:{node.lineno} {called}"
            if called.startswith("st.experimental_"):
                yield f"{name_of(path)}:{node.lineno} {called}"


def callback_problems(path: Path) -> Iterator[str]:
    """A callback runs before the frame, so it is wrapped in `guard.action`."""
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            if keyword.arg in {"on_click", "on_change", "on_submit"}:
                allowed = isinstance(keyword.value, ast.Constant) or (
                    isinstance(keyword.value, ast.Call) and dotted(keyword.value).rpartition(".")[2] == "action"
                )
                if not allowed:
                    yield f"{name_of(path)}:{node.lineno} {keyword.arg} without guard.action"


def test_no_cache_is_shared_by_two_organisations() -> None:
    assert [problem for path in FILES for problem in (*cache_problems(path), *cached_calls(path))] == []


def test_nothing_remembers_one_user_for_the_next() -> None:
    assert [problem for path in FILES for problem in state_problems(path, path in PAGES)] == []


def test_nothing_dangerous_is_called() -> None:
    found = [problem for path in FILES for problem in danger_problems(path)]
    # the simulator runs the Python cells of a notebook, in a process of its own: that is what a notebook is (docs/simulator.md)
    allowed = re.compile(r"cleanroom_core/simulator/spark_child\.py:\d+ exec")
    assert [problem for problem in found if not allowed.fullmatch(problem)] == []
    assert len(found) == 1


def test_pages_go_through_the_frame_and_its_guard() -> None:
    assert [problem for path in PAGES for problem in (*frame_problems(path), *callback_problems(path))] == []


@pytest.mark.parametrize(
    ("check", "code"),
    [
        (cache_problems, "@st.cache_data\ndef f(_organisation): ..."),
        (cache_problems, "@st.cache_data(scope='session', ttl=5)\ndef f(x): ..."),
        (cache_problems, "@cache_resource\ndef f(): ..."),
        (cached_calls, "f = st.cache_data(g)"),
        (lambda path: state_problems(path, page=False), "def f():\n    global x"),
        (lambda path: state_problems(path, page=True), "seen = {}"),
        (lambda path: state_problems(path, page=True), "seen: list[int] = list()"),
        (lambda path: state_problems(path, page=True), "@functools.lru_cache(maxsize=5)\ndef f(x): ..."),
        (danger_problems, "st.markdown(x, unsafe_allow_html=True)"),
        (danger_problems, "st.markdown(x, unsafe_allow_html=flag)"),
        (danger_problems, "st.html(x)"),
        (danger_problems, "import pickle"),
        (danger_problems, "from streamlit.components import v1"),
        (danger_problems, "import streamlit.components.v1 as components"),
        (danger_problems, "subprocess.run(x, shell=True)"),
        (danger_problems, "eval(x)"),
        (danger_problems, "yaml.load(x)"),
        (frame_problems, "@st.fragment\ndef f(): ..."),
        (frame_problems, "@st.fragment(run_every=5)\ndef f(): ..."),
        (frame_problems, "st.set_page_config(layout='wide')"),
        (callback_problems, "st.button('x', on_click=f)"),
    ],
)  # fmt: skip
def test_each_check_finds_what_it_is_for(tmp_path: Path, check: object, code: str) -> None:
    path = tmp_path / "page.py"
    path.write_text(code)
    assert list(check(path))  # type: ignore[operator]
