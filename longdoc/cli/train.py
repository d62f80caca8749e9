"""`longdoc train`: the embedded model with its tokenizer, adapters for other models, the rankers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Literal

import click

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_BESIDE = ("encoder", "reader")  # the rankers, where they are in the same folder


@click.group()
def train() -> None:
    """Train the embedded model, memory adapters for other models, and the rankers."""


@train.command()
@click.option(
    "--config", "config_file", type=_FILE, required=True, help="A train.toml; adapters/*/train.toml are examples."
)
@click.option("--data", type=_FOLDER, required=True, help="The folder that the globs of the configuration start from.")
@click.option("-o", "--output", type=_FOLDER, required=True, help="The run's folder. An unfinished run goes on.")
@click.option("--threads", type=int, help="CPU threads (default: torch's own choice).")
@click.option("--weights", type=_FOLDER, help="Start from the weights and the tokenizer of this model's folder.")
@click.option("--stage", help="With --weights: the stage to begin with.")
def model(
    config_file: Path, data: Path, output: Path, threads: int | None, weights: Path | None, stage: str | None
) -> None:
    """Train a model with its memory, stage by stage, from a configuration file."""
    if (weights is None) != (stage is None):
        raise click.UsageError("--weights and --stage belong together.")
    import torch
    from tokenizers import Tokenizer

    from longdoc.train.config import load_config
    from longdoc.train.corpus import build
    from longdoc.train.loop import Run
    from longdoc.train.model import Decoder
    from longdoc.train.tokenizer import train_tokenizer

    if threads:
        torch.set_num_threads(threads)
    config = load_config(config_file)
    output.mkdir(parents=True, exist_ok=True)
    saved = output / "tokenizer.json"
    if weights is not None and not saved.exists():
        shutil.copyfile(weights / "tokenizer.json", saved)
    if not saved.exists():
        click.echo("training the tokenizer", err=True)
        train_tokenizer(data, config).save(str(saved))
    tokenizer = Tokenizer.from_file(str(saved))
    click.echo("reading the data", err=True)
    corpus = build(data, config.data, tokenizer, output / "cache")
    run = Run(config, Decoder(config, tokenizer), corpus, tokenizer, output)
    if weights is not None and stage is not None:
        run.start_from(weights, stage)
    run.train(_report)


@train.command()
@click.option("--model", "model_name", required=True, metavar="ID|FOLDER", help="The model; its weights never change.")
@click.option("--config", "config_file", type=_FILE, required=True, help="A train.toml with the tables of an adapter.")
@click.option("--data", type=_FOLDER, required=True, help="The folder that the globs of the configuration start from.")
@click.option("-o", "--output", type=_FOLDER, required=True, help="The adapter's folder. An unfinished run goes on.")
@click.option(
    "--quantize",
    type=click.Choice(["auto", "none", "8bit", "4bit"]),
    default="auto",
    show_default=True,
    help="Size of the frozen weights.",
)
@click.option("--threads", type=int, help="CPU threads (default: torch's own choice).")
@click.option("--weights", type=_FOLDER, help="Start from the weights of this adapter.")
@click.option("--stage", help="With --weights: the stage to begin with.")
def adapter(
    model_name: str,
    config_file: Path,
    data: Path,
    output: Path,
    quantize: Literal["auto", "none", "8bit", "4bit"],
    threads: int | None,
    weights: Path | None,
    stage: str | None,
) -> None:
    """Train a memory, and low-rank additions to the attention, beside a frozen model.

    The result is used with `--model ID --adapter FOLDER`.
    """
    if (weights is None) != (stage is None):
        raise click.UsageError("--weights and --stage belong together.")
    from longdoc.core.settings import ModelOptions
    from longdoc.engine.load import load_model
    from longdoc.train.adapter import Adapter
    from longdoc.train.base_rows import BaseRows, sample_of_text
    from longdoc.train.config import load_adapter_config
    from longdoc.train.corpus import build
    from longdoc.train.loop import Run

    config = load_adapter_config(config_file)
    base = load_model(ModelOptions(model_name, quantize=quantize, adapter="none", threads=threads))
    working = output / "run"
    working.mkdir(parents=True, exist_ok=True)
    kept = output / "train.toml"
    kept.write_bytes(config_file.read_bytes())
    tokenizer = base.tokenizer.backend_tokenizer
    click.echo("reading the data", err=True)
    corpus = build(data, config.data, tokenizer, working / "cache", base.tokenizer.eos_token_id or 0)
    learner = Adapter(config, base, sample_of_text(corpus))
    run = Run(config, learner, corpus, tokenizer, working, output, BaseRows)
    if weights is not None and stage is not None:
        run.start_from(weights, stage)
    run.train(_report)


@train.command()
@click.option("--questions", multiple=True, type=_FILE, help="JSONL of questions; can be repeated.")
@click.option("--summaries", multiple=True, type=_FILE, help="JSONL of documents with summaries; can be repeated.")
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder for ranker.json and the others.")
def rankers(questions: tuple[Path, ...], summaries: tuple[Path, ...], output: Path) -> None:
    """Fit the small rankers that choose answers and summary sentences without a model.

    question_stems.txt belongs into longdoc/search and is counted first; the others into adapters/lexical. Where the
    folder has an encoder.safetensors (longdoc train encoder), rankers with its columns are fitted beside those without,
    and with a reader.safetensors (longdoc train reader) others with its columns.
    """
    from longdoc.search.joined import read_rows
    from longdoc.train.question_stems import train_question_stems
    from longdoc.train.rankers import train_answer_ranker, train_salience

    output.mkdir(parents=True, exist_ok=True)
    if questions:
        rows = [*read_rows(questions)]
        click.echo(f"{train_question_stems(rows, output / 'question_stems.txt'):,} words of questions", err=True)
        encoder, reader = (path if (path := output / f"{name}.safetensors").exists() else None for name in _BESIDE)
        _report(train_answer_ranker(rows, output / "ranker.json", encoder=encoder, reader=reader))
    if summaries:
        _report(train_salience([*read_rows(summaries)], output / "salience.json"))


@train.command()
@click.argument("texts", nargs=-1, required=True, type=_FILE)
@click.option("--questions", multiple=True, type=_FILE, help="JSONL of questions; can be repeated.")
@click.option("--teacher", required=True, metavar="ID", help="A sentence encoder of the hub, or its folder.")
@click.option("--sentences", "num_sentences", default=400_000, show_default=True, help="To learn from, about.")
@click.option("--epochs", default=6, show_default=True, help="How often each sentence is learned from.")
@click.option("--threads", type=int, help="CPU threads (default: torch's own choice).")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The encoder file to write."
)
def encoder(
    texts: tuple[Path, ...],
    questions: tuple[Path, ...],
    teacher: str,
    num_sentences: int,
    epochs: int,
    threads: int | None,
    output: Path,
) -> None:
    """Train the small sentence encoder that tells the rankers what means the same.

    TEXTS are plain text. The file belongs into adapters/lexical as encoder.safetensors; fit the rankers after it.
    """
    from longdoc.train.encoder import distill
    from longdoc.train.encoder_data import draw_sentences

    output.parent.mkdir(parents=True, exist_ok=True)
    sentences = draw_sentences(texts, questions, num_sentences)
    click.echo(f"{len(sentences):,} sentences", err=True)
    _report(distill(sentences, teacher, output, num_epochs=epochs, threads=threads, report=_report))


@train.command()
@click.argument("texts", nargs=-1, type=_FILE)
@click.option("--questions", multiple=True, required=True, type=_FILE, help="JSONL of questions; can be repeated.")
@click.option("--teacher", required=True, metavar="ID", help="An encoder of BERT's kind of the hub, or its folder.")
@click.option(
    "--encoder", "encoder_file", required=True, type=_FILE, help="The sentence encoder, whose words the reader shares."
)
@click.option(
    "--made", "num_made", default=52_000, show_default=True, help="Examples of questions made from TEXTS, about."
)
@click.option("--rounds", default=0.9, show_default=True, help="Over the passages, with the teacher.")
@click.option("--threads", type=int, help="CPU threads (default: torch's own choice).")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The reader file to write."
)
def reader(
    texts: tuple[Path, ...],
    questions: tuple[Path, ...],
    teacher: str,
    encoder_file: Path,
    num_made: int,
    rounds: float,
    threads: int | None,
    output: Path,
) -> None:
    """Train the small reader that finds answers in the passages that the rankers propose.

    TEXTS are plain text, from whose sentences more questions are made. The teacher is fine-tuned first. The file
    belongs into adapters/lexical as reader.safetensors; fit the rankers after it.
    """
    from longdoc.search.encoder import load
    from longdoc.search.joined import read_rows
    from longdoc.train.reader import train_reader
    from longdoc.train.reader_rows import asked_rows, made_rows

    output.parent.mkdir(parents=True, exist_ok=True)
    asked = asked_rows(read_rows(questions))
    made = made_rows(texts, num_made) if texts else []
    click.echo(f"{len(asked):,} questions, {len(made):,} made", err=True)
    figures = train_reader(
        asked, made, teacher, load(encoder_file), output, taught_rounds=rounds, threads=threads, report=_report
    )
    _report(figures)


@train.command()
@click.argument("questions", nargs=-1, required=True, type=_FILE)
@click.option("--model", "model_name", default="embedded", show_default=True, help="Whose columns are added.")
@click.option("--config", "config_file", type=_FILE, required=True, help="Its training file: what was held out.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The ranker file to write."
)
@click.option("--threads", type=int, help="CPU threads (default: torch's own choice).")
@click.option("--seen", is_flag=True, help="Take what was held out from the lexical ranker, not from the model.")
@click.option("--num", "num_questions", default=120, show_default=True, help="Questions per source, at most.")
def reranker(
    questions: tuple[Path, ...],
    model_name: str,
    config_file: Path,
    output: Path,
    threads: int | None,
    seen: bool,
    num_questions: int,
) -> None:
    """Fit how much the model's opinion counts beside the search's, on documents that were held out.

    QUESTIONS are JSONL files with context, question, answers, answerable, source and doc_id.
    """
    from longdoc.core.settings import ModelOptions
    from longdoc.pipeline.session import open_session
    from longdoc.search.joined import is_held_out as is_kept
    from longdoc.search.joined import read_rows
    from longdoc.train.config import load_config
    from longdoc.train.corpus import is_held_out
    from longdoc.train.reranker import train_reranker

    data = load_config(config_file).data
    rows = [
        row
        for row in read_rows(questions)
        if (is_held_out(row["doc_id"], data) if not seen else is_kept(row["doc_id"]))
    ]
    session = open_session(ModelOptions(model=model_name, threads=threads), lambda event: None)
    figures = train_reranker(
        rows,
        session,
        session.rankers["ranker"],
        output,
        num_questions=num_questions,
        report=lambda line: click.echo(line, err=True),
    )
    for source, values in figures.items():
        _report({"source": source, **values})


def _report(line: dict[str, Any]) -> None:
    click.echo(" ".join(f"{key} {value}" for key, value in line.items()), err=True)
