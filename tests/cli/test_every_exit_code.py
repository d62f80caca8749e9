"""Each exit code of the README, produced by the program itself in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tiny
from forks import Forks, Started
from transformers import PreTrainedTokenizerFast

from longdoc.core.errors import EXIT_CODES

pytestmark = pytest.mark.timeout(900)  # each runs the program, some three times
STEPWISE = Path(__file__).with_name("stepwise.py")
REPOSITORY = Path(__file__).resolve().parents[2]
PRODUCED: set[int] = set()
Longdoc = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def longdoc(child_environment: dict[str, str], in_empty_folder: Path) -> Longdoc:
    """Run `python -m longdoc` in an empty folder."""
    Path("a.txt").write_text("It rained all day. The ferry left at nine.")

    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
        given = {"env": child_environment, "capture_output": True, "timeout": 400, **options}
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [sys.executable, "-m", "longdoc", *arguments],
            **given,  # type: ignore[call-overload]
        )
        return done

    return run


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """A process that has imported torch, for those that are forked from it."""
    started = Forks({**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])})
    yield started
    started.close()


@pytest.fixture
def forked(forks: Forks, child_environment: dict[str, str], longdoc: Longdoc) -> Longdoc:
    """As `longdoc`, without the time that its import takes."""

    def run(*arguments: str, **_: object) -> subprocess.CompletedProcess[bytes]:
        process = forks.start([*arguments], child_environment)
        out, err = process.stdout.read(), process.stderr.read()
        return subprocess.CompletedProcess(arguments, process.wait(), out, err)

    return run


def check(done: subprocess.CompletedProcess[bytes], code: int, said: str = "", *, out: bool = False) -> None:
    """Exit code, what standard error says, and whether there is a result."""
    err = done.stderr.decode()
    assert done.returncode == code, err
    assert said in err
    assert "Traceback" not in err
    assert bool(done.stdout) == out
    PRODUCED.add(code)


def test_0_and_the_result_alone_on_standard_output(longdoc: Longdoc) -> None:
    check(
        longdoc("ask", "a.txt", "-q", "When did the ferry leave?", "--quiet", "--no-state", "--to", "text"), 0, out=True
    )


def test_1_when_no_summary_can_be_made_here(forked: Longdoc) -> None:
    check(forked("doctor", "--model", "nowhere", "--offline"), 1, "No summary can be made here.", out=True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["plan"], 2, "Missing argument"),
        (["plan", "missing.txt"], 66, "There is no file missing.txt."),
        (["plan", "b.bin"], 65, "b.bin is a program."),
        (["plan", "a.txt", "-o", "no/such/folder.md"], 73, "cannot be written"),
    ],
)
def test_2_65_66_and_73_leave_standard_output_empty(
    arguments: list[str], code: int, said: str, forked: Longdoc
) -> None:
    Path("b.bin").write_bytes(b"\x7fELF\x01\x02\x00\x00\x00")
    check(forked(*arguments), code, said)


def test_69_and_nothing_is_asked_of_the_network(longdoc: Longdoc) -> None:
    check(longdoc("plan", "a.txt", "--model", "no/such", "--offline"), 69, "is not on this machine")


def test_3_when_one_of_several_cannot_be_read(forked: Longdoc) -> None:
    check(forked("plan", "a.txt", "missing.txt", "--each"), 3, "Of 2 sources, 1 failed.", out=True)


def test_70_for_a_bug_which_a_reader_of_another_package_has(
    longdoc: Longdoc, child_environment: dict[str, str]
) -> None:
    about = Path("odd_reader-1.dist-info")
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-reader\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[longdoc.readers]\nodd = odd_reader\n")
    Path("odd_reader.py").write_text(
        "def sniff(raw):\n    return False\n\ndef read(raw):\n    raise ImportError('odd')\n"
    )
    environment = dict(child_environment)
    environment["PYTHONPATH"] += f"{os.pathsep}{Path.cwd()}"
    check(longdoc("plan", "a.txt", "--format", "odd", env=environment), 70, "this is a bug in longdoc")


def test_71_before_weights_are_looked_for_that_cannot_fit(forked: Longdoc) -> None:
    shape = {"hidden_size": 16384, "intermediate_size": 53248, "num_hidden_layers": 1260, "vocab_size": 512}
    heads = {"num_attention_heads": 128, "num_key_value_heads": 8, "max_position_embeddings": 131072}
    Path("large").mkdir()
    Path("large/config.json").write_text(
        json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"], **shape, **heads})
    )
    PreTrainedTokenizerFast(tokenizer_object=tiny.tokenizer()).save_pretrained("large")
    check(
        forked("read", "a.txt", "--model", "./large", "--state-dir", "st", "--device", "cpu"),
        71,
        "does not fit on cpu",
    )


def test_141_when_nobody_reads_the_result(longdoc: Longdoc) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "wb") as closed:  # noqa: PTH123
        done = longdoc("plan", "a.txt", "--quiet", capture_output=False, stdout=closed, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, b"")
    PRODUCED.add(141)


def of_rank(rank: int, parent: int) -> int:
    """The process of that rank among the children of another."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status, environment = (folder / "status").read_text(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"PPid:\t{parent}\n" in status and f"RANK={rank}".encode() in environment.split(b"\0"):
            return int(folder.name)
    raise AssertionError(f"there is no process of rank {rank}")


