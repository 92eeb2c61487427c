"""`cleanroom ...`, one module per noun."""
