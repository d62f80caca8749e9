"""The page of HTML of a sample in a real browser: it is drawn, in light and dark, and nothing is objected to."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest
from handmade import make_answer, make_citation, make_receipt, make_summary
from pages import Page
from PIL import Image

from longdoc.core.memory_use import MemoryUse
from longdoc.core.types import Evidence
from longdoc.output.html import report_html
from longdoc.output.html_views import Reported

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SAMPLE = REPOSITORY / "samples" / "urgent-national-needs.vtt"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine"),
]


def browse(page: Path, *flags: str, where: str = "") -> tuple[str, list[str]]:
    """What a new browser says of a page on standard output, and the lines of its console."""
    profile = page.parent / "profile"
    done = subprocess.run(
        [str(BROWSER), *_FLAGS, f"--user-data-dir={profile}", *flags, f"{page.as_uri()}{where}"],
        capture_output=True,
        timeout=120,
        check=True,
    )
    shutil.rmtree(profile, ignore_errors=True)
    console = [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    return done.stdout.decode(), console


def picture(page: Path, width: int, *flags: str) -> Image.Image:
    """A screenshot, 1,200 pixels high."""
    target = page.parent / "page.png"
    _, console = browse(page, f"--screenshot={target}", f"--window-size={width},1200", *flags)
    assert console == []
    with Image.open(target) as image:
        return image.convert("L")


def ink(image: Image.Image) -> float:
    """The share of pixels that differ from the page's ground."""
    ground = image.getpixel((2, 2))
    assert isinstance(ground, int)
    histogram = image.histogram()
    near = sum(histogram[max(ground - 16, 0) : ground + 17])
    return 1 - near / sum(histogram)


def framed(page: Path, width: int) -> Path:
    """A page that shows another one in a frame: no window of a browser is as narrow as a telephone."""
    frame = page.with_name("frame.html")
    frame.write_text(
        f'<body style="margin:0"><iframe src="{page.name}" width="{width}" height="1200" style="border:0">'
    )
    return frame


def shade_at(image: Image.Image, x: int, y: int) -> int:
    shade = image.getpixel((x, y))
    assert isinstance(shade, int)
    return shade


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    page = folder / "report.html"
    command = [sys.executable, "-m", "longdoc", "summarize", str(SAMPLE), "--to", "html", "-o", str(page)]
    subprocess.run([*command, "--no-state", "--threads", "1", "--quiet"], check=True, cwd=REPOSITORY, timeout=200)
    return page


def test_the_browser_sees_the_page_as_it_was_written(report: Path) -> None:
    dom, console = browse(report, "--dump-dom")
    assert console == []
    written, seen = Page(report.read_text(encoding="utf-8")), Page(dom)
    assert [(tag, own.get("id")) for tag, own in seen.elements] == [
        (tag, own.get("id")) for tag, own in written.elements
    ]
    assert seen.text.split() == written.text.split()
    assert "What was read" in seen.text
    assert seen.texts["c1"]


def test_text_and_quotes_are_drawn_beside_each_other_in_light_and_dark(report: Path) -> None:
    light = picture(report, 1400)
    dark = picture(report, 1400, "--blink-settings=preferredColorScheme=0")
    assert light.getpixel((2, 2)) > 230  # type: ignore[operator]
    assert dark.getpixel((2, 2)) < 40  # type: ignore[operator]
    for image in (light, dark):
        for left, right in ((0, 700), (800, 1400)):
            assert 0.02 < ink(image.crop((left, 400, right, 1200))) < 0.5


def test_a_narrow_window_shows_the_page_without_scrolling_sideways(report: Path) -> None:
    image = picture(report, 500)
    assert ink(image.crop((12, 0, 488, 1200))) > 0.02
    assert ink(image.crop((490, 0, 500, 1200))) == 0


def shown(tmp_path: Path, uses: tuple[MemoryUse, ...]) -> dict[str, Image.Image]:
    """A page whose receipt has these memories, in light, in dark, and 400 pixels wide."""
    page = tmp_path / "memory.html"
    summary = make_summary(receipt=make_receipt(memory=uses), statements=(), parts=())
    page.write_text(report_html([Reported(summary)]), encoding="utf-8")
    return {
        "light": picture(page, 1000),
        "dark": picture(page, 1000, "--blink-settings=preferredColorScheme=0"),
        "narrow": picture(framed(page, 400), 500).crop((0, 0, 400, 1200)),
    }


