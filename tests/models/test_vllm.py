from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Completion, ModelSpec
from pytest_selfinvoke.models import supervisor
from pytest_selfinvoke.models.base import Failure, ModelKind, Request
from pytest_selfinvoke.models.vllm import VllmEngine, VllmKind

Ask = Callable[..., Request]

#: A server as far as this plugin sees vLLM: its arguments, endpoints and processes.
FAKE = """\
#!{python}
import json, os, signal, subprocess, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

here = Path(__file__).parent
arguments = sys.argv[1:]
value = lambda name: arguments[arguments.index(name) + 1]
mode = value("--mode") if "--mode" in arguments else ""
child = [sys.executable, "-c", "import time; time.sleep(600)"]
children = [
    subprocess.Popen(child).pid,
    # As a process that made itself a daemon.
    subprocess.Popen(child, start_new_session=True).pid,
]
(here / "seen.json").write_text(
    json.dumps(
        {{
            "arguments": arguments,
            "key": os.environ.get("VLLM_API_KEY"),
            "pids": [os.getpid(), *children],
        }}
    )
)
print("INFO loading weights", flush=True)
if mode == "broken":
    print("Traceback (most recent call last):", file=sys.stderr)
    print("(EngineCore pid=7) ERROR torch.OutOfMemoryError: no room for it", file=sys.stderr)
    print("see above", file=sys.stderr)
    sys.exit(3)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
started = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            late = mode == "never" or time.monotonic() - started < 0.6
            return self.reply(503 if late else 200, {{}})
        if self.path == "/version":
            return self.reply(200, {{"version": "0.99"}})
        entry = {{"id": value("--served-model-name"), "owned_by": "vllm"}}
        return self.reply(200, {{"data": [entry]}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != "Bearer " + os.environ["VLLM_API_KEY"]:
            return self.reply(401, {{}})
        if body["prompt"] == "die":
            os._exit(9)
        return self.reply(200, {{"choices": [{{"text": "to " + body["prompt"]}}]}})

    def reply(self, status, data):
        data = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer((value("--host"), int(value("--port"))), Handler)
server.serve_forever()
"""


class Fake:
    """A folder with a command ``vllm``, and what it was started with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        command = folder / "vllm"
        command.write_text(FAKE.format(python=sys.executable))
        command.chmod(0o755)
        self.environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        self.kind = VllmKind(environ=self.environ, tell=self.told.append)

    @property
    def seen(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "seen.json").read_text()))

    def wait_until_gone(self, limit_s: float = 10.0) -> None:
        deadline = time.monotonic() + limit_s
        while left := [pid for pid in self.seen["pids"] if is_alive(pid)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # Where nobody waits for orphans, the dead stay in the list.
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    made = Fake(tmp_path)
    yield made
    # Whatever a test left, by the pids that the fake itself wrote down.
    with contextlib.suppress(FileNotFoundError):
        for pid in made.seen["pids"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_selfinvoke.models.vllm_server.ASK_EVERY_S", 0.05)
    monkeypatch.setattr("pytest_selfinvoke.models.vllm_server.TELL_EVERY_S", 0.2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint as far as its files go, without torch."""
    made = tmp_path / "tiny-mixtral"
    made.mkdir()
    config = {"num_local_experts": 4, "num_experts_per_tok": 2}
    (made / "config.json").write_text(json.dumps(config))
    (made / "chat_template.jinja").write_text("{{ messages }}")
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "embed.weight": {
                "dtype": "BF16",
                "shape": [10, 4],
                "data_offsets": [0, 80],
            },
            "mlp.experts.up": {
                "dtype": "BF16",
                "shape": [4, 5, 2],
                "data_offsets": [80, 160],
            },
        }
    ).encode()
    data = len(header).to_bytes(8, "little") + header + bytes(160)
    (made / "model.safetensors").write_bytes(data)
    return made


def spec(argument: object = "org/model", **options: Any) -> ModelSpec:
    return ModelSpec(spec=f"vllm:{argument}", label="m", options=options)


def load(fake: Fake, argument: object = "org/model", **options: Any) -> VllmEngine:
    pytest.importorskip("openai", reason="the extra openai is not installed")
    return fake.kind.load(spec(argument, **options))


def test_kind_keeps_the_protocol() -> None:
    assert isinstance(VllmKind(), ModelKind)


def test_server_is_started_asked_and_ended(fake: Fake, ask: Ask) -> None:
    engine = load(fake)
    assert engine.max_batch == 32
    first, second = engine.generate([ask("one"), ask("two")])
    assert isinstance(first, Completion)
    assert isinstance(second, Completion)
    assert (first.text, second.text) == ("to one", "to two")
    assert all(map(is_alive, fake.seen["pids"]))
    engine.close()
    fake.wait_until_gone(0)
    assert any("starting for" in line for line in fake.told)
    assert any(line.startswith("vllm: started in") for line in fake.told)
    # The key is in no argument, where every user of the machine could read it.
    key = fake.seen["key"]
    assert len(key) == 32
    assert key not in " ".join(fake.told + fake.seen["arguments"])


