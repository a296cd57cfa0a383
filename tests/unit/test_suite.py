from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.records import Sampling
from pytest_selfinvoke.sandbox.base import Limits
from pytest_selfinvoke.suite import (
    BenchmarkChoice,
    Limit,
    Shard,
    Suite,
    benchmarks_from_text,
    default_label,
    load_suite,
    models_from_specs,
)

WHOLE = """
[suite]
attacks = ["clean", "docstring.change_case"]
attack_seeds = 3
samples = 2
limit = "random:5"
seed = 7
prompt_style = "chat"
gates = ["pass@1>=0.6", "drop[worst] <= 15%"]
gate_rule = "lower"
sandbox = "strict"

[[model]]
name = "the tuned one"
spec = "hf:./tuned"
architecture = "moe"
alignment = "rlhf"
family = "tiny"
base = "tiny-base"
total_params = 9000
active_params = 3000
options = { dtype = "fp32" }

[[model]]
spec = "stub"

[[benchmark]]
name = "jsonl"
path = "own/p.jsonl"

[[benchmark]]
name = "mini"

[sampling]
max_new_tokens = 99
temperature = 1

[limits]
cpu_s = 3
memory_bytes = 1000000
"""


def load(folder: Path, text: str, defaults: Suite | None = None) -> Suite:
    path = folder / "x.selfinvoke.toml"
    path.write_text(text)
    return load_suite(path, Suite() if defaults is None else defaults)


@pytest.mark.parametrize(
    "text", ["0/2", "3/2", "1", "1/0", "/", "a/b", "-1/2", "1/2/3"]
)
def test_other_shards_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=f"shard '{text}': write I/N"):
        Shard.parse(text)


@pytest.mark.parametrize(
    ("text", "count", "at_random"),
    [("20", 20, False), (3, 3, False), ("random:5", 5, True)],
)
def test_a_limit_is_a_number_or_a_draw(
    text: str | int, count: int, at_random: bool
) -> None:
    assert Limit.parse(text) == Limit(count=count, at_random=at_random)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5", "random:", "random:0", "first:3", "a", True]
)
def test_other_limits_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"give a number, or random:NUMBER, above 0"):
        Limit.parse(text)


def test_a_whole_file_becomes_a_suite(tmp_path: Path) -> None:
    suite = load(tmp_path, WHOLE)
    tuned, stub = suite.models
    assert [gate.text for gate in suite.gates] == ["pass@1>=0.6", "drop[worst]<=15%"]
    assert suite.gate_rule.value == "lower"
    assert (tuned.label, tuned.spec) == ("the-tuned-one", "hf:./tuned")
    assert tuned.declared == {
        "architecture": "moe",
        "alignment": "rlhf",
        "family": "tiny",
        "base": "tiny-base",
        "total_parameters": 9000,
        "active_parameters": 3000,
    }
    assert tuned.options == {"dtype": "fp32"}
    assert (stub.label, stub.declared, stub.options) == ("stub", {}, {})
    assert suite.benchmarks == (
        BenchmarkChoice(name="jsonl", path=tmp_path / "own" / "p.jsonl"),
        BenchmarkChoice(name="mini"),
    )
    assert suite.attacks == ("clean", "docstring.change_case")
    assert (suite.attack_seeds, suite.samples, suite.seed) == (3, 2, 7)
    assert suite.limit == Limit(count=5, at_random=True)
    assert (suite.prompt_style, suite.sandbox) == ("chat", "strict")
    assert suite.sampling == Sampling(max_new_tokens=99, temperature=1.0)
    assert suite.limits == Limits(cpu_s=3.0, memory_bytes=1_000_000)


