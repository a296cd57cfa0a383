"""Shows that a variant can be solved and really differs, before it is used."""
