"""The way of one case: prompt, generation, extraction, sandbox, verdict, record."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pytest_selfinvoke.anatomy.anatomist import Anatomist
from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, apply
from pytest_selfinvoke.certification.certifier import Certifier
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import (
    Case,
    Completion,
    ModelInfo,
    ModelSpec,
    Problem,
    Prompt,
    Sampling,
)
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.core.seeding import derive_seed
from pytest_selfinvoke.extraction import Extracted, extract
from pytest_selfinvoke.extraction.raw import raw_program
from pytest_selfinvoke.models.base import ModelKind, Request, has_gradients
from pytest_selfinvoke.prompts import default_style, get_style
from pytest_selfinvoke.prompts.answers import reference_answer
from pytest_selfinvoke.prompts.protocol import ProtocolStyle
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits
from pytest_selfinvoke.sandbox.coverer import Coverage

#: Processor time of a program that is put together from two, at least.
_ANATOMY_CPU_S = 2.0


class Generator(Protocol):
    """Gives completions: the client of the generation server, or a user's fixture."""

    def info(self, label: str) -> ModelInfo:
        """What is known of the model."""

    def generate(self, label: str, request: Request) -> Completion:
        """One completion.

        :raises GenerationError: if there is none.
        """


class Executor(Protocol):
    """Runs programs: the sandbox."""

    def run(self, job: Job) -> Execution:
        """Run one program against its tests.

        :raises NotJudgedError: if the sandbox itself failed.
        """


class Coverer(Protocol):
    """Counts what tests reach: the sandbox."""

    def cover(self, job: Job) -> Coverage | None:
        """Lines and branches of a program, if that can be said.

        :raises NotJudgedError: if the sandbox itself failed.
        """


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A case with its texts: what is sent to the model and how it is judged.

    With ``keeps_raw`` the answer as it stands is judged too.
    """

    case: Case
    problem: Problem
    attacked: Problem
    prompt: Prompt
    request: Request
    keeps_raw: bool = False


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What making the texts of a case needs.

    Without a ``certifier`` every variant is used as it is.
    """

    generator: Generator
    attacks: Registry[Attack]
    models: Mapping[str, ModelSpec]
    kind: Callable[[ModelSpec], ModelKind]
    sampling: Sampling
    certifier: Certifier | None = None

    def ask(self, case: Case, problem: Problem) -> Asked:
        """Make the texts of a case.

        :raises NotApplicableError: if the attack does not apply to the problem, or what
            it gives is not certified.
        """
        attack = self.attacks.get(case.variant.attack)
        attacked = apply(attack, problem, case.variant, seed=case.seed)
        if self.certifier is not None and attacked != problem:
            check = self.certifier.check
            certificate = check(problem, case.variant, attacked, seed=case.seed)
            certificate.require()
        style = case.style or default_style(self.generator.info(case.model))
        wording = get_style(style)
        prompt = wording.render(attacked.prompt, attacked)
        keeps_raw = False
        if isinstance(wording, ProtocolStyle):
            attacked, keeps_raw = wording.graded(attacked), wording.keeps_raw
        kind = self.kind(self.models[case.model])
        if attacked.perturbation is not None:
            if not has_gradients(kind):
                raise NotApplicableError(
                    f"{case.model} gives no gradients: {case.variant.attack} needs an"
                    " hf: model"
                )
            answer = reference_answer(attacked, prompt)
            moved = replace(attacked.perturbation, answer=answer)
            prompt = replace(prompt, perturbation=moved)
        # The variant is left out: without sampling noise of its own, a variant can
        # differ from the clean prompt by its text alone.
        seed = derive_seed(case.seed, case.benchmark, case.problem, case.sample) % 2**31
        request = Request(
            key=case.id,
            prompt=prompt,
            sampling=self.sampling,
            seed=seed,
            case={**case.to_json(), "entry_points": list(attacked.entry_points)},
            reference=attacked.reference if kind.needs_reference else None,
        )
        return Asked(
            # Of a template its file's name: the folder says nothing of the prompt.
            case=replace(case, style=wording.name),
            problem=problem,
            attacked=attacked,
            prompt=prompt,
            request=request,
            keeps_raw=keeps_raw,
        )


