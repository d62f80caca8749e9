"""What a user can choose, as frozen data. Knows nothing of click, TOML or the environment.

`None` in a tier size or a switch means: the adapter's or the model's own value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EMBEDDED_MODEL = "embedded"
STATES_BYTES = 5_000_000_000

Quantize = Literal["auto", "4bit", "8bit", "none"]
AttentionMode = Literal["auto", "stream", "exact", "ring"]
SummaryStyle = Literal["full", "brief", "chapters", "timeline", "bullets"]


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a source is parsed, and what of it is read.

    format: name of a reader, or None to look at the content.
    password: opens an encrypted PDF.
    pages, sections, times: what is read of it, as on the command line; None for all of it.
    max_bytes: of the largest source.   seconds: that parsing may take, None for a limit by the source's size.
    """

    format: str | None = None
    password: str | None = None
    pages: str | None = None
    sections: str | None = None
    times: str | None = None
    max_bytes: int = 1_000_000_000
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which weights read, and how.

    model: "embedded", a Hugging Face id, or a folder.
    adapter: folder or name of a memory adapter, "none", or None for the one that lies beside the model.
    sinks, window, highlights, segment_tokens: tier and segment sizes in tokens.
    kv_bits: 8 keeps the window's keys and values in half the bytes; 16 in the model's own precision.
    device: "auto", "cpu", "cuda", "cuda:1".
    threads: CPU threads, None for torch's own choice.
    processes: of a ring, on all machines together; None for as many as there are GPUs, or as were started.
    prompts: folder whose prompts stand in the place of the shipped ones of the same name.
    memory_limit: bytes; sizes and quantization that are left open are chosen so that it takes no more.
    """

    model: str = EMBEDDED_MODEL
    revision: str | None = None
    quantize: Quantize = "auto"
    adapter: str | None = None
    attention: AttentionMode = "auto"
    sinks: int | None = None
    window: int | None = None
    highlights: int | None = None
    kv_bits: int = 16
    segment_tokens: int | None = None
    memory: bool = True
    device: str = "auto"
    threads: int | None = None
    offline: bool = False
    processes: int | None = None
    prompts: str | None = None
    memory_limit: int | None = None


@dataclass(frozen=True, slots=True)
class StateOptions:
    """That what was read is kept on the disk for the next time.

    folder: None for the user's own place.
    most_bytes: what all states of the folder may take; those that were not used for longest go first.
    wanted: kept whatever its size, and an error when it cannot be; else a large one is not, and failing is a warning.
    fresh: what an earlier run kept is not used, and replaced.
    notes: those of a summary stay when it is made, so that another one of the same document needs no second reading.
    """

    folder: str | None = None
    wanted: bool = False
    fresh: bool = False
    most_bytes: int = STATES_BYTES
    notes: bool = False


@dataclass(frozen=True, slots=True)
class SummaryOptions:
    """What kind of summary.

    words: budget of the whole at the top, None for one by the length of the document; the notes per section come on
    top of it.
    verbatim: only sentences of the document; None: yes for the embedded model, no for others.
    style: "full" is the whole, then part by part; "brief" the whole alone, "chapters" the parts alone; "bullets" the
    whole statement by statement, "timeline" the same with each statement's time or place before it.
    focus: what it is to be about, in words.   language: that a model writes in; None for that of the prompts.
    """

    words: int | None = None
    verbatim: bool | None = None
    style: SummaryStyle = "full"
    focus: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class AskOptions:
    """How questions are answered.

    passages: how many are re-read.   sentences: of the document, at most, that a verbatim answer consists of.
    verbatim: as in SummaryOptions.   search: whether passages are looked up; else the reading state alone answers.
    """

    passages: int = 5
    sentences: int = 2
    verbatim: bool | None = None
    search: bool = True