def test_the_fields_of_the_memory_are_drawn_in_light_and_dark_and_in_a_narrow_window(tmp_path: Path) -> None:
    def differing(image: Image.Image) -> int:
        """Rows in which the first field, where there is one, has not the shade of the last."""
        return sum(abs(shade_at(image, 120, y) - shade_at(image, 350, y)) > 30 for y in range(image.height))

    with_memory = shown(tmp_path, tuple(MemoryUse(i, 1000, (900, 400, 5, 0), (0.9, 0.5, 0.1, 0.0)) for i in (1, 5, 9)))
    without = shown(tmp_path, ())
    for name, image in with_memory.items():
        assert differing(image) > differing(without[name]) + 100, name  # three rows of fields of 44 pixels
    assert ink(with_memory["narrow"].crop((390, 0, 400, 1200))) == 0  # no field is cut off


def test_every_statement_and_quote_is_printed(report: Path) -> None:
    target = report.parent / "page.pdf"
    _, console = browse(report, f"--print-to-pdf={target}")
    assert console == []
    document = pypdfium2.PdfDocument(target)
    printed = "".join("".join(page.get_textpage().get_text_range().split()) for page in document)
    document.close()
    page = Page(report.read_text(encoding="utf-8"))
    said = ["".join(text.split())[:20] for own, text in page.texts.items() if own.startswith(("s", "p"))]
    assert len(said) > 5
    assert not [words for words in said if words not in printed]


def test_a_hostile_document_leaves_the_console_empty(tmp_path: Path) -> None:
    hostile = '</blockquote></style><script>console.error("run")</script><img src=x onerror=console.error(2)>'
    cited = make_citation(hostile, end=100 + len(hostile))
    answer = make_answer(hostile, text=hostile, citations=(cited,), evidence=(Evidence(cited, 1.0),))
    page = tmp_path / "hostile.html"
    good = report_html([Reported(None, (answer,))])
    page.write_text(good, encoding="utf-8")
    dom, console = browse(page, "--dump-dom")
    assert console == []
    assert hostile in Page(dom).text
    page.write_text(good.replace("</main>", "<script>console.error(1)</script><img src=x></main>"), encoding="utf-8")
    _, console = browse(page, "--dump-dom")
    assert [line for line in console if "Content Security Policy" in line]  # it would be seen, and is not run
    assert len(console) == 2


def test_answers_fill_the_column_beside_their_passages_and_stand_above_them_in_a_narrow_window(tmp_path: Path) -> None:
    """Six answers with long passages: each half of the first screen has text all the way down."""
    text = "The keeper lit the lamp before it was dark, and wrote the hour into his book. " * 12
    answers = []
    for number in range(6):
        cited = make_citation(text, start=10_000 * number)
        told = make_answer(f"Question {number}: who lit the lamp?", text=text[:160], evidence=(Evidence(cited, 0.9),))
        answers.append(told)
    page = tmp_path / "answers.html"
    page.write_text(report_html([Reported(None, tuple(answers))]), encoding="utf-8")
    wide = picture(page, 1280)
    for top in (300, 600, 900):
        left, right = wide.crop((0, top, 640, top + 300)), wide.crop((760, top, 1280, top + 300))
        assert ink(left) > 0.01, top
        assert ink(right) > 0.01, top
    narrow = picture(page, 700)
    assert ink(narrow.crop((12, 0, 688, 1200))) > 0.02
    assert ink(narrow.crop((690, 0, 700, 1200))) == 0
    order = [own["id"] for _, own in Page(page.read_text(encoding="utf-8")).elements if "id" in own]
    questions = [order.index(f"q{number}") for number in range(1, 7)]
    passages = [order.index(f"q{number}-passages") for number in range(1, 7)]
    assert questions == sorted(questions)
    assert max(questions) < min(passages)
