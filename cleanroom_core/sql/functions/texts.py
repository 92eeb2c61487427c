"""Functions over texts. Case and trimming touch ASCII and the characters named only: engines disagree about everything else."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase

from sqlglot import exp

from cleanroom_core.sql.compiler import Compiler
from cleanroom_core.sql.functions.call import Call, Function
from cleanroom_core.sql.portable import call
from cleanroom_core.sql.typed import Typed, cast, operand
from cleanroom_core.sql.types import BIGINT, BOOLEAN, STRING, Kind

_number = exp.Literal.number
_string = exp.Literal.string


def translate(tree: exp.Expr, characters: str, replacements: str) -> exp.Expr:
    """Each of `characters` becomes the one at its place in `replacements`, or nothing where there is none."""
    return call("TRANSLATE", tree, _string(characters), _string(replacements))


def lowered(tree: exp.Expr) -> exp.Expr:
    return translate(tree, ascii_uppercase, ascii_lowercase)


def raised(tree: exp.Expr) -> exp.Expr:
    return translate(tree, ascii_lowercase, ascii_uppercase)


def trimmed(tree: exp.Expr, characters: str, position: str = "BOTH") -> exp.Expr:
    """Without the characters at one end or both. LEADING, TRAILING or BOTH."""
    found = exp.Trim(this=tree, expression=_string(characters))
    if position != "BOTH":
        found.set("position", position)
    return found


def cut(tree: exp.Expr, start: int, length: int | None = None) -> exp.Expr:
    """`length` characters (code points) from `start` (from 1) on; all that follow when None."""
    return call("SUBSTRING", tree, *(_number(size) for size in (start, length) if size is not None))


def last(tree: exp.Expr, length: int) -> exp.Expr:
    """The last characters of a text, or all of a shorter one."""
    size = call("LENGTH", tree.copy())
    start = exp.Add(this=exp.Sub(this=size, expression=_number(length)), expression=_number(1))
    short = exp.LTE(this=size.copy(), expression=_number(length))
    return exp.Case(ifs=[exp.If(this=short, true=tree)], default=call("SUBSTRING", tree.copy(), start, _number(length)))


def join_texts(compiler: Compiler, node: exp.Expr, parts: list[exp.Expr]) -> Typed:
    """`||` and concat(): NULL when any part is NULL. Whole numbers, dates and BOOLEAN are written out as texts."""
    found: exp.Expr | None = None
    for part in parts:
        typed = compiler.of_kind(part, "Joining texts", Kind.STRING, Kind.BIGINT, Kind.DATE, Kind.BOOLEAN)
        tree = typed.tree if typed.type in (None, STRING) else cast(typed.tree, STRING)
        found = operand(tree) if found is None else exp.DPipe(this=found, expression=operand(tree))
    if found is None:
        compiler.fail(node, "concat() has nothing to join.", "Write concat(a, '-', b).", "ARGUMENT")
    return Typed(found, STRING)


def trim_characters(compiler: Compiler, node: exp.Expr, subject: Typed, characters: Typed | None, position: str) -> Typed:
    text = " " if characters is None else characters.text
    if not text:
        compiler.fail(node, "The characters to trim are not a fixed text.", "Write TRIM(BOTH ' ' FROM name).", "ARGUMENT")
    return Typed(trimmed(subject.tree, text, position), STRING)


def _concat(given: Call) -> Typed:
    return join_texts(given.compiler, given.node, list(given.arguments))


def _trim(position: str) -> Function:
    def compile_(given: Call) -> Typed:
        if len(given.arguments) == 2:
            given.fail(f"{given.name}() with two texts is easily misread.", f"Write TRIM({position} 'x' FROM name).")
        return Typed(trimmed(given.text(0), " ", position), STRING)

    name = {"LEADING": "ltrim", "TRAILING": "rtrim", "BOTH": "btrim"}[position]
    return Function((name,), f"{name}(text)", 1, 2, compile_)


def _substring(given: Call) -> Typed:
    start = given.compiler.compile(given.arguments[1]).integer
    if start is not None and start < 0 and len(given.arguments) == 2:
        return Typed(last(given.text(0), -start), STRING)
    first = given.fixed_number(1, "The start", at_least=1)
    length = given.fixed_number(2, "The length", at_least=0) if len(given.arguments) == 3 else None
    return Typed(cut(given.text(0), first, length), STRING)


def _left(given: Call) -> Typed:
    return Typed(cut(given.text(0), 1, given.fixed_number(1, "The length", at_least=0)), STRING)


def _right(given: Call) -> Typed:
    return Typed(last(given.text(0), given.fixed_number(1, "The length", at_least=0)), STRING)


def _replace(given: Call) -> Typed:
    search = given.fixed_text(1, "What to look for")
    replacement = given.fixed_text(2, "What to put there", empty=True) if len(given.arguments) == 3 else ""
    return Typed(call("REPLACE", given.text(0), _string(search), _string(replacement)), STRING)


def _translate(given: Call) -> Typed:
    characters = given.fixed_text(1, "The list of characters")
    if len(set(characters)) < len(characters):
        given.fail("A character stands twice in the list.", "Name each character once.", 1)
    return Typed(translate(given.text(0), characters, given.fixed_text(2, "The list of replacements", empty=True)), STRING)


def _pad(name: str) -> Function:
    def compile_(given: Call) -> Typed:
        length = given.fixed_number(1, "The length", at_least=0)
        fill = given.fixed_text(2, "The filling") if len(given.arguments) == 3 else " "
        return Typed(call(name.upper(), given.text(0), _number(length), _string(fill)), STRING)

    return Function((name,), f"{name}(text, length, '0')", 2, 3, compile_)


def _split_part(given: Call) -> Typed:
    separator = given.fixed_text(1, "The separator")
    index = given.fixed_number(2, "The number of the part", at_least=1)
    return Typed(call("SPLIT_PART", given.text(0), _string(separator), _number(index)), STRING)


def _contains(given: Call) -> Typed:
    return Typed(call("CONTAINS", given.text(0), _string(given.fixed_text(1, "What to look for"))), BOOLEAN)


def _starts(given: Call) -> Typed:
    search = given.fixed_text(1, "What to look for")
    return Typed(exp.EQ(this=cut(given.text(0), 1, len(search)), expression=_string(search)), BOOLEAN)


def _ends(given: Call) -> Typed:
    search = given.fixed_text(1, "What to look for")
    return Typed(exp.EQ(this=last(given.text(0), len(search)), expression=_string(search)), BOOLEAN)


def _instr(given: Call) -> Typed:
    return Typed(call("INSTR", given.text(0), _string(given.fixed_text(1, "What to look for"))), BIGINT)


FUNCTIONS = (
    Function(("lower", "lcase"), "lower(text)", 1, 1, lambda given: Typed(lowered(given.text(0)), STRING)),
    Function(("upper", "ucase"), "upper(text)", 1, 1, lambda given: Typed(raised(given.text(0)), STRING)),
    Function(
        ("length", "char_length", "character_length", "len"), "length(text)", 1, 1,
        lambda given: Typed(call("LENGTH", given.text(0)), BIGINT),
    ),
    Function(("concat",), "concat(a, b, ...)", 1, None, _concat),
    _trim("LEADING"), _trim("TRAILING"), _trim("BOTH"),
    Function(("substring", "substr"), "substring(text, 1, 4)", 2, 3, _substring),
    Function(("left",), "left(text, 4)", 2, 2, _left),
    Function(("right",), "right(text, 4)", 2, 2, _right),
    Function(("replace",), "replace(text, '-', '')", 2, 3, _replace),
    Function(("translate",), "translate(text, 'abc', 'xyz')", 3, 3, _translate),
    _pad("lpad"), _pad("rpad"),
    Function(("split_part",), "split_part(text, '@', 2)", 3, 3, _split_part),
    Function(("contains",), "contains(text, 'abc')", 2, 2, _contains),
    Function(("startswith",), "startswith(text, 'abc')", 2, 2, _starts),
    Function(("endswith",), "endswith(text, 'abc')", 2, 2, _ends),
    Function(("instr",), "instr(text, 'abc')", 2, 2, _instr),
)  # fmt: skip
