"""Summary, computed once, and the reports that print it."""