def test_what_a_file_leaves_out_comes_from_the_defaults(tmp_path: Path) -> None:
    defaults = Suite(
        attack_seeds=4, sandbox="unsafe-ok", sampling=Sampling(top_k=9), seed=5
    )
    suite = load(tmp_path, "[sampling]\ntop_p = 0.5\n", defaults)
    assert suite.sampling == Sampling(top_k=9, top_p=0.5)
    assert (suite.attack_seeds, suite.sandbox, suite.seed) == (4, "unsafe-ok", 5)
    assert suite.attacks == ("clean",)
    assert suite.benchmarks == (BenchmarkChoice(name="mini"),)
    assert suite.models == ()


def test_files_of_models_and_styles_are_looked_for_beside_the_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "suites"
    (folder / "tuned").mkdir(parents=True)
    (folder / "prompt.txt").touch()
    (folder / "wrong").touch()
    file = folder / "x.selfinvoke.toml"
    specs = ("hf:tuned", "hf:Org/Name", "replay:elsewhere.jsonl", "mine:wrong", "stub")
    models = "".join(f'[[model]]\nspec = "{spec}"\n' for spec in specs)
    file.write_text(f'[suite]\nprompt_style = "template:prompt.txt"\n{models}')
    monkeypatch.chdir(tmp_path)
    suite = load_suite(file, Suite())
    assert [m.spec for m in suite.models] == [f"hf:{folder / 'tuned'}", *specs[1:]]
    assert [m.label for m in suite.models][:2] == ["hf-tuned", "hf-Name"]
    assert suite.prompt_style == f"template:{folder / 'prompt.txt'}"
    # Started beside it, everything stays as it is written.
    monkeypatch.chdir(folder)
    suite = load_suite(file, Suite())
    assert suite.models[0].spec == "hf:tuned"
    assert suite.prompt_style == "template:prompt.txt"


def test_an_absolute_path_stays_what_it_is(tmp_path: Path) -> None:
    suite = load(tmp_path, "[[benchmark]]\nname = 'jsonl'\npath = '/data/p.jsonl'\n")
    assert suite.benchmarks[0].path == Path("/data/p.jsonl")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[suite", "not TOML"),
        ("[sutie]", "did you mean 'suite'"),
        ("[model]\nspec = 'a'", "write [[model]], not [model]"),
        ("[[model]]\nspec = 'a'\nname = 'm'\n" * 2, "'m' is the name of another"),
        ("[suite]\nsample = 2", "'suite.sample': did you mean 'suite.samples'"),
        ("[suite]\nsamples = 'two'", "'suite.samples': expected int, got str 'two'"),
        ("[suite]\nsamples = true", "'suite.samples': expected int, got bool"),
        ("[suite]\nsamples = 0", "samples must be at least 1, not 0"),
        ("[suite]\nattack_seeds = 0", "attack_seeds must be at least 1"),
        ("[suite]\nseed = 1.5", "'suite.seed': expected int, got float"),
        ("[suite]\nattacks = 'clean'", "'suite.attacks': expected list, got str"),
        ("[suite]\nattacks = ['clean', 2]", "'suite.attacks': expected str, got int"),
        ("[suite]\nattacks = []", "attacks must name at least one"),
        ("[suite]\nrepeats = 0", "repeats must be at least 1"),
        ("[suite]\nlimit = 'few'", "limit 'few': give a number"),
        ("suite = 3", "'[suite]': expected dict, got int"),
        ("model = [3]", "'[[model]]': expected dict, got int"),
        ("[[model]]\nname = 'x'", "'model[1].spec': is missing"),
        (
            "[[model]]\nspec = 'a'\n[[model]]\nspec = 5",
            "'model[2].spec': expected str",
        ),
        ("[[model]]\nspec = 'a'\nalign = 'sft'", "did you mean 'model[1].alignment'"),
        ("[[model]]\nspec = 'a'\nalignment = 'dpo'", "'dpo': write 'base', 'sft' or"),
        ("[[model]]\nspec = 'a'\nactive_params = '3B'", "expected int, got str '3B'"),
        ("[[model]]\nspec = 'a'\noptions = 3", "'model[1].options': expected dict"),
        ("[[benchmark]]\npath = 'p'", "'benchmark[1].name': is missing"),
        ("[[benchmark]]\nname = 'a'\nfile = 'p'", "'benchmark[1].file'"),
        ("[limits]\ncpu = 3", "did you mean 'limits.cpu_s'"),
        ("[limits]\ncpu_s = 'x'", "'limits.cpu_s': expected float, got str"),
        ("[limits]\nprocesses = 1.5", "'limits.processes': expected int, got float"),
        ("[limits]\nwall_s = 0", "wall_s must be above 0, not 0"),
        ("[limits]\nwall_s = inf", "wall_s must be above 0, not inf"),
        ("[limits]\ncpu_s = nan", "cpu_s must be above 0, not nan"),
        ("[sampling]\ntemperature = -1", "temperature must be 0 or above, not -1"),
        ("[sampling]\ntop_p = 1.5", "top_p must be above 0 and at most 1, not 1.5"),
        ("[sampling]\ntop_k = -1", "top_k must be 0 or above"),
        ("[sampling]\nmax_new_tokens = 0", "max_new_tokens must be at least 1"),
    ],
)
def test_a_mistake_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith("x.selfinvoke.toml:")
    assert words in message
    assert "\n" not in message


