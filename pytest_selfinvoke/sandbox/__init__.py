"""Runs generated programs, isolated, and judges them from outside."""
