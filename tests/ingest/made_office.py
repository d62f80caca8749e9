"""Small office documents made on the spot: DOCX and ODT packages with zipfile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "draw", "style", "manifest")
)
ODT_MIME = "application/vnd.oasis.opendocument.text"
STYLES = (
    '<w:style w:type="paragraph" w:default="1" w:styleId="Standard"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="My own"/><w:basedOn w:val="berschrift1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Deep"><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
)


def _zipped(members: Mapping[str, str], stored: Mapping[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (stored or {}).items():
            archive.writestr(name, content, zipfile.ZIP_STORED)
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def par(content: str, style: str = "", properties: str = "") -> str:
    """A paragraph of a DOCX; content is XML, or plain text without tags."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    inner = content if content.startswith("<") else run(content)
    return f"<w:p><w:pPr>{named}{properties}</w:pPr>{inner}</w:p>"


def docx(body: str, more: Mapping[str, str] | None = None) -> bytes:
    """body: XML.   more: part -> inner XML ("footnotes"), each within its root."""
    parts = {"styles": STYLES, **(more or {})}
    members = {"word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>"}
    members |= {f"word/{name}.xml": f"<w:{name} {W}>{inner}</w:{name}>" for name, inner in parts.items()}
    return _zipped({"[Content_Types].xml": "<Types/>", **members})


def odt(body: str, styles: str = "", more: Mapping[str, str] | None = None) -> bytes:
    content = (
        f"<office:document-content {ODF}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    return _zipped({"content.xml": content, **(more or {})}, {"mimetype": ODT_MIME})
