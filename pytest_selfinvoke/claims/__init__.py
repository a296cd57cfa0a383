"""Claims about published figures and runs: read from a file, and decided."""