def test_arguments_are_passed_through(fake: Fake, folder: Path) -> None:
    engine = load(
        fake,
        folder,
        tensor_parallel_size=2,
        distributed_executor_backend="ray",
        enforce_eager=True,
        enable_prefix_caching=False,
        middleware=["a", "b"],
        compilation_config={"level": 1},
        max_batch=7,
    )
    engine.close()
    arguments = fake.seen["arguments"]
    assert arguments[:4] == ["serve", str(folder), "--served-model-name", folder.name]
    text = " ".join(arguments)
    for expected in (
        "--tensor-parallel-size 2",
        "--distributed-executor-backend ray",
        "--enforce-eager",
        "--no-enable-prefix-caching",
        "--middleware a b",
        '--compilation-config {"level": 1}',
        "--generation-config vllm",
        "--host 127.0.0.1",
    ):
        assert expected in text
    assert "max-batch" not in text
    assert engine.max_batch == 7


def test_deterministic_is_one_sequence_at_a_time(fake: Fake) -> None:
    engine = load(fake, deterministic=True, executable=str(fake.folder / "vllm"))
    engine.close()
    text = " ".join(fake.seen["arguments"])
    assert "--max-num-seqs 1 --no-enable-prefix-caching" in text
    assert engine.max_batch == 1
    assert engine.info.notes == ("one request at a time",)


def test_info_of_a_folder(fake: Fake, folder: Path) -> None:
    engine = load(fake, folder, dtype="bfloat16")
    engine.close()
    info = engine.info
    assert (info.name, info.engine) == ("tiny-mixtral", "vllm")
    assert info.engine_version == "vllm 0.99"
    assert (info.architecture, info.experts, info.top_k) == ("moe", 4, 2)
    assert (info.total_parameters, info.active_parameters) == (80, 60)
    assert (info.precision, info.chat_template) == ("bfloat16", True)
    assert info.revision is not None
    assert info.revision.startswith("sha256:")
    assert str(folder.parent) not in json.dumps(info.to_json())


def test_info_of_a_name_is_unknown(fake: Fake) -> None:
    engine = load(fake, dtype="auto")
    engine.close()
    info = engine.info
    assert info.name == "org/model"
    assert info.precision is info.revision is info.architecture is None
    assert info.total_parameters is info.chat_template is None


def test_a_server_that_ends_is_one_line(fake: Fake) -> None:
    with pytest.raises(UserError) as caught:
        load(fake, mode="broken")
    assert str(caught.value) == (
        "vllm serve ended with status 3: torch.OutOfMemoryError: no room for it"
        " (its log is in generation.log)"
    )
    assert "vllm: see above" in fake.told
    fake.wait_until_gone()


def test_a_server_that_never_answers_is_one_line(fake: Fake) -> None:
    with pytest.raises(
        UserError, match=r"did not answer within 1 s: INFO loading weights"
    ):
        load(fake, mode="never", start_timeout=1)
    fake.wait_until_gone()


def test_a_server_that_dies_is_a_failure(fake: Fake, ask: Ask) -> None:
    engine = load(fake, max_retries=1)
    [failed] = engine.generate([ask("die")])
    assert isinstance(failed, Failure)
    assert "\n" not in failed.reason
    engine.close()
    fake.wait_until_gone()


OWNER = """\
import sys, time
from pytest_selfinvoke.models.vllm import VllmKind
from pytest_selfinvoke.core.records import ModelSpec

options = {"mode": sys.argv[1]}
engine = VllmKind().load(ModelSpec(spec="vllm:org/model", label="m", options=options))
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("mode", ["", "stubborn"])
def test_the_server_ends_with_a_killed_owner(fake: Fake, mode: str) -> None:
    pytest.importorskip("openai", reason="the extra openai is not installed")
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, mode],
        env=fake.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        assert all(map(is_alive, fake.seen["pids"]))
        # As the controller does with a generation server that does not end.
        os.killpg(owner.pid, signal.SIGKILL)
        fake.wait_until_gone(supervisor.GRACE_S + 5)


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")
def test_the_server_ends_with_a_killed_supervisor(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"""\
    import os, time
    from pathlib import Path
    Path({str(pid_file)!r}).write_text(str(os.getpid()))
    time.sleep(600)
    """
    watcher = subprocess.Popen(
        [
            sys.executable,
            "-I",
            supervisor.__file__,
            sys.executable,
            "-c",
            textwrap.dedent(script),
        ],
        stdin=subprocess.PIPE,
    )
    with watcher:
        while not pid_file.is_file() or not pid_file.read_text():
            time.sleep(0.02)
        pid = int(pid_file.read_text())
        watcher.kill()
        watcher.wait()
        deadline = time.monotonic() + 5
        while is_alive(pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("argument", "options", "message"),
    [
        ("org/model", {"executable": "no-such-vllm"}, "no command 'no-such-vllm'"),
        ("org/model", {"port": 8000}, "option 'port' of 'm': is chosen for you"),
        ("org/model", {"tensor-parallel-size": 2}, "with underscores"),
        ("org/model", {"start_timeout": 0}, "must be above 0"),
        ("org/model", {"max_batch": "8"}, "expected int"),
        ("", {}, "no such folder"),
        ("./nowhere", {}, "no such folder"),
        ("a b", {}, "ORGANISATION/NAME"),
    ],
)
def test_preflight_says_what_to_change(
    argument: str, options: dict[str, Any], message: str, fake: Fake
) -> None:
    pytest.importorskip("openai", reason="the extra openai is not installed")
    with pytest.raises(UserError, match=message):
        fake.kind.preflight(spec(argument, **options))


def test_preflight_reads_a_folder(fake: Fake, folder: Path) -> None:
    pytest.importorskip("openai", reason="the extra openai is not installed")
    fake.kind.preflight(spec(folder, tensor_parallel_size=2))
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="holds no weights"):
        fake.kind.preflight(spec(folder))
    assert not (fake.folder / "seen.json").exists()
