"""DuckDB, the embedded default: owner side and room side as locked processes of their own."""
