"""The closed expression grammar and its rendering per dialect. sqlglot lives here and in `guard` only."""
