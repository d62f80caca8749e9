"""Nothing is written but the user's states and the named output, and states are for their owner alone."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

pytestmark = pytest.mark.timeout(900)
_PROGRAM = """
import json, os, sys

written = []

def note(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        is_for_writing = bool(mode and set(mode) & set("wax+")) or bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if is_for_writing and not isinstance(path, int):
            written.append(os.path.abspath(os.fsdecode(path)))
    elif event in {"os.mkdir", "os.rename", "os.symlink", "os.link"}:
        written.extend(os.path.abspath(os.fsdecode(path)) for path in arguments[:2] if isinstance(path, (str, bytes)))

sys.addaudithook(note)

from longdoc.cli import run

for line in json.loads(sys.argv[1]):
    code = run(line)
    assert code == 0, (line, code)
sys.stderr.write("\\nWRITTEN " + json.dumps(sorted(set(written))))
"""


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def test_only_states_settings_and_the_named_output_are_written(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    home, work, temporary, named = (tmp_path / name for name in ("home", "work", "temporary", "named"))
    for folder in (home, work, temporary, named):
        folder.mkdir()
    (work / "book.md").write_text("# One\n\n" + tiny.prose(400))
    work.chmod(0o500)
    before = snapshot(work)
    environment = {name: value for name, value in child_environment.items() if not name.startswith(("XDG_", "TORCH"))}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    lines = [
        ["plan", "book.md"],
        ["summarize", "book.md", "-o", str(named / "summary.md"), "--log-file", str(named / "log.txt")],
        ["ask", "book.md", "-q", "Who carried the lantern?", "--json"],
        ["read", "book.md"],
        ["states", "list"],
        ["config", "init"],
        ["config", "show"],
        ["doctor"],
    ]  # one after the other in one process: torch is imported once
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(lines)], cwd=work, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert snapshot(work) == before
    # torch makes a folder of its own there when it is imported, and puts nothing into it
    assert [
        path for path in temporary.rglob("*") if not (path.name.startswith("torchinductor_") and path.is_dir())
    ] == []
    assert sorted(path.name for path in named.iterdir()) == ["log.txt", "summary.md"]
    assert stat.S_IMODE((named / "log.txt").stat().st_mode) == 0o600
    paths = [Path(path) for path in json.loads(done.stderr.split("WRITTEN ")[1])]
    allowed = (home, temporary, named, Path("/dev/null"), Path("/dev/tty"), Path("/dev/shm"))
    assert not [path for path in paths if not any(path.is_relative_to(place) for place in allowed)]
    assert any(path.is_relative_to(home) for path in paths)  # the hook does hear of it
    own = [path for path in home.rglob("*") if "longdoc" in path.parts]
    assert {path.suffix for path in own if path.is_file()} >= {".safetensors", ".toml"}
    for path in own:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == 0o600 if path.is_file() else mode in {0o700, 0o755}, (path, oct(mode))
    for path in home.rglob("*.safetensors"):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
