"""The built wheel, installed on its own, works from an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from longdoc import __version__

REPOSITORY = Path(__file__).resolve().parent.parent
MODELS = [*(REPOSITORY / "adapters").glob("*/model.safetensors")]

# Long enough for a few parts, short enough for a slow machine.
BOOK = "\n\n".join(
    f"Chapter {number}\n\n"
    f"The ship left the harbour of Leith on the {number}th of May. Captain Brown had bought {number * 12} barrels of "
    "salted herring. The wind came from the north, and nobody on board had slept. At noon they saw an island that "
    "was on no map. The mate wrote its position into the log and said nothing to the crew."
    for number in range(4, 10)
)

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> str:
    """The standard output of a command that must succeed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, cwd=REPOSITORY)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `longdoc` program of an empty environment that holds the wheel.

    Its dependencies are this environment's, through a .pth file, so that nothing is downloaded; the wheel's
    own folder comes first in sys.path, so the longdoc that runs is the installed one.
    """
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin" / "python"
    site_packages = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    )
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--quiet", wheel,
        cwd=folder,
    )  # fmt: skip
    shared = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site_packages / "dependencies.pth").write_text("\n".join(shared) + "\n")
    return folder / "bin" / "longdoc"


@pytest.fixture
def bare_environment() -> dict[str, str]:
    """No path that leads to the checkout, and no network for models."""
    dropped = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}
    return {k: v for k, v in os.environ.items() if k not in dropped} | {"HF_HUB_OFFLINE": "1"}


def test_the_wheel_holds_code_prompts_adapters_and_schemas(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "longdoc/cli/__init__.py" in names
    assert "longdoc/output/schemas/summary-1.json" in names
    assert {
        f"longdoc/output/templates/{name}" for name in ("base.html", "report.html", "index.html", "page.css")
    } <= set(names)
    for folder in ("adapters", "prompts"):
        ours = [p.relative_to(REPOSITORY) for p in (REPOSITORY / folder).rglob("*") if p.is_file()]
        tracked = [p for p in ours if not any(part.startswith((".", "__pycache__")) for part in p.parts)]
        assert {f"longdoc/_data/{path.as_posix()}" for path in tracked} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "samples"))]


def test_the_installed_program_runs_from_an_empty_folder(
    installed: Path, tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    assert run(installed, "--version", cwd=tmp_path, environment=bare_environment) == f"longdoc {__version__}\n"
    where = "import longdoc; print(longdoc.__file__)"
    path = run(installed.parent / "python", "-c", where, cwd=tmp_path, environment=bare_environment)
    assert Path(path.strip()).is_relative_to(installed.parent.parent)
    assert "summarize" in run(installed, "--help", cwd=tmp_path, environment=bare_environment)


@pytest.mark.skipif(not MODELS, reason="there is no model in adapters/ yet")
def test_the_installed_program_summarizes_with_the_embedded_model(
    installed: Path, tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    (tmp_path / "book.txt").write_text(BOOK, encoding="utf-8")
    out = run(installed, "summarize", "book.txt", "--threads", "1", cwd=tmp_path, environment=bare_environment)
    assert "tokens (100%)" in out
    assert "Chapter 4" in out
