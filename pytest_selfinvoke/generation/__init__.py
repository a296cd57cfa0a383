"""One generation server per session: the only process that loads or calls a model."""
