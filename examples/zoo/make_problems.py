"""Write ``problems.jsonl``: 16 problems of each kind, from a seed of their own."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tasks import KINDS, draw

COUNT = 16
FILE = Path(__file__).with_name("problems.jsonl")


def problems() -> list[dict]:
    rng = random.Random(90_000)
    found = []
    for kind in KINDS:
        for number in range(1, COUNT + 1):
            task = draw(rng, kind)
            space: dict = {}
            exec(task.answer, space)  # Nothing but what tasks.py writes.
            values = [rng.randint(-40, 90) for _ in range(4)]
            base, _, target = task.answer.partition("\n\n\n")
            found.append(
                {
                    "id": f"{kind}_{number:02d}_{task.target}",
                    "base": {
                        "entry_point": task.base,
                        "prompt": task.base_prompt,
                        "solution": base.partition("\n")[2] + "\n",
                        "tests": [
                            f"assert {task.base}({v}) == {space[task.base](v)!r}"
                            for v in values
                        ],
                    },
                    "target": {
                        "entry_point": task.target,
                        "prompt": task.target_prompt,
                        "solution": target.partition("\n")[2],
                        "tests": task.tests(rng),
                    },
                    "tags": [kind],
                }
            )
    return found


if __name__ == "__main__":
    FILE.write_text("".join(json.dumps(p) + "\n" for p in problems()))
