"""An opened PDF: its pages counted, its printed labels, its title and its outline; and what is said when none opens.

pdfium first; pypdf where pdfium is not installed or cannot open the file. Knows nothing of the text of pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from longdoc.core.errors import DamagedInput, EncryptedInput
from longdoc.ingest.clean import normalise, squeeze
from longdoc.ingest.parsed import Raw
from longdoc.ingest.pdf_cut import Rebuilt, is_cut_short, rebuilt
from longdoc.ingest.pdf_outline import Entry, outline_of, outline_with_pypdf
from longdoc.ingest.pdf_pages import open_with_pdfium, open_with_pypdf
from longdoc.ingest.running import letters

_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD
_SECURITY_ERROR = 5
# What word processors put there by themselves is no title.
_NO_TITLE = re.compile(
    r"^(?:untitled|microsoft word - |\(?anonymous\)?$|document ?\d*$|powerpoint presentation$)"
    r"|\.(?:docx?|tex|dvi|pdf|indd|qxd|rtf)$",
    re.IGNORECASE,
)


@dataclass(slots=True)
class PdfFile:
    """pdf: the document in pdfium, or None.   reader: in pypdf, when pdfium has none.

    rebuilt: what was opened in the place of a file that is cut short.
    """

    pdf: Any
    reader: Any
    num_pages: int
    rebuilt: Rebuilt | None = None

    @classmethod
    def open(cls, raw: Raw) -> PdfFile:
        """Raises EncryptedInput and DamagedInput."""
        needs_password = False
        for password in dict.fromkeys(["", raw.options.password or ""]):
            try:
                pdf = open_with_pdfium(raw.whole, password)
            except ImportError:  # pypdfium2 is not built for every machine
                break
            except RuntimeError as error:
                needs_password = getattr(error, "err_code", None) in (_PASSWORD_ERROR, _SECURITY_ERROR)
            else:
                if len(pdf) > 0:
                    return cls(pdf, None, len(pdf))
                pdf.close()
                needs_password = False
        if needs_password:
            raise encrypted(raw)
        return _of_the_rest(raw) or _with_pypdf(raw)

    def close(self) -> None:
        if self.pdf is not None:
            self.pdf.close()

    def labels(self) -> list[str | None]:
        """The printed page labels, None where the file names none."""
        if self.pdf is not None:
            found = [str(self.pdf.get_page_label(index)).strip() for index in range(self.num_pages)]
            return [label or None for label in found]
        try:
            if "/PageLabels" in self.reader.trailer["/Root"]:
                return [str(label).strip() or None for label in self.reader.page_labels]
        except Exception:  # a broken tree of labels: the pages are counted
            pass
        return [None] * self.num_pages

    def title(self) -> str | None:
        try:
            if self.pdf is not None:
                found = self.pdf.get_metadata_value("Title")
            else:
                found = self.reader.metadata.title if self.reader.metadata else None
        except Exception:  # broken metadata
            return None
        title = squeeze(normalise(str(found or ""))).replace("\n", " ")
        return title if letters(title) and not _NO_TITLE.search(title) else None

    def outline(self) -> tuple[list[Entry], list[str]]:
        """Entries as (title, page index, level from 1), and what there is to say of them."""
        if self.pdf is not None:
            return outline_of(self.pdf, self.num_pages)
        return outline_with_pypdf(self.reader, self.num_pages)


def _of_the_rest(raw: Raw) -> PdfFile | None:
    """The pages that are whole in a file that is cut short, if there are any."""
    rest = rebuilt(raw.whole) if is_cut_short(raw.whole) else None
    if rest is None:
        return None
    try:
        pdf = open_with_pdfium(rest.data, "")
    except (ImportError, RuntimeError):
        return None
    return PdfFile(pdf, None, len(pdf), rest)


def _with_pypdf(raw: Raw) -> PdfFile:
    from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

    try:
        reader = open_with_pypdf(raw.whole, raw.options.password)
        num_pages = len(reader.pages)
    except (FileNotDecryptedError, DependencyError, NotImplementedError) as error:
        raise encrypted(raw) from error
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OSError) as error:
        raise damaged(raw, f"neither pdfium nor pypdf can open it ({error})") from error
    if not num_pages:
        raise damaged(raw, "it has no pages")
    return PdfFile(None, reader, num_pages)


def encrypted(raw: Raw) -> EncryptedInput:
    if raw.options.password:
        return EncryptedInput(
            f"{raw.shown} is encrypted.",
            why="the password that was given does not open it",
            fix=f"longdoc summarize {raw.quoted} --password-file secret.txt  # with the right password in secret.txt",
        )
    return EncryptedInput(
        f"{raw.shown} is encrypted.",
        why="the empty password does not open it",
        fix=f"longdoc summarize {raw.quoted} --password-file secret.txt",
    )


def damaged(raw: Raw, why: str) -> DamagedInput:
    if is_cut_short(raw.whole):
        return DamagedInput(
            f"{raw.shown} is cut short.",
            why=f"the end of a PDF (%%EOF) is missing, and {why}",
            fix="download or copy it again",
        )
    return DamagedInput(
        f"{raw.shown} is a damaged PDF.",
        why=why,
        fix=f"qpdf {raw.quoted} repaired.pdf && longdoc summarize repaired.pdf",
    )
