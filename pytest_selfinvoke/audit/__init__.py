"""Is a benchmark sound: references, tests that can fail, invocations, repeatability."""
