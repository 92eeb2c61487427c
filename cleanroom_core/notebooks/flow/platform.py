"""What Databricks and Python's library put into a notebook: `spark`, `dbutils`, `display`, `print`, `hashlib` and the like."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from cleanroom_core.notebooks.cell import Place
from cleanroom_core.notebooks.facts import (
    Called,
    Collected,
    Defined,
    Facts,
    Hashed,
    Named,
    Shown,
    Unread,
    Written,
    function_name,
)
from cleanroom_core.notebooks.flow import literals
from cleanroom_core.notebooks.flow.sql import SqlReader
from cleanroom_core.notebooks.flow.state import Environment, full_name, use, view
from cleanroom_core.notebooks.flow.target import spelled
from cleanroom_core.notebooks.flow.text import SqlText, unknown
from cleanroom_core.notebooks.flow.values import Frame, Module, Pairs, data, from_data, tree
from cleanroom_core.notebooks.relation import Meaning, Relation
from cleanroom_core.notebooks.settings import Settings

_SESSION = re.compile(r"(.*\.)?(SparkSession|DatabricksSession)\b.*\.(getOrCreate|getActiveSession|active)$")
_LOGGING = re.compile(r"(logging|log|logger|warnings)\.(debug|info|warning|warn|error|exception|critical|log)$")
_ROW_FUNCTION = re.compile(r"(^|\.)(udf|pandas_udf|udtf)$")
_BUILDER = re.compile(r"SparkSession\.builder\.(appName|config|remote|master)$")
_DYNAMIC = frozenset(
    {"exec", "eval", "compile", "__import__", "importlib.import_module", "globals", "locals", "getattr", "setattr"}
)
_FETCHING = re.compile(r"(pandas|pyspark\.pandas|polars|duckdb|dask\.dataframe)\.(read_\w+|scan_\w+|from_spark|sql|query)$")
_TELLING = re.compile(r"mlflow\.(log_\w+|set_tag\w*)$|dbutils\.jobs\.taskValues\.set$|warnings\.warn$")
_DELTA = re.compile(r"\bDeltaTable\.(forName|forPath|create|createOrReplace|replace)$")
_PRINTING = frozenset({"print", "sys.stdout.write", "sys.stderr.write", "pprint.pprint"})
_USER = re.compile(r"\b(current_user|session_user)\b", re.IGNORECASE)


class PlatformReader:
    """Reads calls by their dotted name."""

    def __init__(self, facts: Facts, settings: Settings, environment: Environment) -> None:
        self.facts, self.settings, self.environment = facts, settings, environment

    def call(self, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        """The value of `name(arguments)`."""
        name = name.replace("sqlContext.", "spark.")
        first = arguments[0] if arguments else next(iter(named.values()), None)
        if name.startswith("spark.") or name in ("sql", "table"):
            return self._spark(name.removeprefix("spark."), arguments, named, place)
        if name.startswith("dbutils.") and not _TELLING.match(name):
            return self._dbutils(name.removeprefix("dbutils."), arguments, place)
        if name == "getArgument":
            return exp.Placeholder(this=spelled(tree(first), {}))
        if _SESSION.match(name):
            return Module("spark")
        if name == "logging.getLogger":
            return Module("logging")
        if _BUILDER.search(name):
            return Module("SparkSession.builder")
        if name in _DYNAMIC:
            self.facts.add(Unread(place, f"runs code that does not stand here ({name})"))
            return data()
        return self._plain(name, arguments, named, place)

    def _spark(self, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        first = arguments[0] if arguments else next(iter(named.values()), None)
        if name == "sql":
            return self._sql(arguments, named, place)
        if name in ("table", "read.table", "readStream.table"):
            return self._table(spelled(tree(first), {}))
        if name.startswith(("read.", "readStream.")):
            return self._read(name.rpartition(".")[2], arguments, place)
        if name == "createDataFrame":
            return Frame(Relation.table("?") if any(map(from_data, arguments)) else Relation())
        if name == "range":
            return Frame(Relation())
        if name.startswith(("udf.", "udtf.")):
            return self._row_function(f"spark.{name}", place)
        if name.startswith("catalog.setCurrent"):
            use(self.environment, "catalog" if name.endswith("Catalog") else "schema", spelled(tree(first), {}))
            return None
        if name == "conf.set" and len(arguments) > 1:
            self.facts.add(Named(place, spelled(tree(first), {}), spelled(tree(arguments[1]), {})))
            return None
        return unknown(*map(tree, arguments))

    def _row_function(self, name: str, place: Place) -> Module:
        self.facts.add(Defined(place, name))
        return Module("a_function_of_the_notebook")

    def _plain(self, name: str, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        if _ROW_FUNCTION.search(name):
            return self._row_function(name.rpartition(".")[2], place)
        if name in ("display", "displayHTML", "IPython.display.display"):
            if any(isinstance(value, Frame) or not is_constant(value) for value in arguments):
                self.facts.add(Shown(place, f"{name}()"))
            return None
        if name in _PRINTING or _LOGGING.match(name) or _TELLING.match(name):
            if any(from_data(value) and not isinstance(value, Frame) for value in (*arguments, *named.values())):
                self.facts.add(Shown(place, f"{name}()"))
            return None
        if name.startswith(("hashlib.", "zlib.crc32")) and any(not is_constant(value) for value in arguments[:1]):
            self.facts.add(Hashed(place, name, Meaning(), "none"))
        if name in ("hmac.new", "hmac.digest"):
            key = tree(arguments[0] if arguments else named.get("key"))
            self.facts.add(
                Hashed(place, name, Meaning(), "text" if is_constant(key) and isinstance(key, exp.Literal) else "secret")
            )
        if _FETCHING.match(name):
            self.facts.add(Collected(place, name))
            return data()
        if _DELTA.search(name):
            target = spelled(tree(arguments[1] if len(arguments) > 1 else None), {})
            self.facts.add(Written(place, Relation.table("?"), full_name(self.environment, target)))
        if name == "open" and len(arguments) > 1 and isinstance(arguments[1], SqlText) and set(arguments[1].text) & set("wax+"):
            self.facts.add(Written(place, Relation.table("?"), spelled(tree(arguments[0]), {})))
        parts = [tree(value) for value in (*arguments, *named.values())]
        if any(map(from_data, arguments)):
            return data(*parts)
        if name in ("int", "float", "max", "min", "str"):
            return exp.Anonymous(this=name, expressions=[part.copy() for part in parts])
        return unknown(*parts)

    def _sql(self, arguments: list[Any], named: dict[str, Any], place: Place) -> Any:
        text = arguments[0] if arguments else named.get("sqlQuery")
        if not isinstance(text, SqlText):
            self.facts.add(Unread(place, "runs SQL that is put together where it cannot be read"))
            return Frame(Relation.table("?"))
        bound = named.get("args") or (arguments[1] if len(arguments) > 1 else None)
        stands: dict[str, Any] = dict(text.stands)
        if isinstance(bound, Pairs):
            stands |= {f":{name}": tree(value) for name, value in bound.items.items()}
        text = literals.filled(SqlText(text.text, text.at, stands), [], {k: v for k, v in named.items() if k != "args"})
        relation = SqlReader(self.environment, self.facts, self.settings).run(text, shown=False)
        user = not relation.tables and _USER.search(text.text)
        return Frame(relation, exp.Anonymous(this="current_user") if user else None if relation.tables else unknown())

    def _table(self, name: str) -> Frame:
        full = full_name(self.environment, name)
        known = view(self.environment, name) or view(self.environment, full)
        return Frame(known or (Relation() if full.lower().startswith("system.") else Relation.table(full)))

    def _read(self, method: str, arguments: list[Any], place: Place) -> Any:
        first = arguments[0] if arguments else None
        text = spelled(tree(first), {}) if first is not None else "?"
        if method == "format":
            self.facts.add(Called(place, "format", text))
        if method in ("option", "options", "format", "schema"):
            if len(arguments) > 1 and isinstance(arguments[1], SqlText):
                self.facts.add(Named(place, text, arguments[1].text))
            return Module("spark.read")
        if method == "jdbc":
            self.facts.add(Called(place, "format", "jdbc"))
        self.facts.add(Called(place, "path", text))
        return Frame(Relation.table(text))

    def _dbutils(self, name: str, arguments: list[Any], place: Place) -> Any:
        first = arguments[0] if arguments else None
        if name in ("widgets.get", "widgets.getArgument"):
            return exp.Placeholder(this=spelled(tree(first), {}))
        if name == "widgets.getAll":
            return Module("dbutils.widgets.getAll()")
        if name.startswith("widgets.") and len(arguments) > 1:
            self.facts.add(Named(place, spelled(tree(first), {}), spelled(tree(arguments[1]), {})))
            return None
        if name.startswith("secrets."):
            return exp.Anonymous(this="secret", expressions=[tree(value).copy() for value in arguments])
        if name == "notebook.exit":
            if first is not None and from_data(first):
                self.facts.add(Shown(place, "dbutils.notebook.exit()"))
            return None
        if name == "notebook.run":
            self.facts.add(Unread(place, "runs another notebook, which is not read here"))
            return data()
        if name in ("fs.put", "fs.cp", "fs.mv") and arguments:
            target = arguments[0] if name == "fs.put" else arguments[1] if len(arguments) > 1 else first
            tainted = name != "fs.put" or any(from_data(value) for value in arguments[1:])
            self.facts.add(Written(place, Relation.table("?") if tainted else Relation(), spelled(tree(target), {})))
        return unknown(*map(tree, arguments))


def is_constant(value: Any) -> bool:
    """Whether it is made of texts, numbers and parameters alone."""
    if isinstance(value, Frame):
        return False
    return all(
        function_name(node) in ("", "concat", "str", "int", "float") and not isinstance(node, exp.Column)
        for node in tree(value).walk()
    )
