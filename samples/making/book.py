"""John Buchan, The Thirty-Nine Steps (1915): the source's paragraphs, its flaws repaired, in chapters.

The source turned single quotation marks into double ones without looking: elisions got one (`wi”`), many
opening marks were left (`'dime novel”`), long dashes became hyphens (`pile-not`), three headings lost their
line end (`CHAPTER 08The Coming`). What stands here undoes that and changes no word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TITLE = "The Thirty-Nine Steps"
AUTHOR = "John Buchan"

_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
# Words that end in an apostrophe, and words that begin with one.
_CUT_OFF = (
    "o|a|i|wi|ca|cam|awa|haun|strangers|karolides|deers|days|bein|burstin|complainin|deservin|drinkin|haein|herdin|"
    "lookin|mornin|nippin|objectin|sayin|seein|shootin|sittin|speakin|spittin|stravaigin|thinkin"
)
_CUT_OFF_WRONGLY = re.compile(rf"\b({_CUT_OFF})”", re.IGNORECASE)
_CUT_OFF_RIGHTLY = re.compile(rf"\b(?:{_CUT_OFF})$", re.IGNORECASE)
_BEGINS_CUT = r"(?:ere|isself|im|em|ot|alf|ear|ard|eath)\b"
_BEGINS_CUT_WRONGLY = re.compile(rf"(?<=\s)”(?={_BEGINS_CUT})", re.IGNORECASE)
_OPENING = re.compile(rf"(?:(?<=[\s(—-])|^)['”](?!{_BEGINS_CUT})(?=[\w.(])", re.IGNORECASE)
_CLOSING = re.compile(r"(?<=[\w.,!?)])'(?![\w])")

# Hyphens of the source that were dashes between two words.
_DASHES = """
    shocker'-the Appleton-a Assembly-some Brattleburn-that's Bullivant-down But-but By-and Captain-Captain
    Czechenyi-as Eton-and London-others Mr-by Scotland-and Scotland-a Service-a Stone-it Then-oh Turnbull-obviously
    Who-who Yard-to all-my and-this and-worst badly-and basket-one bed-very being-a black-and blue-and book-these
    cash-I club-rather coat-and conventions-took corpse-you countryman-a cupboard-what disappearance-not do-go dog-a
    dress-a eggs-how face-the fall-I figures-one for-a gab-I godfather-his half-a hand-there highway-the him-Whittaker
    him-so how-and inn-one innocence-not know-where laired-he landscape-shallow left-and mad-yet me-Scudder's me-dress
    me-sober me-things minutes-and more-moving myself-for notes-with now-had out-a out-not part-really parts-whatever
    pig-or pile-not ransacked-the remember-used seemed-three shirt-it shudder-an silence-only something-perhaps
    soup-that south-that spree-and staircases-all start-call story-how supper-and the-by them-high there-all
    thing-what through-that too-and trees-firs ulster-and up-I've vet-with void-with wear-and whiskies-and whisky-and
    woman-Julia yards-as easily-just Boat-small
"""
_DASH = re.compile(
    "|".join(rf"(?<![\w-]){re.escape(pair)}(?![\w-])" for pair in sorted(_DASHES.split(), key=len)[::-1])
)

_BROKEN_SENTENCE = (
    "I found the place. thirty-nine steps\n\n, I read, and again, thirty-nine steps\n\n"
    "-I counted them-high tide 10.17 P.M.",
    "I found the place. “Thirty-nine steps,” I read, and again, "
    "“Thirty-nine steps—I counted them—high tide 10.17 p.m.”",
)
_VERSE = (
    "As when a Gryphon through the wilderness With winged step, o'er hill and moory dale\n\nPursues the Arimaspian.",
    "As when a Gryphon through the wilderness\nWith winged step, o'er hill and moory dale\nPursues the Arimaspian.",
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """paragraphs: one line each; a verse has several."""

    number: str
    title: str
    paragraphs: tuple[str, ...]

    @property
    def heading(self) -> str:
        return f"CHAPTER {self.number}"


@dataclass(frozen=True, slots=True)
class Book:
    dedication: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    title: str = TITLE
    author: str = AUTHOR


def parse_book(source: str) -> Book:
    """The book in chapters; the first paragraphs of the dedication are its address."""
    for wrong, right in (_BROKEN_SENTENCE, _VERSE):
        assert wrong in source, "the source text is not the expected one"
        source = source.replace(wrong, right)
    source = re.sub(
        r"^CHAPTER (\d\d)(?=[A-Z])", lambda m: f"CHAPTER {_NUMERALS[int(m[1]) - 1]}\n\n", source, flags=re.MULTILINE
    )
    front, *rest = re.split(r"^CHAPTER ([IVX]+)\n+(.+)\n", source, flags=re.MULTILINE)
    dedication = [part.strip() for part in front.split("\n\n")]
    start = next(index for index, part in enumerate(dedication) if part.startswith("TO THOMAS"))
    chapters = []
    for number, title, body in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        chapters.append(Chapter(number, title.strip(), _paragraphs(body)))
    assert [chapter.number for chapter in chapters] == list(_NUMERALS)
    return Book(_paragraphs("\n\n".join(dedication[start:])), tuple(chapters))


def _paragraphs(body: str) -> tuple[str, ...]:
    return tuple(repaired(part.strip()) for part in body.split("\n\n") if part.strip())


def repaired(paragraph: str) -> str:
    """Quotation marks, apostrophes and dashes as the printed book has them."""
    text = _DASH.sub(lambda m: m[0].replace("-", "—", 1), paragraph)
    text = re.sub(r"-(?=$|[”'(“](?:\s|$)|'?[“(])|(?<=[”'])-(?=[a-z])", "—", text)
    text = _CUT_OFF_WRONGLY.sub(r"\1'", text).replace("gyme?'he", "gyme?” he")
    text = _OPENING.sub("“", _BEGINS_CUT_WRONGLY.sub("'", text))
    return _matched(text)


def _matched(text: str) -> str:
    """Close with ” what “ opened; marks inside speech become single ones."""
    pieces: list[str] = []
    depth = 0
    for index, character in enumerate(text):
        if character == "“":
            depth += 1
            pieces.append("“" if depth == 1 else "‘")
        elif character == "”":
            pieces.append("’" if depth > 1 else "”")
            depth = max(depth - 1, 0)
        elif character == "'" and depth and _CLOSING.match(text, index) and not _CUT_OFF_RIGHTLY.search(text[:index]):
            pieces.append("’" if depth > 1 else "”")
            depth -= 1
        else:
            pieces.append(character)
    return "".join(pieces)
