"""The output contract, the automatic decision, what waits for a person."""
