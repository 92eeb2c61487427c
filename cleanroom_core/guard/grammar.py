"""The closed grammar: every node class a text may hold, and the arguments of it that may be set. What is not here is refused.

The table is compared with every node of the parsed tree, so that a new version of the parser cannot let a new clause through.
Extending the grammar starts here; then some reader must understand the node, and some generator write it.
"""

from __future__ import annotations

from sqlglot import exp

_BINARY = ("this", "expression")
_ALONE = ("this",)

GRAMMAR: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Select: ("with_", "expressions", "from_", "joins", "where", "group", "having", "order", "limit"),
    exp.With: ("expressions",),
    exp.CTE: ("this", "alias"),
    exp.Subquery: ("this", "alias"),
    exp.From: _ALONE,
    exp.Table: ("this", "db", "alias"),
    exp.TableAlias: ("this", "columns"),
    exp.Join: ("this", "kind", "side", "on", "using"),
    exp.Where: _ALONE,
    exp.Group: ("expressions", "all"),
    exp.Having: _ALONE,
    exp.Order: ("expressions",),
    exp.Ordered: ("this", "desc", "nulls_first"),
    exp.Limit: ("expression",),
    exp.Alias: ("this", "alias"),
    exp.Column: ("this", "table", "db"),
    exp.Identifier: ("this", "quoted"),
    exp.Star: (),
    exp.Literal: ("this", "is_string"),
    exp.Boolean: _ALONE,
    exp.Null: (),
    exp.Placeholder: _ALONE,
    exp.Var: _ALONE,
    exp.Paren: _ALONE,
    exp.And: _BINARY,
    exp.Or: _BINARY,
    exp.Not: _ALONE,
    exp.EQ: _BINARY,
    exp.NEQ: _BINARY,
    exp.LT: _BINARY,
    exp.LTE: _BINARY,
    exp.GT: _BINARY,
    exp.GTE: _BINARY,
    exp.In: ("this", "expressions"),
    exp.Is: _BINARY,
    exp.NullSafeEQ: _BINARY,
    exp.NullSafeNEQ: _BINARY,
    exp.Between: ("this", "low", "high"),
    exp.Count: ("this", "big_int"),
    exp.Distinct: ("expressions",),
    exp.Sum: _ALONE,
    exp.Avg: _ALONE,
    exp.Least: ("this", "expressions", "ignore_nulls"),
    exp.Greatest: ("this", "expressions", "ignore_nulls"),
    exp.TimestampTrunc: ("this", "unit", "input_type_preserved"),
    exp.DateTrunc: ("this", "unit", "input_type_preserved"),
    exp.TsOrDsToDate: _ALONE,
    exp.Add: _BINARY,
    exp.Sub: _BINARY,
    exp.Mul: _BINARY,
    exp.Div: ("this", "expression", "typed", "safe"),
    exp.Neg: _ALONE,
    exp.Round: ("this", "decimals"),
    exp.Abs: _ALONE,
    exp.Ceil: ("this", "decimals"),
    exp.Floor: ("this", "decimals"),
    exp.Cast: ("this", "to"),
    exp.TryCast: ("this", "to", "safe"),
    exp.DataType: ("this", "expressions", "nested"),
    exp.DataTypeParam: _ALONE,
    exp.Coalesce: ("this", "expressions"),
    exp.Nullif: _BINARY,
    exp.Case: ("ifs", "default", "this"),
    exp.If: ("this", "true", "false"),
    exp.Filter: _BINARY,
    exp.CountIf: _ALONE,
    exp.Stddev: _ALONE,
    exp.StddevSamp: _ALONE,
    exp.StddevPop: _ALONE,
    exp.Variance: _ALONE,  # var_samp and variance
    exp.VariancePop: _ALONE,
    exp.Upper: _ALONE,
    exp.Lower: _ALONE,
    exp.Trim: ("this", "position", "expression"),  # ltrim and rtrim too
    exp.Concat: ("expressions", "safe"),
    exp.DPipe: ("this", "expression", "safe"),
    exp.Extract: _BINARY,
    exp.Year: _ALONE,
    exp.Quarter: _ALONE,
    exp.Month: _ALONE,
    exp.Week: _ALONE,
    exp.WeekOfYear: _ALONE,
    exp.Day: _ALONE,
    exp.DayOfMonth: _ALONE,
    exp.DayOfWeek: _ALONE,
    exp.DayOfYear: _ALONE,
    exp.LastDay: _ALONE,
    exp.TimeToStr: ("this", "format"),  # date_format, strftime, to_char
    exp.Interval: ("this", "unit"),
    exp.AddMonths: _BINARY,
    exp.TsOrDsAdd: ("this", "expression", "unit"),  # date_add, date_sub
    exp.TimestampAdd: ("this", "expression", "unit"),
    exp.Like: ("this", "expression", "negate"),
    exp.ILike: ("this", "expression", "negate"),
    exp.StartsWith: _BINARY,
    exp.EndsWith: _BINARY,
    exp.Contains: _BINARY,
    exp.Left: _BINARY,
    exp.Right: _BINARY,
    exp.Substring: ("this", "start", "length"),
    exp.Replace: ("this", "expression", "replacement"),
    exp.Length: _ALONE,
    exp.Pad: ("this", "expression", "fill_pattern", "is_left"),
    exp.Mod: _BINARY,
    exp.Pow: _BINARY,
    exp.Sqrt: _ALONE,
    exp.Sign: _ALONE,
}

