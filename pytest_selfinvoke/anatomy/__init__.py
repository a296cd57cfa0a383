"""Taking self-invoking cases apart: which function is wrong, and is the base called."""
