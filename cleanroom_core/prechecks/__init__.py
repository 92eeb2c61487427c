"""Facts in; pass, fail or cannot tell out. One module per check."""
