"""SQL statements of a workspace and of a room, executed on DuckDB."""
