"""The control plane: what a room needs of the platform it lives on. `protocol` says so, an adapter per platform does it."""