SIDES = ("LEFT", "RIGHT")
"""What `side` of a join may say. FULL would count people of whom one side knows nothing."""

FUNCTIONS = (
    "Functions of a template are count, count_if, sum, avg, stddev and variance; date_trunc, extract, year, month, date_format "
    "and last_day; upper, lower, trim, concat, left, right, substring, replace, length, startswith, endswith and contains; "
    "round, floor, ceil, abs, sign, sqrt, mod, power, greatest, least, cast, coalesce, nullif, decode and if. What another one "
    "computes is shared as a column of its own."
)

SUBQUERY = ("SUBQUERY", "A query within a query stands in WITH, FROM or JOIN only.", "Join the asset on its key instead.")
_UNION = ("UNION", "Rows of several queries could pad a cohort.", "Ask each query as a template of its own.")
_CHANGE = ("STATEMENT", "A query in WITH is a SELECT.", "Write SELECT.")

# What people try most, with the words that help: class -> (code, message, hint).
KNOWN: dict[type[exp.Expr], tuple[str, str, str]] = {
    exp.Union: _UNION,
    exp.Intersect: _UNION,
    exp.Except: _UNION,
    exp.Insert: _CHANGE,
    exp.Update: _CHANGE,
    exp.Delete: _CHANGE,
    exp.Merge: _CHANGE,
    exp.Command: _CHANGE,
    exp.Exists: ("SUBQUERY", "EXISTS asks about single rows.", "Join the asset on its key instead."),
    exp.Window: (
        "WINDOW", "Window functions look at neighbouring rows, and a total over released cells would pass for the whole.",
        "Group by a dimension; ask the total as a template of its own and divide; rank with ORDER BY and LIMIT.",
    ),
    exp.TableSample: ("SAMPLE", "A sample is a chosen subset.", "Ask over all rows."),
    exp.Lateral: ("LATERAL", "Lateral views multiply rows.", "Join registered assets only."),
    exp.Unnest: ("LATERAL", "UNNEST multiplies rows.", "Join registered assets only."),
    exp.Values: ("VALUES", "Rows made up in the text could pad a cohort.", "Ask over registered assets only."),
    exp.Rollup: ("GROUPING", "ROLLUP releases totals beside their parts.", "Ask the totals as a template of their own."),
    exp.Cube: ("GROUPING", "CUBE releases totals beside their parts.", "Ask the totals as a template of their own."),
    exp.GroupingSets: ("GROUPING", "GROUPING SETS are several questions.", "Ask each as a template of its own."),
    exp.Max: ("ORDER_STATISTIC", "MAX shows somebody's own value.", "Use avg or sum of a measure."),
    exp.Min: ("ORDER_STATISTIC", "MIN shows somebody's own value.", "Use avg or sum of a measure."),
    exp.Median: ("ORDER_STATISTIC", "MEDIAN shows somebody's own value.", "Use avg of a measure."),
    exp.RegexpLike: ("PATTERN", "Regular expressions differ between engines.", "Use LIKE, or write the labels out with IN."),
    exp.Escape: ("PATTERN", "LIKE with ESCAPE differs between engines.", "Use startswith(), endswith() or contains()."),
    exp.Offset: ("CLAUSE", "OFFSET is not in the grammar.", "Use LIMIT alone; answers are read as often as you like."),
    exp.JSONExtract: (
        "JSON", "A colon after a name reads into JSON.", "Put a space before a parameter: `= :flag`, not `=x:flag`.",
    ),
    exp.Parameter: ("PARAMETER_FORM", "Parameters are written :name.", "Write :flag."),
}  # fmt: skip

# Clauses of Select that hold other things than nodes of their own: argument -> (code, message, hint).
CLAUSES: dict[str, tuple[str, str, str]] = {
    "recursive": ("RECURSIVE", "A recursive query has no end that people could agree on.", "Write WITH without RECURSIVE."),
    "distinct": ("DISTINCT", "SELECT DISTINCT lists values.", "Group by the dimension and count people or rows."),
    "qualify": KNOWN[exp.Window],
    "windows": KNOWN[exp.Window],
    "laterals": KNOWN[exp.Lateral],
    "sample": KNOWN[exp.TableSample],
    "pivots": ("PIVOT", "PIVOT is not in the grammar.", "Group by the dimension instead."),
    "offset": KNOWN[exp.Offset],
}


def unlisted_arguments(node: exp.Expr) -> list[str]:
    """Arguments that are set on this node and not in the table; [""] when its class is not in the table at all."""
    allowed = GRAMMAR.get(type(node))
    if allowed is None or not _in_place(node):
        return [""]
    unlisted = [name for name, value in node.args.items() if name not in allowed and value not in (None, False, [])]
    if isinstance(node, exp.Join) and node.args.get("side") and node.side.upper() not in SIDES:
        unlisted.append("side")
    if isinstance(node, exp.TableAlias) and node.args.get("columns") and not isinstance(node.parent, exp.CTE | exp.Subquery):
        unlisted.append("columns")
    return unlisted


def _in_place(node: exp.Expr) -> bool:
    """Queries within queries stand in WITH, FROM and JOIN, and are SELECTs."""
    if isinstance(node, exp.Subquery):
        placed = isinstance(node.parent, exp.From | exp.Join | exp.CTE | exp.Subquery) and node.arg_key == "this"
        return placed and isinstance(node.this, exp.Select | exp.Subquery | exp.SetOperation)
    if isinstance(node, exp.Select):
        return node.parent is None or isinstance(node.parent, exp.CTE | exp.Subquery)
    return True
