"""What a broadcast says of itself and for its sponsors: greetings, thanks, requests to subscribe, adverts.

A summary of what was talked about has none of it. Only a text that speaks like a broadcast is looked at: it has to
name two kinds of what novels, meetings and textbooks have no use for, such as an episode and its listeners. An advert
begins where a sponsor is named and ends with the last request to buy, if there is one near. English only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from longdoc.core.sentences import Span

_SHOW = r"(?:episode|podcast|show|newsletter|video|programme|program|broadcast)"
_SITE = r"[\w-]+(?:\.[\w-]+)*(?:\.| dot )(?:com|io|org|dev|net|fm|co|ai|app|news|tv)\b"


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


# Of these a broadcast has two kinds at least.
_SIGNS = (
    _any_of(r"\b(?:this|another|today['’]s|(?:our|the) (?:next|last)) (?:episode|podcast)\b"),
    _any_of(r"\bpodcasts?\b"),
    _any_of(
        r"\b(?:our|dear|you) listeners\b",
        r"\blisteners[,:] ",
        r"\bthank(?:s| you)(?: \w+){0,4} for (?:listening|tuning in)\b",
    ),
    _any_of(r"\bsubscribe\b"),
    _any_of(
        rf"\b(?:our|{_SHOW}['’]s) sponsors?\b",
        rf"\b{_SHOW}(?: is|['’]s)? (?:sponsored|brought to you) by\b",
        r"\bfor sponsored news\b",
    ),
    _any_of(rf"\b(?:welcome|joining us)(?: back)?(?: \w+){{0,2}},? (?:to|on) (?:the|this|our|another) {_SHOW}\b"),
    _any_of(r"\bwelcome back\b", r"\bwe(?:['’]re| are|['’]ll be| will be) (?:right )?back\b"),
    _any_of(r"^(?:Break|Sponsor|Ad(?:vert(?:isement)?)?):?$"),
    _any_of(r"\b(?:show notes|star review|promo code|coupon code)\b"),
)
_LEAST_SIGNS = 2
_MOST_CHARACTERS = 400_000  # of a broadcast: four hours have 250,000

_OPENS = _any_of(
    rf"\b{_SHOW}(?: is|['’]s| was| has been)?(?: also| proudly)? (?:sponsored|supported|brought to you) by\b",
    rf"\b{_SHOW}(?: is|['’]s| was| has been) made possible by\b",
    r"\bfor (?:some |the )?sponsored (?:news|message|segment)\b",
    r"\b(?:word|message|thanks?|thank you) (?:from|to) (?:our|today['’]s|this \w+['’]s)(?: \w+)? sponsors?\b",
    rf"\bsponsors? (?:of|for) (?:this|today['’]s|the) (?:week|{_SHOW})",
    r"\b(?:our|today['’]s) (?:\w+ )?sponsors?(?: (?:today|this \w+|is|are)\b|:)",
    r"\bwe have (?:\w+ )?sponsors\b",
    r"^(?:\W|\w+: )*brought to you by\b",
    rf"\bsupport(?: for (?:this|the|our) \w+)? comes from\b[^.]{{0,60}}{_SITE}",
)
_ASKS_TO_BUY = _any_of(
    r"\b(?:promo|coupon|discount|offer|referral)[ -]codes?\b",
    r"\b(?:use|with|enter) (?:the |our |my )?code\b",
    r"\b\d+ ?(?:%|percent) off\b",
    r"\bfree (?:trial|to start|credits?|tier)\b",
    r"\bcredit card (?:is )?required\b",
    rf"\b(?:visit|go to|head (?:over |on )?to|over at|again,?(?: that['’]s)?) {_SITE}",
    rf"\b(?:check (?:it |them |us )?out|learn more|sign up|get started)(?: \w+)? at {_SITE}",
    rf"{_SITE}(?:/| slash )\w",
)
_OFFER = _any_of(r"\b(?:code|discount|off|trial|credit)\b")
_WHERE = re.compile(rf"{_SITE}|\bcode [A-Z0-9]{{3,}}\b")
_MOST_SENTENCES = 20  # from where an advert begins to a request to buy, and from that to the next
_MOST_WITHOUT_REQUEST = 5  # of the paragraph that names a sponsor

_HOUSEKEEPING = _any_of(
    r"(?<!['’]re )(?<!than )\bwelcome(?: back)?,?(?: (?:everyone|everybody|all|folks|friends))?,? to ",
    r"\bwelcome back\b",
    r"\b(?:thank(?:s| you)|appreciate (?:you|it))\b[^.!?]{0,60}\b(?:listening|tuning in|joining|coming on|having me)\b",
    r"\b(?:thank(?:s| you)|appreciate)\b[^.!?]{0,60}\b(?:having us|(?:your|the) (?:time|insights?))\b",
    r"\b(?:un)?subscribe\b",
    r"\b(?:leave|give) (?:us|me|it) (?:a|an|your)\b[^.!?]{0,30}\b(?:review|rating|stars?)\b",
    r"\brate and review\b",
    r"\b(?:last|next) (?:week|time|month)['’]s (?:episode|show)\b",
    r"\bshow notes\b",
    r"\bfollow (?:us|me|the show) (?:on|at)\b",
    r"\bjoin (?:us|our) (?:on|in) (?:slack|discord|zulip)\b",
    r"\bwe(?:['’]ll| will) be (?:right )?back\b",
    r"\bwe(?:['’]re| are) back\b",
    r"\bstay (?:tuned|with us)\b",
    r"\b(?:see|talk to|catch) you(?: all| guys)?(?: again)?(?: real)? (?:next|soon|later|on the next)\b",
    r"\bthat['’]s (?:it|all|the (?:news|show|episode))(?: we have)? for (?:now|today|this)\b",
    r"\b(?:I['’]m|I am) your host\b",
    r"\blet['’]s (?:get|jump|dive) (?:right )?(?:in|into)\b[^.!?]{0,20}\b(?:news|show|it)\b",
)
_MOST_WORDS = 30  # of a sentence that does nothing but greet or thank


def is_broadcast(text: str) -> bool:
    """Whether a text speaks like a broadcast."""
    return len(text) <= _MOST_CHARACTERS and sum(bool(sign.search(text)) for sign in _SIGNS) >= _LEAST_SIGNS


def asides(text: str, sentences: Sequence[Span]) -> frozenset[int]:
    """The numbers of the sentences of a broadcast that are adverts or housekeeping; none of any other text."""
    if not is_broadcast(text):
        return frozenset()
    said = [text[start:end] for start, end in sentences]
    found = {
        number
        for number, sentence in enumerate(said)
        if _HOUSEKEEPING.search(sentence) and len(sentence.split()) <= _MOST_WORDS
    }
    requests = [number for number, sentence in enumerate(said) if _ASKS_TO_BUY.search(sentence)]
    for number, sentence in enumerate(said):
        if _OPENS.search(sentence):
            found |= {*range(number, _end_of_advert(text, sentences, number, requests))}
    offers = {number for number in requests if _OFFER.search(said[number]) and _WHERE.search(said[number])}
    return frozenset(found | offers)


def _end_of_advert(text: str, sentences: Sequence[Span], begin: int, requests: Sequence[int]) -> int:
    """The number of the sentence behind an advert: behind its last request to buy, else within its paragraph."""
    end = begin
    for number in requests:
        if number >= begin and number - end <= _MOST_SENTENCES:
            end = number
    if end > begin or begin in requests:
        return end + 1
    end = begin + 1
    while (
        end < min(len(sentences), begin + _MOST_WITHOUT_REQUEST)
        and "\n" not in text[sentences[end - 1][1] : sentences[end][0]]
    ):
        end += 1
    return end
