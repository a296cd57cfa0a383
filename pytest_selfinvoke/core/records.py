"""The frozen values that travel between the parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from pytest_selfinvoke.core.jsonio import content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One function to be written.

    ``prompt`` is Python source up to and including the signature (and docstring);
    ``solution`` is the reference body: ``prompt + solution`` is a program.
    ``tests`` is Python source that asserts about ``entry_point``; it may be empty.
    """

    entry_point: str
    prompt: str
    solution: str
    tests: str = ""

    @property
    def reference(self) -> str:
        """Source of the function with the reference body."""
        return f"{self.prompt.rstrip()}\n{self.solution.strip(chr(10))}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """How a model's engine is to move the input embeddings of a prompt.

    No entry of an embedding moves farther than ``epsilon`` times the root mean square
    of the prompt's embeddings. ``answer`` is the text whose likelihood is lowered; it
    is known with the prompt.
    """

    method: str
    epsilon: float
    steps: int = 1
    seed: int = 0
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem of a benchmark.

    ``target`` is the function whose tests decide. A self-invoking problem also has a
    ``base``: the function that the target is meant to call (arXiv 2412.21199, sec. 2).
    A ``perturbation`` is what an attack asks for beside, or instead of, another text.
    """

    id: str
    benchmark: str
    target: Part
    base: Part | None = None
    requires: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    perturbation: Perturbation | None = None

    @property
    def is_self_invoking(self) -> bool:
        """Whether there is a base function to be called."""
        return self.base is not None

    @property
    def entry_points(self) -> tuple[str, ...]:
        """The functions that a program must define, the base function first."""
        base = () if self.base is None else (self.base.entry_point,)
        return (*base, self.target.entry_point)

    @property
    def prompt(self) -> str:
        """The code shown to the model: base stub, then target stub."""
        if self.base is None:
            return self.target.prompt
        return f"{self.base.prompt.rstrip()}\n\n\n{self.target.prompt.strip()}\n"

    @property
    def reference(self) -> str:
        """A program that solves the problem."""
        if self.base is None:
            return self.target.reference
        return f"{self.base.reference}\n\n{self.target.reference}"

    @property
    def hash(self) -> str:
        """Content hash of everything that can change a verdict."""
        content = asdict(self)
        if self.perturbation is None:
            del content["perturbation"]
        return content_hash(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a chat. ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is sent to the model.

    A chat prompt has ``messages`` (a last ``assistant`` turn is a prefix that the model
    continues); a completion prompt has ``text``. ``prefix`` is the part of the answer
    that the prompt already holds: extraction reads ``prefix + completion``. With a
    ``perturbation``, its input embeddings are moved.
    """

    style: str
    messages: tuple[Message, ...] = ()
    text: str = ""
    prefix: str = ""
    stop: tuple[str, ...] = ()
    template_hash: str = ""
    perturbation: Perturbation | None = None

    @property
    def is_chat(self) -> bool:
        """Whether the prompt is a list of messages."""
        return bool(self.messages)

    @property
    def hash(self) -> str:
        """Content hash of what the model sees."""
        content: list[Any] = [[m.role, m.content] for m in self.messages]
        content = content or [self.text, *self.stop]
        if self.perturbation is not None:
            content.append(asdict(self.perturbation))
        return content_hash(content)

    def shown(self) -> str:
        """The prompt as a person reads it."""
        if not self.messages:
            return self.text
        return "\n\n".join(f"[{m.role}]\n{m.content}" for m in self.messages)

    def to_json(self) -> dict[str, Any]:
        """Plain data for the wire."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        moved = data.get("perturbation")
        return cls(
            **{
                **data,
                "messages": tuple(Message(**m) for m in data["messages"]),
                "stop": tuple(data["stop"]),
                "perturbation": None if moved is None else Perturbation(**moved),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the model draws its answer. Temperature 0 is greedy decoding."""

    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature == 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model as the user named it: ``spec`` is ``kind[:argument]``.

    ``declared`` holds what the user states of the model, by fields of
    :class:`ModelInfo`; it must not contradict what a checkpoint says. ``options`` go to
    the model's kind.
    """

    spec: str
    label: str
    declared: dict[str, str | int] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """``hf`` of ``hf:NAME``."""
        return self.spec.partition(":")[0]

    @property
    def argument(self) -> str:
        """``NAME`` of ``hf:NAME``; empty if there is none."""
        return self.spec.partition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What is known of a model. ``None`` is unknown: never guessed from a name.

    ``experts`` and ``top_k`` are per layer with experts, of which there are
    ``moe_layers`` among ``layers``; ``shared_experts`` see every token. ``context`` is
    in tokens.
    """

    name: str
    engine: str
    engine_version: str = ""
    chat_template: bool | None = None
    architecture: str | None = None
    experts: int | None = None
    top_k: int | None = None
    layers: int | None = None
    moe_layers: int | None = None
    shared_experts: int | None = None
    context: int | None = None
    total_parameters: int | None = None
    active_parameters: int | None = None
    alignment: str | None = None
    family: str | None = None
    base: str | None = None
    precision: str | None = None
    revision: str | None = None
    device: str | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data for the wire and the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(**{**data, "notes": tuple(data.get("notes", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What the model returned for one prompt.

    ``stored`` is true where an earlier session made it and the store kept it.
    ``reference_loss`` is that of a perturbed prompt: mean negative log-likelihood of
    the reference answer, in nats per token, before and after its embeddings moved.
    """

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    duration_s: float | None = None
    stored: bool = False
    reference_loss: tuple[float, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data for the wire."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; unknown keys are ignored."""
        known = {f.name for f in fields(cls)}
        values = {k: v for k, v in data.items() if k in known}
        if losses := values.get("reference_loss"):
            values["reference_loss"] = tuple(losses)
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One application of an attack. ``clean`` changes nothing and has no seed."""

    attack: str
    seed: int | None = None

    @property
    def family(self) -> str:
        """``docstring`` of ``docstring.butter_fingers``; ``clean`` of ``clean``.

        Several attacks in a row (``a+b``) are the family ``compose``.
        """
        return "compose" if "+" in self.attack else self.attack.partition(".")[0]

    @property
    def id(self) -> str:
        """The variant's part of a test id."""
        return self.attack if self.seed is None else f"{self.attack}-seed{self.seed}"


CLEAN = Variant(attack="clean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Problem x variant x model x prompt style x sample: one pytest item.

    Holds names only; texts are made when the item runs.
    """

    benchmark: str
    problem: str
    model: str
    variant: Variant
    style: str
    sample: int
    seed: int
    name: str
    suite: str = ""

    @property
    def id(self) -> str:
        """``[suite file::]benchmark::model::problem::variant``: the pytest node id."""
        names = (self.benchmark, self.model, self.problem, self.name)
        return "::".join((self.suite, *names) if self.suite else names)

    def to_json(self) -> dict[str, Any]:
        """The case's columns of a record."""
        return {
            "id": self.id,
            "benchmark": self.benchmark,
            "problem": self.problem,
            "model": self.model,
            "attack": self.variant.attack,
            "family": self.variant.family,
            "attack_seed": self.variant.seed,
            "style": self.style,
            "sample": self.sample,
            "seed": self.seed,
        }
