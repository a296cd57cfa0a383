"""``--routing`` reads which experts prompts visit, after the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.__main__ import main
from pytest_selfinvoke.results.routing import read_route_files

from .conftest import Run, assert_clear, manifest, records, run_folder

#: Right on the first problem of the embedded benchmark; "bad" goes to other experts.
MODEL = """
    from array import array
    from pytest_selfinvoke.core.routing import Routes

    RIGHT = '''
    def count_clicks(times):
        return max(0, times)

    def total_clicks(rounds):
        return sum(map(count_clicks, rounds))
    '''

    class Sparse:
        def __init__(self, spec): pass
        def generate(self, requests):
            return ["" if "bad" in r.prompt.shown() else RIGHT for r in requests]
        def routes(self, request, answer):
            read = len(request.prompt.shown().split())
            words = [*request.prompt.shown().split(), *answer.split()]
            chosen = [3 if word == "bad" else len(word) % 3 for word in words]
            return Routes(
                tokens=array("I", (sum(map(ord, word)) for word in words)),
                layers=(1,), experts=4, top_k=1,
                chosen=array("H", chosen), weights=bytes(2 * len(words)), prompt_tokens=read)

    class Dense(Sparse):
        routes = None
"""
ATTACKS = """
    from pytest_selfinvoke import map_prompts

    def pytest_selfinvoke_attacks(registry):
        registry.add("mine.bad", lambda problem, rng: map_prompts(
            problem, lambda code: code + "# bad\\n"))
        registry.add("mine.good", lambda problem, rng: map_prompts(
            problem, lambda code: code + "# good\\n"))
"""
ASKED = ("--limit=1", "--attack=clean,mine.bad,mine.good", "--routing")


@pytest.fixture(autouse=True)
def model(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(sparse=MODEL)
    pytester.makeconftest(ATTACKS)


def test_where_clean_and_attacked_prompts_go(
    run_both: Run, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_both(
        "--model=sparse:Sparse",
        "--model=sparse:Dense",
        *ASKED,
        "--selfinvoke-markdown=out.md",
    )
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(
        [
            "reading the routing of 3 prompts: sparse-Sparse",
            "* selfinvoke *",
            "routing of sparse-Sparse on mini: 3 prompts, *",
            "  mine.bad * 1 *",
            "  mine.good * 1 *",
            "  experts that drift most, by their share of a layer:",
            "    layer 1, expert 3: 0.0 -> *",
            "    by whole prompts (JSD): AUC 1.00 (too few: 1 problems)",
            "routing was not read: sparse-Dense does not say which experts it visits*",
        ]
    )
    folder = run_folder(pytester.path)
    [file] = read_route_files(folder)
    assert (file.model, file.experts, file.prompts) == ("sparse-Sparse", 4, 3)
    with file.reading() as get:
        for record in records(pytester.path):
            is_there = get(record["prompt_hash"]) is not None
            assert is_there, record["case"]["id"]
    assert manifest(pytester.path)["finished"]
    text = Path("out.md").read_text()
    assert "### Routing of sparse-Sparse on mini" in text
    assert "by whole prompts (JSD): AUC 1.00" in text
    asked = ["silence", str(folder), "--draws=1", "-o", "s.selfinvoke.toml"]
    assert main(asked) == 0
    assert capsys.readouterr().out.endswith("s.selfinvoke.toml: 4 models\n")
    assert (
        'name = "sparse-Sparse-without-most-1"' in Path("s.selfinvoke.toml").read_text()
    )
    assert main([*asked, "--model=other"]) == 4
    assert "name one with --model and --benchmark" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model=oracle", "-n2"), "--routing reads the routers of hf: models"),
        (("--model=sparse:Sparse", "--selfinvoke-cache=read-only"), "needs the models"),
    ],
)
def test_what_cannot_be_read_is_refused_before_the_run(
    run: Run, options: tuple[str, ...], message: str
) -> None:
    assert_clear(run(*options, *ASKED), message)
