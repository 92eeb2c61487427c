"""The wizard: one thin script per step. A page reads state, asks the core and shows; `_ui` holds what pages share."""
