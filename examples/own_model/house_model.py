"""A model of your own behind ``--model=house_model:load``.

The generation server imports this module, loads the model once for all workers and
hands it batches.
"""


class HouseModel:
    max_batch = 8

    def generate(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        names = request.case["entry_points"]
        return "\n".join(f"def {name}(*args):\n    return 0\n" for name in names)


def load(spec):
    return HouseModel()
