"""The JSON of OpenAI's chat and completions endpoints: requests and answers."""

from __future__ import annotations

from typing import Any

from pytest_selfinvoke.core.records import Completion
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.models.decoding import cut_at_stop


def request_body(request: Request, model: str, extra: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of the client's ``create`` for one request.

    What OpenAI's own API does not know (``top_k``, continuing a last assistant turn as
    vLLM does) is sent only where it is needed. ``top_p`` is always sent with a
    temperature: some servers put the checkpoint's default in its place.
    """
    prompt, sampling = request.prompt, request.sampling
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
    }
    more: dict[str, Any] = {}
    if not sampling.is_greedy:
        body["seed"] = request.seed
        body["top_p"] = sampling.top_p
        if sampling.top_k > 0:
            more["top_k"] = sampling.top_k
    if prompt.stop:
        body["stop"] = list(prompt.stop)
    if prompt.is_chat:
        body["messages"] = [
            {"role": m.role, "content": m.content} for m in prompt.messages
        ]
        if prompt.messages[-1].role == "assistant":
            more |= {"add_generation_prompt": False, "continue_final_message": True}
    else:
        body["prompt"] = prompt.text
    if "max_completion_tokens" in extra:
        # The name of newer models at OpenAI, which refuse the other.
        del body["max_tokens"]
    more |= extra
    return {**body, "extra_body": more} if more else body


def read_answer(
    data: Any, request: Request, elapsed: float, *, echoes: bool = False
) -> Completion:
    """The completion in a parsed answer.

    :param echoes: whether the server repeats a last assistant turn that it continued.
    :raises ValueError: if there is no choice in it; other lookups raise as they do.
    """
    if not data["choices"]:
        raise ValueError("no choices")
    prompt = request.prompt
    choice = data["choices"][0]
    text = choice["message"]["content"] if prompt.is_chat else choice["text"]
    if text is not None and not isinstance(text, str):
        raise TypeError(f"the text is {type(text).__name__}")
    text = text or ""
    if echoes and prompt.is_chat and prompt.messages[-1].role == "assistant":
        text = text.removeprefix(prompt.messages[-1].content)
    # Servers differ in the number of stop strings that they keep to.
    text, is_cut = cut_at_stop(text, prompt.stop)
    usage = data.get("usage") or {}
    return Completion(
        text=text,
        finish_reason="stop" if is_cut else str(choice.get("finish_reason") or "stop"),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        duration_s=elapsed,
    )


def first_line(text: str) -> str:
    """The first line of a message, no longer than a report can show."""
    line = (text.strip().splitlines() or [""])[0]
    return line if len(line) <= 300 else f"{line[:300]}..."


def _count(usage: dict[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) else None