@dataclass(frozen=True, kw_only=True)
class Services:
    """What evaluating a case needs from this process.

    With an ``anatomist``, judged self-invoking cases are taken apart; with a
    ``coverer``, it is counted how much of each program the tests reach.
    """

    asking: Asking
    executor: Executor
    limits: Limits
    allow_processes: bool = False
    clock: Callable[[], float] = time.perf_counter
    references: dict[str, Execution] = field(default_factory=dict)
    anatomist: Anatomist | None = None
    coverer: Coverer | None = None

    def check_reference(self, problem: Problem) -> Execution:
        """Make sure that a problem can be solved here, once per problem.

        The reference may use ``cpu_factor`` times the time that programs have.

        :raises NotJudgedError: if the reference solution fails its own tests.
        """
        reference = self.references.get(problem.hash)
        if reference is None:
            limits = self.limits.calibrated(self.limits.cpu_s)
            reference = self._execute(problem.reference, problem, limits)
            self.references[problem.hash] = reference
        if reference.verdict is not Verdict.SOLVED:
            raise NotJudgedError(
                f"the reference solution of {problem.id} fails its own tests here "
                f"({reference.verdict.value}: {reference.detail})"
            )
        return reference

    def run(self, program: str, problem: Problem) -> Execution:
        """Run a program against a problem's tests.

        A program that fails may have met a broken problem: then nothing is judged. One
        that used up its time may have met a slow one: then it has as much as the
        reference calls for.

        :raises NotJudgedError: if the sandbox, or the problem, is at fault.
        """
        execution = self._execute(program, problem, self.limits)
        if execution.verdict is Verdict.SOLVED:
            return execution
        reference = self.check_reference(problem)
        if execution.exception == "ModuleNotFoundError":
            there = ", ".join(problem.requires) or "the standard library"
            detail = f"{execution.detail}; the problem's libraries: {there}"
            return replace(execution, detail=detail)
        limits = self.limits.calibrated(reference.cpu_s)
        if execution.verdict is Verdict.TIMEOUT and limits != self.limits:
            return self._execute(program, problem, limits)
        return execution

    def cover(self, program: str, problem: Problem) -> dict[str, Any] | None:
        """How much of a program the problem's tests reach, if that was asked for."""
        if self.coverer is None:
            return None
        found = self.coverer.cover(self._job(program, problem, self.limits))
        return None if found is None else found.to_json()

    def _execute(self, program: str, problem: Problem, limits: Limits) -> Execution:
        return self.executor.run(self._job(program, problem, limits))

    def _job(self, program: str, problem: Problem, limits: Limits) -> Job:
        return Job(
            program=program,
            tests=problem.target.tests,
            entry_points=problem.entry_points,
            limits=limits,
            allow_processes=self.allow_processes,
        )


def evaluate(case: Case, problem: Problem, services: Services) -> Record:
    """Carry one case from names to a record; what cannot be judged says so in it."""
    started = services.clock()
    record = Record(case=case.to_json(), status=Status.ERROR, problem_hash=problem.hash)
    try:
        asked = services.asking.ask(case, problem)
        record = new_record(asked)
        completion = services.asking.generator.generate(case.model, asked.request)
        generated = services.clock()
        record = replace(
            record,
            completion=completion.to_json(),
            durations={"generation_s": generated - started},
        )
        record = judge(record, asked, completion, services)
        judged = services.clock()
        record = take_apart(record, asked, completion, services)
        durations = {**record.durations, "judging_s": judged - generated}
        if record.anatomy is not None:
            durations["anatomy_s"] = services.clock() - judged
        return replace(record, durations=durations)
    except NotApplicableError as error:
        return replace(record, status=Status.SKIPPED, detail=str(error))
    except NotJudgedError as error:
        return replace(record, status=Status.ERROR, detail=str(error))


def new_record(asked: Asked) -> Record:
    """The record of a case that has its texts and no completion yet."""
    return Record(
        case=asked.case.to_json(),
        status=Status.ERROR,
        problem_hash=asked.problem.hash,
        prompt=asked.prompt.shown(),
        prompt_hash=asked.prompt.hash,
        template_hash=asked.prompt.template_hash,
        prompt_diff=unified_diff(asked.problem.prompt, asked.attacked.prompt),
    )


def judge(
    record: Record, asked: Asked, completion: Completion, services: Services
) -> Record:
    """The record with the verdict on a completion.

    :raises NotJudgedError: if the sandbox failed.
    """
    attacked = asked.attacked
    extracted = _extracted(asked, completion, attacked.entry_points)
    record = replace(record, extraction=extracted.method)
    if asked.keeps_raw:
        raw = raw_program(completion.text, asked.prompt.prefix)
        verdict = services.run(raw, attacked).verdict
        record = replace(record, raw_verdict=verdict)
    if extracted.program is None:
        services.check_reference(attacked)
        return replace(
            record,
            status=Status.FAILED,
            verdict=extracted.verdict,
            detail=extracted.detail,
        )
    execution = services.run(extracted.program, attacked)
    solved = execution.verdict is Verdict.SOLVED
    return replace(
        record,
        status=Status.PASSED if solved else Status.FAILED,
        verdict=execution.verdict,
        detail=execution.detail,
        program=extracted.program,
        execution=execution.to_json(),
        coverage=services.cover(extracted.program, attacked),
    )


def take_apart(
    record: Record, asked: Asked, completion: Completion, services: Services
) -> Record:
    """The record with the anatomy of a self-invoking case that was judged.

    An answer without one of the two functions is no program; the other one is still
    looked at.
    """
    anatomist, attacked = services.anatomist, asked.attacked
    if anatomist is None or record.verdict is None or attacked.base is None:
        return record
    program = record.program
    for name in reversed(attacked.entry_points) if program is None else ():
        program = _extracted(asked, completion, (name,)).program
        if program is not None:
            break
    # Many of these programs do not end; where the reference is slow they have more.
    cpu_s = min(services.limits.cpu_s, _ANATOMY_CPU_S)
    bench = replace(services, limits=replace(services.limits, cpu_s=cpu_s))
    anatomy = anatomist.examine(
        program,
        record.verdict,
        clean=asked.problem,
        attacked=attacked,
        bench=bench,
    )
    return replace(record, anatomy=anatomy.to_json())


def _extracted(
    asked: Asked, completion: Completion, entry_points: tuple[str, ...]
) -> Extracted:
    return extract(
        completion.text,
        entry_points=entry_points,
        prompt_code=asked.attacked.prompt,
        prefix=asked.prompt.prefix,
        finish_reason=completion.finish_reason,
    )


def unified_diff(clean: str, attacked: str) -> str:
    """Unified diff of two prompts; empty where they are equal."""
    lines = difflib.unified_diff(
        clean.splitlines(), attacked.splitlines(), "clean", "attacked", lineterm="", n=1
    )
    return "\n".join(lines)
