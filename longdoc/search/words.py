"""Words and stems for lexical search: what counts as the same word in a question and in a text.

English is known in some depth (stop words, endings, irregular verbs: "what did she give" must meet
"she gave"); other languages fall through unchanged. Scripts written without spaces are cut into
overlapping pairs of characters. Knows nothing of documents, scores or SQLite.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

_KNOWN_WORDS = 1 << 14  # whose stems are remembered: nearly all words of a text, and few megabytes
# Chinese, Japanese kana, Thai, Lao, Khmer, Burmese: no spaces between words.
_UNSPACED = "぀-ヿ㐀-䶿一-鿿豈-﫿฀-๿຀-໿က-႟ក-៿"
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

_FUNCTION_WORDS = """
    a an the this that these those such same other another any all both each every some no none nor not only own
    and or but if then than so as because while until although though since unless whether
    of at by for with about against between into through during before after above below to from up down in out on off
    over under again further once here there upon within without toward towards among along across around near
    i me my mine we us our ours you your yours he him his she her hers it its they them their theirs
    myself ourselves yourself himself herself itself themselves one
    don doesn didn isn wasn weren couldn wouldn shouldn haven hadn hasn aren ain
    am is are was were be been being have has had having do does did doing done will would shall should can could may
    might must ought cannot dont doesnt didnt isnt wasnt werent cant couldnt wont wouldnt
    what which who whom whose when where why how much many
    s t d ll re ve m o just very too also even still yet ever never now
    please tell describe explain according"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())

# form:lemma where the ending alone does not lead back to the lemma.
_IRREGULAR_FORMS = """
    arose:arise ate:eat eaten:eat awoke:awake beat:beat beaten:beat became:become began:begin begun:begin
    bent:bend bit:bite bitten:bite blew:blow blown:blow bore:bear borne:bear bought:buy bound:bind broke:break
    broken:break brought:bring built:build burnt:burn came:come caught:catch chose:choose chosen:choose clung:cling
    crept:creep dealt:deal died:die dying:die drank:drink drew:draw drawn:draw dreamt:dream driven:drive drove:drive
    drunk:drink dug:dig fallen:fall fed:feed fell:fall felt:feel fled:flee flew:fly flown:fly forgave:forgive
    forgot:forget forgotten:forget fought:fight found:find froze:freeze frozen:freeze gave:give given:give gone:go
    got:get gotten:get grew:grow grown:grow heard:hear held:hold hid:hide hidden:hide hung:hang kept:keep knelt:kneel
    knew:know known:know laid:lay lain:lie leapt:leap learnt:learn led:lead left:leave lent:lend lit:light lost:lose
    lying:lie made:make meant:mean met:meet paid:pay ran:run rang:ring rode:ride ridden:ride risen:rise rose:rise
    said:say sang:sing sank:sink sat:sit saw:see seen:see sent:send shook:shake shaken:shake shone:shine shot:shoot
    shown:show shrank:shrink slain:slay slept:sleep slew:slay slid:slide sold:sell sought:seek spent:spend
    spoke:speak spoken:speak sprang:spring stole:steal stolen:steal stood:stand struck:strike stuck:stick sung:sing
    sunk:sink swam:swim swept:sweep swore:swear sworn:swear swum:swim swung:swing taken:take taught:teach thought:think
    threw:throw thrown:throw told:tell took:take tore:tear torn:tear understood:understand went:go wept:weep woke:wake
    woken:wake won:win wore:wear worn:wear wove:weave woven:weave written:write wrote:write
    children:child feet:foot geese:goose men:man mice:mouse teeth:tooth wives:wife women:woman wolves:wolf knives:knife
    lives:life leaves:leaf thieves:thief better:good best:good worse:bad worst:bad aged:old"""
_LEMMA = dict(pair.split(":") for pair in _IRREGULAR_FORMS.split())
_FORMS: dict[str, list[str]] = {}
for _form, _lemma in _LEMMA.items():
    _FORMS.setdefault(_lemma, []).append(_form)

_EXPECTED_OF_OTHERS = 0.8  # mostly names, and what the document is about

_VOWEL = re.compile("[aeiouy]")


def other_forms(word: str) -> list[str]:
    """The irregular forms that an index with a suffix stemmer would miss: give -> gave, given."""
    lemma = _LEMMA.get(word, word)
    return [form for form in (lemma, *_FORMS.get(lemma, ())) if form != word]


