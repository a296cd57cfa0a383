"""The run directory: records and manifest."""
