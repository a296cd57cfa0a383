"""An attack of your own: ``pytest --model=oracle --attack=clean,style.shout``."""

from pytest_selfinvoke import map_prompts


def shout(problem, rng):
    """Every ``Return`` of the prompt becomes ``RETURN``."""
    return map_prompts(problem, lambda code: code.replace("Return", "RETURN"))


def pytest_selfinvoke_attacks(registry):
    registry.add("style.shout", shout)