def fold(text: str) -> str:
    """Lower case without accents, one to one enough for comparing words."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@lru_cache(maxsize=_KNOWN_WORDS)
def stem(word: str) -> str:
    """The part of a folded word that its inflected forms share. Light: plural, -ed, -ing, -ly, irregular forms."""
    word = _LEMMA.get(word, word)
    if len(word) <= 3 or not word.isascii() or word[0].isdigit():
        return word
    if word.endswith(("ies", "ied")) and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "ches", "shes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed", "ly"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= 3 and _VOWEL.search(root):
            word = root
            if ending != "ly" and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def spaced(text: str) -> str:
    """The text with runs of unspaced scripts cut into overlapping pairs of characters, for a tokenizer of spaces."""
    if text.isascii():
        return text
    return _UNSPACED_RUN.sub(_pairs, text)


def _pairs(match: re.Match[str]) -> str:
    run = match[0]
    if len(run) <= 2:
        return f" {run} "
    return " " + " ".join(run[i : i + 2] for i in range(len(run) - 1)) + " "


def num_unspaced(text: str) -> int:
    """How many characters belong to scripts without spaces."""
    return 0 if text.isascii() else sum(len(run) for run in _UNSPACED_RUN.findall(text))


def num_words(text: str) -> int:
    """How long a text is in words; two characters of a script without spaces count as one."""
    return len(text.split()) + num_unspaced(text) // 2


def words(text: str) -> list[str]:
    """Folded words in order, possessive endings dropped, stop words kept."""
    found = _WORD.findall(fold(spaced(text)))
    return [word.partition("'")[0].partition("’")[0] for word in found]


def content_words(text: str) -> list[str]:
    """Folded words in order without stop words and single Latin letters."""
    return [word for word in words(text) if word not in STOP_WORDS and (len(word) > 1 or not word.isascii())]


@lru_cache(maxsize=_KNOWN_WORDS)
def _content_stem(word: str) -> str:
    word = word.partition("'")[0].partition("’")[0]
    if word in STOP_WORDS or (len(word) == 1 and word.isascii() and not word.isdigit()):
        return ""
    return stem(word)


def content_stems(text: str) -> list[str]:
    """Stems of the content words, in order: what two texts must share to speak of the same thing."""
    stems = map(_content_stem, _WORD.findall(fold(spaced(text))))
    return [s for s in stems if s]


@lru_cache(maxsize=1)
def _ranks() -> dict[str, int]:
    common = Path(__file__).with_name("common_stems.txt").read_text(encoding="utf-8").split()
    return {stem: rank for rank, stem in enumerate(common)}


def usual_share(stem: str) -> float:
    """The share of content words that a stem has in English at large, by Zipf's law from its rank in a list.

    The list (novels, textbooks, talks, podcasts, speeches, meetings in equal parts) has 7,000 stems; one that is not
    in it gets less than the last.
    """
    return 0.15 / (_ranks().get(stem, 12_000) + 30)


def passage_share(stem: str) -> float:
    """The share of passages of a hundred content words that have a stem, in English at large."""
    return 1.0 - math.exp(-100 * usual_share(stem))


@lru_cache(maxsize=1)
def telling_weights() -> dict[str, float]:
    """Stems that people use more, or less (below 0), when they retell a story than the story does: log odds.

    From human summaries of stories and game sessions (SQuALITY, CRD3) and questions on tales (FairytaleQA), against
    what they summarize or ask about, shrunk by their standard error (Monroe et al. 2008); no names.
    """
    lines = Path(__file__).with_name("telling_stems.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split() for line in lines)
    return {stem: float(weight) for stem, weight in pairs}


@lru_cache(maxsize=1)
def _expected() -> dict[str, float]:
    lines = Path(__file__).with_name("question_stems.txt").read_text(encoding="utf-8").splitlines()
    return {stem: float(share) for stem, share in (line.split() for line in lines)}


def expected_share(stem: str) -> float:
    """How often a stem of a question stands in the paragraph that answers it: "happen" .11, names nearly always.

    Counted by `longdoc train rankers` on questions of SQuAD, FairytaleQA, COVID-QA, OneStopQA and OpenStax.
    """
    return _expected().get(stem, _EXPECTED_OF_OTHERS)


def is_english(text: str, sample_chars: int = 20_000) -> bool:
    """Whether one word in four of three samples is an English function word: decides on the stemmer."""
    middle = len(text) // 2
    sample = text[:sample_chars] + " " + text[middle : middle + sample_chars] + " " + text[-sample_chars:]
    found = words(sample)
    if not found:
        return False
    return sum(word in STOP_WORDS for word in found) >= 0.25 * len(found)
