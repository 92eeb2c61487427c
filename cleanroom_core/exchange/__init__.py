"""How two homes hand each other entries, checkpoints and cosignatures."""
