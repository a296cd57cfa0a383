"""What the generation server costs and saves. Prints ratios; run it by hand.

``python benchmarks/generation.py store`` needs no model: 20,000 cases through a server
process and its store, made once and found again. ``python benchmarks/generation.py
engine smollm2`` compares, on the same prompts and one thread: the engine's own batched
run, the engine one prompt at a time, and whole pytest sessions (first, and second).
Ratios of one run are comparable, figures of different runs are not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_selfinvoke.attacks import BUILTIN as ATTACKS
from pytest_selfinvoke.attacks.base import Attack
from pytest_selfinvoke.benchmarks import BUILTIN as BENCHMARKS
from pytest_selfinvoke.core.records import (
    Completion,
    ModelInfo,
    ModelSpec,
    Prompt,
    Sampling,
)
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.evaluation import Asking
from pytest_selfinvoke.generation.client import GenerationClient
from pytest_selfinvoke.generation.lifecycle import GenerationServer
from pytest_selfinvoke.generation.settings import CacheMode, StoreSettings
from pytest_selfinvoke.generation.wire import Policy
from pytest_selfinvoke.models.base import Engine, Request
from pytest_selfinvoke.models.lookup import kind_for
from pytest_selfinvoke.plan import build_plan
from pytest_selfinvoke.suite import BenchmarkChoice, Limit, Suite, models_from_specs

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")


class Instant:
    """A model without a model: 600 characters at once, in batches of 16."""

    max_batch = 16
    info = ModelInfo(name="instant", engine="instant", revision="1")

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    def generate(self, requests: Sequence[Request]) -> list[Completion]:
        """The same answer for everybody."""
        return [Completion(text="x = 1\n" * 100, completion_tokens=1)] * len(requests)


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found.group(1)) / 1024 if found else 0.0


def requests(count: int) -> list[Request]:
    """Requests with prompts of 1,000 characters."""
    return [
        Request(
            key=f"case {n}",
            prompt=Prompt(style="completion", text=f"# {n}\n" + "word " * 200),
            sampling=Sampling(),
            case={"sample": 0, "attack": "clean", "family": "clean"},
        )
        for n in range(count)
    ]


def store_pass(name: str, store: Path, count: int, *, plan: bool) -> None:
    """One session's worth of questions, asked one by one."""
    server = GenerationServer()
    server.launch(
        [ModelSpec(spec="generation:Instant", label="m")],
        threads=1,
        sys_path=[str(HERE)],
        log_path=store.with_suffix(".log"),
        policy=Policy(
            store=StoreSettings(path=str(store), mode=CacheMode.READ_WRITE, run=name)
        ),
    )
    assert server._process is not None
    pid, client = server._process.pid, GenerationClient(server.address, server.secret)
    client.info("m")
    asked = requests(count)
    started, cpu = time.perf_counter(), cpu_s(pid) + time.process_time()
    memory = [memory_mb(pid)]
    if plan:
        for start in range(0, count, 64):
            client.plan("m", asked[start : start + 64])
    for n, request in enumerate(asked, 1):
        client.generate("m", request)
        if n % (count // 4) == 0:
            memory.append(memory_mb(pid))
    wall = time.perf_counter() - started
    used = cpu_s(pid) + time.process_time() - cpu
    shown = " ".join(f"{value:.0f}" for value in memory)
    print(
        f"{name:28} {1000 * used / count:6.3f} ms CPU  {1000 * wall / count:6.3f} ms "
        f"wall per case, both sides; server MB at quarters: {shown}"
    )
    client.close()
    server.stop()


def bench_store(count: int) -> None:
    """Made and kept, then found; with and without the plan."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        store_pass("made and kept, no plan", store, count, plan=False)
        store_pass("found, no plan", store, count, plan=False)
        store_pass("found, plan announced too", store, count, plan=True)
        print(f"store: {store.stat().st_size / count:.0f} bytes per completion")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Tokens, and what they took."""

    tokens: int
    cpu_s: float
    wall_s: float

    def line(self, name: str, unit: Measured) -> str:
        """Rates, and their ratios to another measurement's."""
        cpu, wall = self.tokens / self.cpu_s, self.tokens / self.wall_s
        by_cpu = cpu * unit.cpu_s / unit.tokens
        by_wall = wall * unit.wall_s / unit.tokens
        return (
            f"{name:24} {self.tokens:6} tokens {cpu:7.1f} /CPU s ({by_cpu:4.2f} x) "
            f"{wall:7.1f} /s ({by_wall:4.2f} x)"
        )


class _Loaded:
    def __init__(self, info: ModelInfo) -> None:
        self._info = info

    def info(self, label: str) -> ModelInfo:
        return self._info

    def generate(self, label: str, request: Request) -> Completion:
        raise NotImplementedError


def plugin_requests(args: argparse.Namespace, engine: Engine) -> list[Request]:
    """The very requests that the pytest sessions make."""
    suite = Suite(
        models=models_from_specs([args.model]),
        benchmarks=(BenchmarkChoice(name=args.benchmark, path=args.path),),
        limit=Limit(count=args.limit),
        sampling=Sampling(max_new_tokens=args.tokens),
    )
    attacks: Registry[Attack] = Registry("attack", ATTACKS)
    plan = build_plan(
        suite,
        benchmarks=Registry("benchmark", BENCHMARKS),
        attacks=attacks,
        download=False,
    )
    asking = Asking(
        generator=_Loaded(engine.info),
        attacks=attacks,
        models={spec.label: spec for spec in suite.models},
        kind=lambda spec: kind_for(spec, {}),
        sampling=suite.sampling,
    )
    problems = plan.problems()
    return [
        asking.ask(case, problems[case.benchmark, case.problem]).request
        for case in plan.all_cases()
    ]


def offline(engine: Engine, asked: list[Request], batch: int) -> Measured:
    """The engine alone, in batches of like length."""
    ordered = sorted(asked, key=lambda r: len(r.prompt.shown()))
    tokens, cpu, wall = 0, time.process_time(), time.perf_counter()
    for start in range(0, len(ordered), batch):
        for answer in engine.generate(ordered[start : start + batch]):
            assert isinstance(answer, Completion)
            tokens += answer.completion_tokens or 0
    return Measured(
        tokens=tokens,
        cpu_s=time.process_time() - cpu,
        wall_s=time.perf_counter() - wall,
    )


def session(args: argparse.Namespace, folder: Path, name: str) -> Measured:
    """A whole pytest session: the engine's part of its own count, and all else."""
    benchmark = args.benchmark + (f"={args.path}" if args.path else "")
    suite = folder / "bench.selfinvoke.toml"
    suite.write_text(
        f"[[model]]\nname = 'm'\nspec = '{args.model}'\n"
        f"options = {{ dtype = '{args.dtype}' }}\n"
    )
    before, wall = os.times(), time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "2"),
            *("-p", "no:cacheprovider", str(suite), f"--benchmark={benchmark}"),
            *(f"--limit={args.limit}", f"--selfinvoke-results={folder / name}"),
            f"--selfinvoke-store={folder / 'store'}",
            *("-o", f"selfinvoke_max_new_tokens={args.tokens}"),
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    after = os.times()
    tokens = 0
    for file in (folder / name).glob("*/records.jsonl"):
        for line in file.read_text().splitlines():
            completion = json.loads(line)["completion"] or {}
            tokens += completion.get("completion_tokens") or 0
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Measured(tokens=tokens, cpu_s=cpu, wall_s=time.perf_counter() - wall)


