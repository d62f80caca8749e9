"""What a chat program writes into a chat: that it is encrypted, who came and went, what was deleted.

Nobody says it, so it is no statement. English only. Knows nothing of summaries.
"""

from __future__ import annotations

import re

_WRITTEN_BY_NOBODY = re.compile(
    r"\bend-to-end encrypted\b|\bno one outside of this chat\b|\btap to (?:learn more|change)\b|"
    r"\b(?:created|named|renamed) (?:the |this )?(?:group|channel|chat|community)\b|"
    r"\b(?:added|removed|invited) (?:[\w+@.'’-]+[ ,]+){0,5}[\w+@.'’-]+$|"
    r"\b(?:left|joined)(?: the \w+| using .{0,60})?\.?$|"
    r"\b(?:changed|pinned|updated|turned (?:on|off)|set) (?:the|this|their|your|disappearing|a)\b|"
    r"\bwas (?:added|removed)\b|\bsecurity code (?:with .{1,60} )?changed\b|\b(?:now an admin|phone number)\b|"
    r"\bstarted a (?:call|video)\b",
    re.IGNORECASE,
)
_IN_THE_PLACE_OF_WORDS = re.compile(
    r"\W*(?:(?:this|you deleted this) message(?: was deleted)?|<?media omitted>?|<attached: [^>]*>|"
    r"(?:image|video|audio|sticker|gif|document|contact card) omitted|null|waiting for this message.{0,60}|"
    r"(?:missed )?(?:voice|video) call.{0,40}|<this message was edited>|poll:|location: https?://\S+)\W*",
    re.IGNORECASE,
)
# Some programs write this in the name of the group.
_ENCRYPTED = re.compile(r"\W*(?:messages|calls)\b.{0,60}\bare (?:now )?end-to-end encrypted\b", re.IGNORECASE)


def is_notice(sentence: str, speaker: str | None) -> bool:
    """Whether a sentence of a chat is the program's. speaker: who wrote it, None where the chat names nobody."""
    if speaker is not None:
        words = sentence.removeprefix(f"{speaker}:").strip()
        return _IN_THE_PLACE_OF_WORDS.fullmatch(words) is not None or _ENCRYPTED.match(words) is not None
    return _WRITTEN_BY_NOBODY.search(sentence) is not None
