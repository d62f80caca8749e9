"""PDF: exact page anchors, words and paragraphs across lines and pages, running heads, what cannot be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_sources import pdf, scanned_pdf

from longdoc.core.errors import DamagedInput, EncryptedInput, NoTextLayer
from longdoc.core.settings import SourceOptions
from longdoc.ingest import pdf_outline, read_document

FILLER = "so that the line is about as long as the other lines are"


def prose(page: int) -> list[str]:
    return [
        f" Sentence {page} begins this page and goes on for a while, {FILLER}.",
        f"Then there is another one on page {page}, which is here {FILLER},",
        f"and a third line of the same paragraph, also {FILLER} here,",
        f"and a fourth one, and a fifth will follow, also {FILLER} so.",
        f" The last paragraph of page {page} has a secret number, {page * 7919}.",
    ]


def test_every_page_is_cited_with_its_number_and_its_printed_label(tmp_path: Path) -> None:
    pages = [prose(n) for n in range(1, 8)]
    path = pdf(tmp_path / "book.pdf", pages, labels=[(0, "ROMAN_LOWER", 1), (3, "ARABIC", 1)])
    document = read_document(str(path))
    labels = ["i", "ii", "iii", "1", "2", "3", "4"]
    assert document.num_pages == 7
    for page, label in enumerate(labels, start=1):
        for sentence in (f"Sentence {page} begins", f"secret number, {page * 7919}."):
            start = document.text.index(sentence)
            citation = document.cite(start, start + len(sentence))
            assert (citation.page, citation.label, citation.quote) == (page, label, sentence)


def test_the_anchor_of_a_page_lies_on_its_first_character(tmp_path: Path) -> None:
    document = read_document(str(pdf(tmp_path / "book.pdf", [prose(n) for n in range(1, 4)])))
    assert [document.text[a.offset :].split()[1] for a in document.anchors] == ["1", "2", "3"]


def test_paragraphs_are_unwrapped_and_kept_apart(tmp_path: Path) -> None:
    document = read_document(str(pdf(tmp_path / "book.pdf", [prose(1)])))
    first, second = document.text.split("\n\n")
    assert "\n" not in first
    assert first.startswith("Sentence 1")
    assert second.startswith("The last paragraph")


def test_a_sentence_goes_on_over_a_page_break_and_its_end_is_on_the_next_page(tmp_path: Path) -> None:
    pages = [
        [*prose(1)[:4], f" Here a paragraph begins {FILLER} and does not"],
        ["end on this page but on the next one, today.", *prose(2)],
    ]
    document = read_document(str(pdf(tmp_path / "book.pdf", pages)))
    sentence = f"Here a paragraph begins {FILLER} and does not end on this page but on the next one, today."
    start = document.text.index(sentence)
    assert document.cite(start, start + 4).page == 1
    end = document.text.index("end on this page")
    assert document.cite(end, end + 3).page == 2
    assert document.anchors[1].offset == end


def test_words_that_a_line_end_cut_are_joined_by_vote_of_the_document(tmp_path: Path) -> None:
    lines = [
        f" The understanding of soda-water is older than {FILLER} under-",
        f"standing the matter needs a glass of it, which is {FILLER} soda-",
        f"water again, as before, and nothing else in the world {FILLER} Anglo-",
        "Saxon.",
    ]
    text = read_document(str(pdf(tmp_path / "book.pdf", [lines]))).text
    assert "older than " + FILLER + " understanding the matter" in text
    assert FILLER + " soda-water again" in text
    assert "Anglo-Saxon." in text


def test_a_word_cut_by_a_page_break_is_whole_and_the_anchor_lies_inside_it(tmp_path: Path) -> None:
    pages = [
        [*prose(1)[:4], f" The commander and his men went on {FILLER} com-"],
        ["mander spoke for a long time to all of them.", *prose(2)],
    ]
    document = read_document(str(pdf(tmp_path / "book.pdf", pages)))
    assert f"{FILLER} commander spoke" in document.text
    assert document.text[document.anchors[1].offset :].startswith("mander spoke")


def test_running_heads_and_page_numbers_are_left_out(tmp_path: Path) -> None:
    pages = [prose(n) for n in range(1, 9)]
    heads = ["The Great Book" if n % 2 else f"A Chapter About Birds {n + 11}" for n in range(8)]
    feet = [str(n + 11) for n in range(8)]
    text = read_document(str(pdf(tmp_path / "book.pdf", pages, heads=heads, feet=feet))).text
    assert "Great Book" not in text
    assert "About Birds" not in text
    assert "Sentence 5" in text
    assert not [line for line in text.split("\n") if line.isdigit()]


def test_chapter_numbers_on_neighbouring_pages_are_no_running_heads(tmp_path: Path) -> None:
    pages = [[f"#CHAPTER {roman}", *prose(n)] for n, roman in enumerate(("I", "II", "III"), start=1)]
    document = read_document(str(pdf(tmp_path / "book.pdf", pages)))
    assert [section.title for section in document.sections] == ["CHAPTER I", "CHAPTER II", "CHAPTER III"]


def test_the_outline_gives_nested_sections_that_begin_at_their_titles(tmp_path: Path) -> None:
    pages = [
        ["#Of Birds", *prose(1)],
        [*prose(2), "#Of Owls", *prose(3)],
        ["#Of Fish", *prose(4)],
    ]
    outline = [("Of Birds", 0, 0), ("Of Owls", 1, 1), ("Of Fish", 2, 0)]
    document = read_document(str(pdf(tmp_path / "book.pdf", pages, outline=outline, title="Animals")))
    assert document.title == "Animals"
    assert [(s.title, s.level) for s in document.sections] == [("Of Birds", 1), ("Of Owls", 2), ("Of Fish", 1)]
    for section in document.sections:
        assert document.text[section.start :].startswith(section.title)
    birds, owls, fish = document.sections
    assert birds.end == owls.end == fish.start
    start = document.text.index("secret number, 23757")
    assert document.cite(start, start + 6).section == "Of Owls"


ALGORITHMS = ["RC4-40", "RC4-128", "AES-128", "AES-256"]


def locked(tmp_path: Path, password: str, algorithm: str) -> Path:
    import pypdf

    writer = pypdf.PdfWriter()
    writer.append(pdf(tmp_path / "plain.pdf", [prose(1)]))
    writer.encrypt(password, "owner", algorithm=algorithm)
    path = tmp_path / "locked.pdf"
    writer.write(path)
    return path


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_encrypted_pdf_opens_with_its_password_only(tmp_path: Path, algorithm: str) -> None:
    path = locked(tmp_path, "open sesame", algorithm)
    assert "Sentence 1" in read_document(str(path), SourceOptions(password="open sesame")).text
    with pytest.raises(EncryptedInput) as without:
        read_document(str(path))
    assert "--password-file" in str(without.value.fix)
    with pytest.raises(EncryptedInput) as wrong:
        read_document(str(path), SourceOptions(password="wrong"))
    assert "password that was given" in str(wrong.value.why)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_pdf_whose_user_password_is_empty_just_opens(tmp_path: Path, algorithm: str) -> None:
    path = locked(tmp_path, "", algorithm)
    assert "Sentence 1" in read_document(str(path)).text


def test_scans_are_refused_with_the_command_that_reads_them(tmp_path: Path) -> None:
    with pytest.raises(NoTextLayer) as caught:
        read_document(str(scanned_pdf(tmp_path / "scan.pdf")))
    assert caught.value.exit_code == 65
    assert "2 pages" in caught.value.what
    assert str(caught.value.fix).startswith("ocrmypdf ")


def test_blank_pages_alone_are_no_scans(tmp_path: Path) -> None:
    with pytest.raises(NoTextLayer) as caught:
        read_document(str(pdf(tmp_path / "blank.pdf", [[], []])))
    assert "blank" in str(caught.value.why)
    assert "--force-ocr" in str(caught.value.fix)


def test_scanned_and_blank_pages_between_others_are_named(tmp_path: Path) -> None:
    import pypdf

    scan = scanned_pdf(tmp_path / "scan.pdf", 1)
    text = pdf(tmp_path / "text.pdf", [prose(1), [], prose(3)])
    writer = pypdf.PdfWriter()
    for source in (text, scan):
        writer.append(source)
    mixed = tmp_path / "mixed.pdf"
    writer.write(mixed)
    document = read_document(str(mixed))
    assert [(page.page, page.reason) for page in document.skipped] == [(2, "blank page"), (4, "no text layer")]
    assert document.warnings == ("2 of 4 pages gave no text",)
    start = document.text.index("Sentence 3")
    assert document.cite(start, start + 8).page == 3


def test_a_half_title_of_two_words_is_text_and_no_scan(tmp_path: Path) -> None:
    document = read_document(str(pdf(tmp_path / "book.pdf", [["#PART ONE"], prose(2)])))
    assert document.text.startswith("PART ONE\n\n")
    assert not document.skipped


@pytest.mark.parametrize("keep", [20, 300, 900])
def test_a_cut_pdf_is_damaged_and_never_a_bug(tmp_path: Path, keep: int) -> None:
    path = pdf(tmp_path / "book.pdf", [prose(1)])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises((DamagedInput, NoTextLayer)) as caught:
        read_document(str(path))
    assert caught.value.why
    assert caught.value.fix


def test_a_page_whose_contents_are_garbled_is_damaged_and_not_blank(tmp_path: Path) -> None:
    import pypdf

    writer = pypdf.PdfWriter()
    writer.append(pdf(tmp_path / "book.pdf", [prose(1), prose(2), [], prose(4)]))
    for page in writer.pages:
        page.compress_content_streams()
    writer.write(tmp_path / "garbled.pdf")
    data = bytearray((tmp_path / "garbled.pdf").read_bytes())
    start = [match.end() for match in re.finditer(rb"\d+ 0 obj[^\x80-\xff]{1,200}?>>\r?\nstream\r?\n", bytes(data))][1]
    data[start : start + 30] = bytes(byte ^ 0x5A for byte in data[start : start + 30])
    (tmp_path / "garbled.pdf").write_bytes(data)
    document = read_document(str(tmp_path / "garbled.pdf"))
    assert [(page.page, page.reason.split(":")[0]) for page in document.skipped] == [(2, "damaged"), (3, "blank page")]
    assert document.source.lost == ("1 of 4 pages are damaged",)


def test_a_broken_page_is_listed_and_the_others_are_read(tmp_path: Path) -> None:
    import pypdf
    from pypdf.generic import NameObject, NumberObject

    writer = pypdf.PdfWriter()
    writer.append(pdf(tmp_path / "book.pdf", [prose(1), prose(2), prose(3)]))
    writer.pages[1][NameObject("/Contents")] = NumberObject(7)
    broken = tmp_path / "broken.pdf"
    writer.write(broken)
    document = read_document(str(broken))
    assert [page.page for page in document.skipped] == [2]
    assert document.skipped[0].reason.startswith("damaged")
    assert document.source.lost == ("1 of 3 pages are damaged",)
    assert "Sentence 3" in document.text


@pytest.mark.parametrize(("num_scans", "lost"), [(2, ()), (3, ("3 of 5 pages are pictures without a text layer",))])
def test_scans_make_a_document_partial_when_they_are_most_of_it(
    num_scans: int, lost: tuple[str, ...], tmp_path: Path
) -> None:
    import pypdf

    writer = pypdf.PdfWriter()
    writer.append(scanned_pdf(tmp_path / "scan.pdf", num_scans))
    writer.append(pdf(tmp_path / "text.pdf", [prose(1), prose(2)]))
    writer.write(tmp_path / "mixed.pdf")
    document = read_document(str(tmp_path / "mixed.pdf"))
    assert [page.page for page in document.skipped] == [*range(1, num_scans + 1)]
    assert document.source.lost == lost


def test_an_outline_that_is_not_used_to_its_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdfium2

    monkeypatch.setattr(pdf_outline, "_MAX_OUTLINE", 2)
    outline = [("Alpha", 0, 0), ("Beta", 1, 0), ("Gamma", 2, 0)]
    path = pdf(tmp_path / "a.pdf", [prose(1), prose(2), prose(3)], outline=outline)
    with pypdfium2.PdfDocument(path) as opened:
        entries, warnings = pdf_outline.outline_of(opened, 3)
    assert [title for title, _, _ in entries] == ["Alpha", "Beta"]
    assert warnings == ["of the outline, the first 2 entries were used"]


def test_pages_that_differ_in_nothing_but_their_number_are_kept(tmp_path: Path) -> None:
    path = pdf(tmp_path / "cards.pdf", [[f"A card that says nothing but its number {n}"] for n in range(1, 9)])
    assert "its number 5" in read_document(str(path)).text
