"""A fast identity of the files that decide a local model's answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

#: Files up to this size are read whole, larger ones in blocks.
WHOLE_BYTES = 64 << 20
#: Read from the start of a large file, where the safetensors or GGUF header is.
HEAD_BYTES = 1 << 20
BLOCK_BYTES = 4 << 10
#: Distance of the blocks, but never more than ``MOST_BLOCKS`` of them in one file.
STRIDE_BYTES = 1 << 20
MOST_BLOCKS = 4096

#: Of a checkpoint folder: weights, configuration, tokenizer, template and own code.
DECISIVE = (
    "*.safetensors",
    "*.bin",
    "*.gguf",
    "*.json",
    "*.jinja",
    "*.model",
    "*.txt",
    "*.py",
)


def folder_revision(folder: Path) -> str:
    """The revision of a checkpoint folder, from all files that decide answers."""
    return files_revision({p for pattern in DECISIVE for p in folder.glob(pattern)})


def files_revision(paths: Iterable[Path]) -> str:
    """``sha256:`` and 16 hex digits over names, sizes and contents of files.

    ``sampled:`` instead, where a file is too large to be read whole: then its head, its
    end, and 4 KiB of every MiB (of every 4096th part, above 4 GiB) were read. That
    tells fine-tuned, merged, quantised or damaged weights apart, and misses only a
    change that lies between two blocks.
    """
    digest = hashlib.sha256()
    is_sampled = False
    for path in sorted(paths, key=lambda path: path.name):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        is_sampled |= size > WHOLE_BYTES
        with path.open("rb") as stream:
            for start, length in _pieces(size):
                stream.seek(start)
                digest.update(stream.read(length))
    kind = "sampled" if is_sampled else "sha256"
    return f"{kind}:{digest.hexdigest()[:16]}"


def hub_commit(name: str, revision: str, environ: Mapping[str, str]) -> str | None:
    """The commit of a repository that is in the cache of the hub, else ``None``.

    The cache keeps, for each branch and tag that was asked for, the commit it meant.
    """
    home = Path(environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    cache = Path(environ.get("HF_HUB_CACHE") or home / "hub")
    folder = cache / f"models--{name.replace('/', '--')}"
    try:
        return (folder / "refs" / revision).read_text().strip() or None
    except OSError:
        is_commit = (folder / "snapshots" / revision).is_dir()
        return revision if is_commit else None


def _pieces(size: int) -> Iterable[tuple[int, int]]:
    """Start and length of what is read of a file."""
    if size <= WHOLE_BYTES:
        yield 0, size
        return
    yield 0, HEAD_BYTES
    stride = max(STRIDE_BYTES, size // MOST_BLOCKS)
    for start in range(HEAD_BYTES, size, stride):
        yield start, BLOCK_BYTES
    yield size - BLOCK_BYTES, BLOCK_BYTES
