"""Records, outcomes, ids, JSON, seeding, registries, errors; stdlib only."""
