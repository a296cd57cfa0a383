"""Toys that know the solutions of ``mini`` and forget a share of them under attack."""

import random

from pytest_selfinvoke.benchmarks.mini import MINI

SOLUTIONS = {problem.id: problem.reference for problem in MINI.load(None)}


class Toy:
    max_batch = 64

    def __init__(self, name, forgets):
        self.name, self.forgets = name, forgets

    def generate(self, requests):
        return [self.answer(request.case) for request in requests]

    def answer(self, case):
        # What is hard for one toy is hard for all of them, but for a part of luck.
        problem, is_clean = case["problem"], case["attack"].startswith("clean")
        prompt = "clean" if is_clean else case["attack"]
        luck = random.Random(f"{problem} {prompt}").random()
        own = random.Random(f"{self.name} {problem} {prompt}").random()
        forgets = 0.1 if is_clean else self.forgets
        if (3 * luck + own) / 4 < forgets:
            return f"# {self.name} forgot."
        return f"{SOLUTIONS[problem]}\n# {self.name}\n"


def load(spec):
    return Toy(spec.label, **spec.options)
