"""Questions about a document as a whole: "What is this book about?", "Summarize it". English only.

No passage answers them: the words that they have stand anywhere in the text.
"""

from __future__ import annotations

import re

from longdoc.search.words import fold

DOCUMENT = (
    r"(?:it|this|that|(?:the|this|that)\s+(?:whole\s+|entire\s+)?(?:article|book|chapter|document|episode|essay|file|letter|"
    r"meeting|novel|paper|podcast|recording|report|show|speech|story|talk|text|transcript|video|work)s?)"
)
_SUMMARY = r"(?:summary|overview|synopsis|abstract|gist|tl;?dr)"
_MAIN = r"(?:main|central|key|overall|general)\s+(?:topic|subject|theme|idea|point|message|argument|thesis)s?"
_OF = rf"(?:\s+(?:of|in)\s+{DOCUMENT})?"
_FORMS = tuple(
    re.compile(rf"^(?:please\s+|can\s+you\s+|could\s+you\s+)*{form}\s*[?.!]*$")
    for form in (
        rf"(?:what(?:'s|\s+is|\s+was)|tell\s+me\s+what)\s+{DOCUMENT}(?:\s+is|\s+was)?\s+(?:all\s+)?about",
        rf"what\s+(?:does|did)\s+{DOCUMENT}\s+(?:say|deal\s+with|talk\s+about|discuss|cover)",
        rf"(?:summari[sz]e|sum\s+up|outline)(?:\s+{DOCUMENT})?",
        rf"(?:give\s+(?:me\s+)?|write\s+)(?:a|an|the)\s+(?:short\s+|brief\s+)?{_SUMMARY}{_OF}",
        rf"what(?:'s|\s+is|\s+are|\s+was|\s+were)\s+the\s+(?:{_MAIN}|{_SUMMARY}){_OF}",
    )
)


def asks_for_whole(question: str) -> bool:
    """Whether a question is about all of the document, and not about something in it."""
    folded = fold(" ".join(question.split())).replace("’", "'")
    return any(form.match(folded) for form in _FORMS)
