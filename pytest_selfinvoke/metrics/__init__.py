"""Plain numbers in, plain numbers out: pass@k and intervals."""
