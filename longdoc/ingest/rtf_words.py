"""Control words of RTF: characters, groups that hold no text of the document, code pages of fonts."""

from __future__ import annotations

import codecs

CHARACTERS = {
    "tab": " ",
    "line": "\n",
    "lbr": "\n",
    "emdash": "—",
    "endash": "–",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "zwj": "\u200d",
    "zwnj": "\u200c",
}
_SKIPPED = """
    colortbl pict header headerl headerr headerf footer footerl footerr footerf fldinst datafield annotation atnid
    atnauthor atnref atntime atndate atnicn bkmkstart bkmkend filetbl listtable listoverridetable revtbl rsidtbl
    generator xmlnstbl themedata colorschememapping datastore latentstyles shprslt nonshppict objdata objclass objname
    sp xe tc tcn rxe tcf pnseclvl pgdsctbl docvar userprops ftnsep ftnsepc aftnsep aftnsepc sv sn
"""
SKIPPED = frozenset(_SKIPPED.split())
# Groups that begin with \* and hold text all the same.
_CONTAINERS = "shpinst shptxt footnote fonttbl stylesheet cs ds ts listtext pntext"
CONTAINERS = frozenset(_CONTAINERS.split())
_CHARSETS = {
    0: 1252,
    77: 10000,
    128: 932,
    129: 949,
    130: 1361,
    134: 936,
    136: 950,
    161: 1253,
    162: 1254,
    163: 1258,
    177: 1255,
    178: 1256,
    186: 1257,
    204: 1251,
    222: 874,
    238: 1250,
    255: 437,
}
_NAMED = {10000: "mac_roman", 10007: "mac_cyrillic", 936: "gb18030", 1361: "johab", 65001: "utf-8", 20866: "koi8_r"}


def codec_of(number: int, *, is_charset: bool = False) -> str | None:
    """The codec of a Windows code page, or of a font's charset; None when there is none."""
    page = _CHARSETS.get(number) if is_charset else number
    if page is None:
        return None
    name = _NAMED.get(page, f"cp{page}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None