def test_broken_toml_says_where(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.selfinvoke\.toml: not TOML: .*line 2"):
        load(tmp_path, "[suite]\nseed = = 2\n")


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.selfinvoke\.toml: cannot be read"):
        load_suite(tmp_path / "none.selfinvoke.toml", Suite())
    latin = tmp_path / "x.selfinvoke.toml"
    latin.write_bytes(b"# \xe4\n")
    with pytest.raises(DataError, match=r"x\.selfinvoke\.toml: cannot be read"):
        load_suite(latin, Suite())


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ("oracle", "oracle"),
        ("replay:/home/me/runs/answers.jsonl", "replay-answers.jsonl"),
        ("hf:Org/Name-7B", "hf-Name-7B"),
        ("hf:./models/tuned/", "hf-tuned"),
        ("openai:http://gpu1:8000/v1#my-model", "my-model"),
        ("openai:http://gpu1:8000/v1#Org/Model:tag", "Org/Model-tag"),
        ("house:load", "house-load"),
    ],
)
def test_labels_are_short_and_hold_no_folder(spec: str, label: str) -> None:
    assert default_label(spec) == label


def test_equal_labels_are_numbered() -> None:
    models = models_from_specs(["oracle", "hf:/a/tuned", "hf:/b/tuned", "oracle"])
    labels = [model.label for model in models]
    assert labels == ["oracle", "hf-tuned", "hf-tuned-2", "oracle-2"]
    assert [model.spec for model in models][1:3] == ["hf:/a/tuned", "hf:/b/tuned"]


def test_equal_labels_in_a_file_are_numbered_too(tmp_path: Path) -> None:
    text = "[[model]]\nspec = 'm'\n[[model]]\nname = 'm'\nspec = 'oracle'\n"
    assert [model.label for model in load(tmp_path, text).models] == ["m", "m-2"]


@pytest.mark.parametrize("spec", ["", " "])
def test_an_empty_model_is_refused(spec: str) -> None:
    with pytest.raises(UserError, match="--model needs a value"):
        models_from_specs(["oracle", spec])


def test_benchmarks_are_named_with_paths_from_where_pytest_runs() -> None:
    choices = benchmarks_from_text("mini, jsonl=own/p.jsonl,mbpp=/d", base=Path("/b"))
    assert choices == (
        BenchmarkChoice(name="mini"),
        BenchmarkChoice(name="jsonl", path=Path("/b/own/p.jsonl")),
        BenchmarkChoice(name="mbpp", path=Path("/d")),
    )


@pytest.mark.parametrize("text", ["", ",", "mini,", "=p.jsonl"])
def test_a_benchmark_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--benchmark needs NAME or NAME=PATH"):
        benchmarks_from_text(text, base=Path("/b"))
