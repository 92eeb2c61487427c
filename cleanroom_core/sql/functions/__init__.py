"""The functions of the closed expression grammar, one entry each."""