def bench_engine(args: argparse.Namespace) -> None:
    """The engine alone, one prompt at a time, and as pytest uses it."""
    os.environ["OMP_NUM_THREADS"] = "1"
    [spec] = models_from_specs([args.model])
    spec = replace(spec, options={"dtype": args.dtype})
    engine = kind_for(spec, {}).load(spec)
    asked = plugin_requests(args, engine)
    offline(engine, asked[:2], 2)
    batched = offline(engine, asked, engine.max_batch)
    naive = offline(engine, asked[: args.naive], 1)
    engine.close()
    with tempfile.TemporaryDirectory() as folder:
        first = session(args, Path(folder), "first")
        second = session(args, Path(folder), "second")
    print(batched.line(f"offline, batches of {engine.max_batch}", batched))
    print(naive.line("one prompt at a time", batched))
    print(first.line("pytest -n 2, all of it", batched))
    print(second.line("the same again", batched))
    by_cpu = first.tokens / first.cpu_s * naive.cpu_s / naive.tokens
    print(f"planned over naive, per CPU second: {by_cpu:.2f} x")
    print(f"second session over first, wall: {second.wall_s / first.wall_s:.3f}")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    store = commands.add_parser("store")
    store.add_argument("--cases", type=int, default=20_000)
    store.set_defaults(run=lambda args: bench_store(args.cases))
    engine = commands.add_parser("engine")
    engine.add_argument("model")
    engine.add_argument("--benchmark", default="mini")
    engine.add_argument("--path", type=Path)
    engine.add_argument("--limit", type=int, default=24)
    engine.add_argument("--dtype", default="auto", help="as the option of hf: models")
    engine.add_argument("--tokens", type=int, default=128)
    engine.add_argument("--naive", type=int, default=6, help="prompts one at a time")
    engine.set_defaults(run=bench_engine)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