def is_running(process: int) -> bool:
    """Not gone, and not only waiting to be asked how it ended."""
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
@pytest.mark.parametrize(("event", "killed"), [("segment_read", 1), ("token", 0)])
def test_75_when_a_process_of_a_ring_is_killed(
    event: str, killed: int, child_environment: dict[str, str], in_empty_folder: Path
) -> None:
    """The second one while they read, or the first one while they write."""
    Path("book.md").write_text(tiny.prose(600))
    model = tiny.checkpoint(in_empty_folder / "model", memory=False, prompts="chat")
    ring = ["--attention", "ring", "--gpus", "2", "--device", "cpu", "--segment", "512"]
    command = ["ask", "book.md", "-q", "Who hid the lantern?", "--no-verbatim", "--model", str(model), *ring]
    with subprocess.Popen(
        [sys.executable, "-m", "longdoc", *command, "--no-state", "--progress", "json"],
        env=child_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        told = iter(process.stderr)
        assert any(json.loads(line).get("event") == event for line in told), "it ended before"
        ranks = [of_rank(rank, process.pid) for rank in range(2)]
        os.kill(ranks[killed], signal.SIGKILL)
        errors = [json.loads(line) for line in told if '"error"' in line]
        assert process.wait(timeout=60) == 75
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert [error["what"] for error in errors] == ["A process of the ring is lost."]
    assert f"process {killed} of 2 was ended by SIGKILL" in errors[0]["why"]
    assert not any(map(is_running, ranks))
    PRODUCED.add(75)


class Stepwise:
    """A reading that is followed event by event."""

    def __init__(self, process: Started) -> None:
        self.process = process

    def events(self) -> Iterator[dict[str, object]]:
        for line in self.process.stderr:
            yield json.loads(line)

    def until_segment(self, number: int) -> dict[str, object]:
        """Read on to the n-th segment."""
        for event in self.events():
            number -= event["event"] == "segment_read"
            if not number:
                return event
        raise AssertionError("it ended before")

    def rest(self) -> tuple[int, str, list[dict[str, object]]]:
        """Exit code, result, and the events that are left."""
        events = [*self.events()]
        out = self.process.stdout.read()
        return self.process.wait(), out.decode(), events


@pytest.fixture
def stepwise(forks: Forks, child_environment: dict[str, str], in_empty_folder: Path) -> Callable[..., Stepwise]:
    """Start a program of `stepwise` on a text of six chapters."""
    chapters = [f"# Chapter {number}\n\n{tiny.prose(60, number)}" for number in range(6)]
    Path("book.md").write_text("\n\n".join(chapters))
    more = ["--progress", "json", "--state-dir", "states"]
    return lambda *arguments: Stepwise(forks.start([*arguments, *more], child_environment, STEPWISE))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_130_and_143_print_what_there_is_and_the_same_command_goes_on(
    number: int, code: int, stepwise: Callable[..., Stepwise]
) -> None:
    command = ["summarize", "book.md", "--json", "--words", "60"]
    first = stepwise(*command)
    seen = first.until_segment(3)
    first.process.send_signal(number)
    returned, out, events = first.rest()
    assert returned == code
    PRODUCED.add(code)
    partial = json.loads(out)
    assert partial["status"] == "partial"
    assert partial["parts"]
    read = partial["source"]["tokens_read"]
    assert seen["tokens_read"] <= read < partial["source"]["tokens"]
    kept = [event for event in events if event["event"] == "state_kept"]
    assert kept[-1]["tokens_read"] == read
    assert [event["exit_code"] for event in events if event["event"] == "error"] == [130] * (code == 130)
    returned, out, events = stepwise(*command).rest()
    again = json.loads(out)
    assert (returned, again["status"], again["source"]["tokens_from_state"]) == (0, "complete", read)
    if number == signal.SIGINT:  # and from the beginning it is the same
        returned, out, _ = stepwise(*command, "--fresh").rest()
        fresh = json.loads(out)
        assert (returned, fresh["source"]["tokens_from_state"]) == (0, 0)
        assert [fresh[key] for key in ("summary", "parts")] == [again[key] for key in ("summary", "parts")]


def test_a_second_ctrl_c_stops_at_once(stepwise: Callable[..., Stepwise]) -> None:
    process = stepwise("summarize", "book.md", "--json")
    process.until_segment(2)
    process.process.send_signal(signal.SIGINT)
    process.process.send_signal(signal.SIGINT)
    returned, out, _ = process.rest()
    assert returned == 130
    assert out == "" or json.loads(out)["status"] == "partial"  # two signals may arrive as one


@pytest.mark.parametrize("segments", [3])
def test_kill_9_loses_no_more_than_what_was_read_since_the_last_checkpoint(
    segments: int, stepwise: Callable[..., Stepwise]
) -> None:
    process = stepwise("read", "book.md", "--json")
    kept = 0
    for event in process.events():
        if event["event"] == "state_kept":
            kept = max(kept, int(str(event["tokens_read"])))
            segments -= 1
            if not segments:
                break
    process.process.send_signal(signal.SIGKILL)
    code, out, _ = process.rest()
    assert (code, out) == (-signal.SIGKILL, "")
    code, out, events = stepwise("read", "book.md", "--json").rest()
    assert code == 0
    assert json.loads(out)["tokens_from_state"] >= kept > 0
    assert not [event for event in events if event["event"] == "warned"]


def test_no_exit_code_is_left_out(request: pytest.FixtureRequest) -> None:
    """This stands at the end of the file: the tests above have noted what they produced."""
    run = {item.name.partition("[")[0] for item in request.session.items if item.path == Path(__file__)}
    if not {name for name in globals() if name.startswith("test_")} <= run:
        pytest.skip("not all of this file is run")
    assert set(EXIT_CODES) == PRODUCED
