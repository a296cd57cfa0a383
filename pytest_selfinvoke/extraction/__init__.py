"""From what a model returned to the program that is run."""

from __future__ import annotations

from pytest_selfinvoke.extraction.extractor import Extracted, extract

__all__ = ["Extracted", "extract"]
