"""Which encoding bytes beyond ASCII are in, where nothing tells: one language must explain all of their letters.

Each encoding is tried with each language that was written in it. A letter costs the more the rarer it is in that
language; letters that the language has not, two scripts in one word, and capitals behind small letters cost most.
Costs are about -log of a probability, so those of encodings with one and with two bytes a letter can be compared.

Knows nothing of byte order marks, UTF-8 and UTF-16 (encoding).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

_SAMPLE_BYTES = 6000
_MOST_PER_LETTER = 6.5  # of a text that an encoding explains

# Letters beyond ASCII, or all letters of other scripts, the commonest first.
_LETTERS = {
    "en": "éèñüöïçêàâôáóí",
    "de": "üäößé",
    "fr": "éèàêçâîùôûëïœæ",
    "es": "óíáéñú¿¡üªº",
    "pt": "ãçáéíóõêúâàôªº",
    "it": "èàòùìé",
    "nl": "ëéïöüèê",
    "da": "øåæéöä",
    "sv": "äöåé",
    "is": "íðáþéöóúýæ",
    "ca": "àèçéíóòúïü·",
    "pl": "łąęóżśćźń",
    "cs": "íáéěřščžýůúóťďň",
    "sk": "áíéčšžýúťľôóňďäŕĺ",
    "hu": "áéöóőüíúű",
    "ro": "ăîâşţ",
    "hr": "čšžćđ",
    "tr": "ıüşğçöâîûİ",
    "lt": "ėšųžįąūčę",
    "lv": "āīēšņļžčūģķ",
    "et": "äõöüšž",
    "ru": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "uk": "оаинвіртескдлупмязьбгйчхцюїжєшщфґ",
    "bg": "аоеитнрсвлкдпмзубчгяъщжхшьфцюй",
    "sr": "аоиенртјсквудмплзгбшчцњћжхљђфџ",
    "el": "αοιετνσρηυπκμλςωδγίόχάθέφήύβώξζψϊϋΐΰ",
    "he": "יוהאלתרבמשנעדקםפחטכגצןזסךףץ",
    "ar": "الينمورتبعدهسفكقحجأةصشطخىضذغئءثزإظآؤ،؛؟\u064b\u064e\u064f\u0650\u0651\u0652",
    "fa": "ایردنهموتسبکشلزگقخفعپحجچصطغضذثژظءئ،؛؟آ\u200c",
    "th": "านรอกเงมยลวดทสตะปบคหแจพชขใไโผถณซธฐศญฉฟภษฮ\u0e31\u0e48\u0e35\u0e49\u0e34\u0e47\u0e37\u0e38\u0e39\u0e4c\u0e33",
}
# Words without accents that hardly another language has.
_WORDS = {
    "en": "the and of that with was this have",
    "de": "und der die das ist nicht mit von sich auf",
    "fr": "les des est dans une qui pour pas sur et",
    "es": "los las una por con que del el y",
    "pt": "uma com dos por para mais os que",
    "it": "che della il di gli una sono con",
    "nl": "het een van dat niet ook zijn voor",
    "da": "og det ikke som til af der med",
    "sv": "och det som inte att med till av",
    "is": "og ekki sem var til hann er",
    "ca": "els les amb que per una del i",
    "pl": "nie na do jest jak przez oraz i w z",
    "cs": "na je se bylo jako ale jeho a v",
    "sk": "na je sa bolo ako ale jeho a v",
    "hu": "az nem egy hogy volt meg csak el",
    "ro": "de la care cu pe din nu sunt",
    "hr": "je su na se za od kao nije i u",
    "tr": "bir ve bu da de ile ne gibi",
    "lt": "ir kad yra buvo kaip tai su",
    "lv": "un ir ka ar no par bija",
    "et": "ja on ei see oli kui ta",
}
_WESTERN = ("en", "de", "fr", "es", "pt", "it", "nl", "da", "sv", "is", "ca")
_CENTRAL = ("pl", "cs", "sk", "hu", "ro", "hr", "de")
_CYRILLIC = ("ru", "uk", "bg", "sr")
# Encoding -> what is lost by its rarity, and the languages that were written in it.
_SINGLE: Mapping[str, tuple[float, tuple[str, ...]]] = {
    "cp1252": (0, _WESTERN),
    "cp1250": (2, _CENTRAL),
    "iso8859_2": (3, _CENTRAL),
    "cp852": (6, _CENTRAL),
    "cp1251": (1, _CYRILLIC),
    "koi8_r": (2, ("ru", "bg")),
    "koi8_u": (3, ("uk",)),
    "cp866": (4, ("ru", "uk", "bg")),
    "iso8859_5": (4, _CYRILLIC),
    "mac_cyrillic": (6, _CYRILLIC),
    "cp855": (6, _CYRILLIC),
    "cp1253": (1, ("el",)),
    "iso8859_7": (1.5, ("el",)),
    "cp1254": (2, ("tr",)),
    "cp1255": (1, ("he",)),
    "cp1256": (1, ("ar", "fa")),
    "iso8859_6": (2, ("ar",)),
    "cp1257": (3, ("lt", "lv", "et")),
    "cp874": (1, ("th",)),
    "cp850": (6, ("de", "fr", "es", "pt", "it", "nl", "da", "sv")),
    "mac_roman": (6, ("en", "de", "fr", "es", "pt", "it", "sv", "da")),
}
# Commonest signs of each, and the first bytes of other common ones in the encoding that sorts by how common they are.
_HIRAGANA = "".join(map(chr, range(0x3041, 0x3094)))
_KATAKANA = "".join(map(chr, range(0x30A1, 0x30FD)))
_HANS = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政"
)
_HANT = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡"
    "用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實"
    "日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政"
)
_HANGUL = (
    "이다는에의을가고하지로한기도사은나를자인대어시과리서그정아해있부수들만라여전일보제구장원주우성상적스조"
    "오것모유선거안계비화신세면동말게회년공경연요소무내까니으할든와및또등생위않없때었되했자른런간물국"
)
_MULTI: Mapping[str, tuple[float, str, str, str, range]] = {
    "cp932": (1, _HIRAGANA + "、。", _KATAKANA + "「」・ー", "euc_jp", range(0xB0, 0xD0)),
    "euc_jp": (2, _HIRAGANA + "、。", _KATAKANA + "「」・ー", "euc_jp", range(0xB0, 0xD0)),
    "gb18030": (1, _HANS + "，。", "、；：？！《》“”（）", "gb2312", range(0xB0, 0xD8)),
    "cp950": (1, _HANT + "，。", "、；：？！「」（）", "big5", range(0xA4, 0xC7)),
    "cp949": (1, _HANGUL, "·", "euc_kr", range(0xB0, 0xC9)),
}
_MARKS = "’‘“”–—…«»„‚‹›\xa0\xad§©®°·•€£¥±½¼¾×²³™№†‡‰′″"
_COST_OF = {"ascii": 3.0, "mark": 2.5, "rare": 11.0, "broken": 14.0}
_MIXED_COST, _CAPITAL_COST = 5.0, 6.0
_NO_LETTERS = "±¹³¼½¾¤¦¶¬¨´¸"  # behind a letter they are letters of another encoding
_FINALS = "ςךםןףץ"  # at the ends of words only
_WORD_GAIN, _MOST_WORDS = 1.5, 6
_WORD = re.compile(r"(?<![^\W\d_])[A-Za-z]{1,8}(?![^\W\d_])")
_NEAR = 4.0
_ASCII_LETTER = re.compile("[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Guess:
    """codec: the likeliest.   rival: another that reads the bytes as another text and is nearly as likely, or None."""

    codec: str
    rival: str | None


def guess(data: bytes) -> Guess | None:
    """The encoding of the bytes, of which some are beyond ASCII; None when no encoding makes letters of them."""
    return _guess(_sample(data))


@lru_cache(maxsize=4)  # each reader that looks at a text decodes it
def _guess(sample: bytes) -> Guess | None:
    costs = {codec: _single_cost(sample, codec) for codec in _SINGLE}
    costs |= {codec: _multi_cost(sample, codec) for codec in _MULTI}
    ranked = sorted(costs, key=lambda codec: costs[codec])
    best = ranked[0]
    text = sample.decode(best, errors="replace")
    beyond = [character for character in text if character >= "\x80"]
    if costs[best] - _COST_OF["ascii"] * (len(text) - len(beyond)) > _MOST_PER_LETTER * len(beyond) + 6:
        return None
    others = (codec for codec in ranked[1:] if sample.decode(codec, errors="replace") != text)
    rival = next(others, None)
    is_near = rival is not None and costs[rival] - costs[best] < _NEAR
    return Guess(best, rival if is_near else None)


def _sample(data: bytes) -> bytes:
    """The first lines with bytes beyond ASCII."""
    lines = []
    length = 0
    for line in data.splitlines():
        if not line.isascii():
            lines.append(line[:_SAMPLE_BYTES])
            length += len(line)
        if length > _SAMPLE_BYTES:
            break
    return b"\n".join(lines)


def _single_cost(sample: bytes, codec: str) -> float:
    rarity, languages = _SINGLE[codec]
    text = sample.decode(codec, errors="replace")
    counts = Counter(text)
    shared = _COST_OF["ascii"] * sum(number for character, number in counts.items() if character < "\x80")
    beyond = [(character, number) for character, number in counts.items() if character >= "\x80"]
    words = Counter(word.lower() for word in _WORD.findall(text))
    least = min(
        sum(number * _costs(language).get(character, _other_cost(character)) for character, number in beyond)
        - _WORD_GAIN * min(sum(words[word] for word in _WORDS.get(language, "").split()), _MOST_WORDS)
        for language in languages
    )
    return rarity + shared + least + _pair_cost(text)


def _multi_cost(sample: bytes, codec: str) -> float:
    rarity, common, also, order, leads = _MULTI[codec]
    text = sample.decode(codec, errors="replace")
    cost = rarity
    for character, number in Counter(text).items():
        if character < "\x80":
            each = _COST_OF["ascii"]
        elif character in common:
            each = 4.0
        elif character in also:
            each = 5.0
        elif "\uff61" <= character <= "\uff9f":  # katakana of half the width: a byte each
            each = 9.0
        elif character == "\ufffd":
            each = _COST_OF["broken"]
        else:
            code = character.encode(order, errors="ignore")
            each = 7.5 if len(code) == 2 and code[0] in leads else _COST_OF["rare"]
        cost += number * each
    joints = (pair for pair in pairwise(text) if min(pair) < "\x80" <= max(pair))
    return cost + 3.0 * sum(bool(_ASCII_LETTER.match(min(pair))) for pair in joints)


@cache
def _costs(language: str) -> dict[str, float]:
    """Of each letter of a language, and of the marks that all have."""
    letters = _LETTERS[language]
    is_latin = letters[0] < "\u0250"
    first, last = (2.5, 5.0) if is_latin else (2.0, 7.0)
    costs = dict.fromkeys(_MARKS, _COST_OF["mark"])
    for rank, letter in enumerate(letters):
        cost = first + (last - first) * rank / max(len(letters) - 1, 1)
        costs[letter] = cost
        if len(letter.upper()) == 1 and letter.upper() != letter:
            costs.setdefault(letter.upper(), cost + 1.5)
    return costs


def _other_cost(character: str) -> float:
    return _COST_OF["broken"] if character == "\ufffd" or character < "\xa0" else _COST_OF["rare"]


def _pair_cost(text: str) -> float:
    """Of two scripts in one word, of capitals behind small letters, and of what ends words in the middle of them."""
    cost = 0.0
    for before, after in pairwise(text):
        if before < "\x80" and after < "\x80":
            continue
        if before.isalpha() and after in _NO_LETTERS:
            cost += _MIXED_COST
        if not before.isalpha() or not after.isalpha():
            continue
        if before in _FINALS:
            cost += _MIXED_COST
        if (before < "\u0250") != (after < "\u0250"):
            cost += _MIXED_COST
        if before.islower() and after.isupper():
            cost += _CAPITAL_COST
    return cost
