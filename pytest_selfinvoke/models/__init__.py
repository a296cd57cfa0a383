"""Model kinds, one file each, imported when first used."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "gguf": "pytest_selfinvoke.models.gguf:GgufKind",
    "hf": "pytest_selfinvoke.models.hf:HfKind",
    "openai": "pytest_selfinvoke.models.openai:OpenAiKind",
    "oracle": "pytest_selfinvoke.models.scripted:OracleKind",
    "replay": "pytest_selfinvoke.models.replay:ReplayKind",
    "smollm2": "pytest_selfinvoke.models.smollm2:SmolLM2Kind",
    "stub": "pytest_selfinvoke.models.scripted:StubKind",
    "vllm": "pytest_selfinvoke.models.vllm:VllmKind",
}
