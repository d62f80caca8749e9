"""Adapters beside frozen models: what is trained, what stays, and what longdoc makes of the result."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from click.testing import CliRunner
from torch import Tensor

from longdoc.bench.families import FAMILIES, SHAPE
from longdoc.cli.train import train
from longdoc.core.errors import ModelUnavailable, UsageError
from longdoc.core.settings import ModelOptions
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.load import LoadedModel, load_model
from longdoc.engine.lora import LoraConfig
from longdoc.engine.memory import DeltaMemory, MemoryForm, PaperMemory
from longdoc.train import loop
from longdoc.train.adapter import Adapter, output_scales
from longdoc.train.base_rows import BaseRows, sample_of_text
from longdoc.train.batches import batches
from longdoc.train.config import AdapterConfig
from longdoc.train.corpus import Corpus
from longdoc.train.loop import Run
from longdoc.train.tasks import RowMaker

CONFIG = AdapterConfig(
    name="beside",
    seed=3,
    data=tiny.CONFIG.data,
    tiers=Tiers(4, 32),
    lora=LoraConfig(rank=4, alpha=8.0),
    memory=tiny.MEMORY,
    stages=tiny.STAGES,
)
Bases = Callable[[str], Path]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    """The folder of a family's random model with the tiny tokenizer."""
    made: dict[str, Path] = {}

    def base(name: str) -> Path:
        if name not in made:
            import transformers

            family = FAMILIES[name]
            shape = {**SHAPE, **family.config, "vocab_size": tiny.VOCABULARY}
            torch.manual_seed(1)
            kind = getattr(transformers, f"{family.name.removesuffix('Text')}ForCausalLM")
            made[name] = tmp_path_factory.mktemp(name)
            tiny.save(kind(getattr(transformers, f"{family.name}Config")(**shape)), made[name])
        return made[name]

    return base


def load(folder: Path, adapter: Path | str = "none") -> LoadedModel:
    return load_model(ModelOptions(str(folder), adapter=str(adapter), offline=True, device="cpu"))


def start(folder: Path, corpus: Corpus, output: Path, config: AdapterConfig = CONFIG) -> Run:
    learner = Adapter(config, load(folder), sample_of_text(corpus))
    return Run(config, learner, corpus, tiny.tokenizer(), output / "run", output, BaseRows)


def learned(run: Run) -> dict[str, Tensor]:
    named = {f"lora.{name}": p.detach().clone() for name, p in run.learner.weights.named_parameters()}
    for layer, memory in run.memories.items():
        named |= {f"memory.{layer}.{name}": p.detach().clone() for name, p in memory.named_parameters()}
    return named


def stock_weights(model: Any) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@torch.inference_mode()
def logits(model: Any, num_tokens: int = 120, *, use_memory: bool = True) -> Tensor:
    ids = torch.randint(3, tiny.VOCABULARY, (1, num_tokens), generator=torch.Generator().manual_seed(5))
    cache = StreamingCache(model.config, Tiers(4, 32), use_memory=use_memory)
    found: Tensor = model(ids, past_key_values=cache, use_cache=True).logits
    return found


def silent(line: dict[str, Any]) -> None:
    """A report that nobody reads."""


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "gemma", "gemma3", "phi", "phi3", "cohere"])
@pytest.mark.parametrize("form", ["delta", "paper-delta"])
def test_additions_and_memory_learn_and_nothing_else(
    family: str, form: MemoryForm, bases: Bases, corpus: Corpus, tmp_path: Path
) -> None:
    config = replace(CONFIG, memory=replace(tiny.MEMORY, form=form), stages=tiny.STAGES[:1])
    run = start(bases(family), corpus, tmp_path, config)
    weights, before = stock_weights(run.model), learned(run)
    run.train(silent)
    assert all(p.grad is None and not p.requires_grad for p in run.model.parameters())
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    assert not [name for name, tensor in learned(run).items() if torch.equal(tensor, before[name])]
    projections = 2 if family == "phi3" else 4
    assert len(before) == 2 * 2 * projections + (9 if form == "delta" else 1)

    adapted = load(bases(family), tmp_path)
    assert adapted.adapter is not None
    assert (adapted.adapter.memory, adapted.adapter.lora) == (config.memory, config.lora)
    assert not torch.equal(logits(adapted.model), logits(load(bases(family)).model))


def test_the_command_trains_an_adapter_that_any_command_can_use(bases: Bases, data: Path, tmp_path: Path) -> None:
    base = bases("llama")
    files = {path: path.read_bytes() for path in base.iterdir()}
    stock = logits(load(base).model)
    file = tmp_path / "train.toml"
    file.write_text(tiny.adapter_toml(CONFIG))
    output = tmp_path / "adapter"
    arguments = ["adapter", "--model", str(base), "--config", str(file), "--data", str(data), "-o", str(output)]
    result = CliRunner().invoke(train, [*arguments, "--threads", "1"], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "stage tasks step 3" in result.stderr
    assert (output / "train.toml").read_bytes() == file.read_bytes()
    assert {path: path.read_bytes() for path in base.iterdir()} == files

    adapted = load(base, output)
    assert adapted.has_memory
    assert adapted.lora is not None
    assert adapted.info.adapter == "beside"
    assert adapted.adapter is not None
    assert (adapted.adapter.tiers, adapted.adapter.prompts) == (Tiers(4, 32), "chat")
    assert torch.equal(logits(load(base).model), stock)  # bit for bit what it was
    adapted.lora.remove()
    assert torch.equal(logits(adapted.model, use_memory=False), stock)

    done = CliRunner().invoke(train, [*arguments, "--threads", "1"], catch_exceptions=False)
    assert "stage" not in done.stderr  # it was complete


def test_what_is_loaded_computes_what_was_trained(bases: Bases, corpus: Corpus, tmp_path: Path) -> None:
    run = start(bases("qwen3"), corpus, tmp_path)
    run.train(silent)
    for module in (*run.memories.values(), run.learner.weights):
        module.to(torch.bfloat16).eval()  # as it is saved
    first, second = load(bases("qwen3"), tmp_path), load(bases("qwen3"), tmp_path)
    assert torch.equal(logits(first.model), logits(run.model))
    assert torch.equal(logits(first.model), logits(second.model))


def test_without_the_memory_the_additions_stay(bases: Bases, corpus: Corpus, tmp_path: Path) -> None:
    start(bases("llama"), corpus, tmp_path, replace(CONFIG, stages=tiny.STAGES[:1])).train(silent)
    adapted = load(bases("llama"), tmp_path).model
    assert not torch.equal(logits(adapted, use_memory=False), logits(load(bases("llama")).model))
    assert not torch.equal(logits(adapted, use_memory=False), logits(adapted))


def test_another_base_is_refused(bases: Bases, corpus: Corpus, tmp_path: Path) -> None:
    run = start(bases("llama"), corpus, tmp_path)
    run.export(tiny.STAGES[0])
    other = copy.deepcopy(load(bases("llama")).model)
    with torch.no_grad():
        other.model.embed_tokens.weight.mul_(1.25)
    tiny.save(other, tmp_path / "other")
    for base in (bases("mistral"), bases("qwen3"), tmp_path / "other"):
        with pytest.raises(ModelUnavailable, match="does not belong") as caught:
            load(base, tmp_path)
        assert "--model" in str(caught.value.fix)
    load(bases("llama"), tmp_path)


@pytest.fixture(scope="module")
def uninterrupted(bases: Bases, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = start(bases("llama"), corpus, tmp_path_factory.mktemp("whole"))
    run.train(silent)
    return run


@pytest.mark.parametrize("interrupted_at", [1, 4])
def test_an_interrupted_training_goes_on_as_if_nothing_had_happened(
    interrupted_at: int,
    uninterrupted: Run,
    bases: Bases,
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "REPORT_STEPS", 1)
    monkeypatch.setattr(loop, "CHECKPOINT_STEPS", 2)
    done: list[str] = []

    def interrupt(line: dict[str, Any]) -> None:
        done.append(line["stage"])
        if len(done) == interrupted_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(bases("llama"), corpus, tmp_path).train(interrupt)
    resumed = start(bases("llama"), corpus, tmp_path)
    resumed.train(silent)
    expected = learned(uninterrupted)
    for name, tensor in learned(resumed).items():
        assert torch.equal(tensor, expected[name]), name


def test_a_training_can_start_from_an_adapter(bases: Bases, corpus: Corpus, tmp_path: Path) -> None:
    first = start(bases("llama"), corpus, tmp_path / "first", replace(CONFIG, stages=tiny.STAGES[:1]))
    first.train(silent)
    second = start(bases("llama"), corpus, tmp_path / "second")
    second.start_from(tmp_path / "first", "tasks")
    for name, tensor in learned(second).items():
        assert torch.equal(tensor, learned(first)[name].bfloat16().float()), name
    with pytest.raises(UsageError, match="no stage 'polish'"):
        second.start_from(tmp_path / "first", "polish")


def test_the_memory_alone_can_be_trained(bases: Bases, corpus: Corpus, tmp_path: Path) -> None:
    config = replace(CONFIG, lora=None, stages=tiny.STAGES[:1])
    run = start(bases("llama"), corpus, tmp_path, config)
    assert not [*run.learner.weights.parameters()]
    run.train(silent)
    assert load(bases("llama"), tmp_path).lora is None


def test_the_gradient_goes_to_additions_and_memories_of_either_form(
    bases: Bases, corpus: Corpus, tmp_path: Path
) -> None:
    for form, kind in (("delta", DeltaMemory), ("paper-linear", PaperMemory)):
        config = replace(CONFIG, memory=replace(tiny.MEMORY, form=form))
        run = start(bases("gemma"), corpus, tmp_path / form, config)
        assert isinstance(run.memories[1], kind)
        with torch.no_grad():  # as after the first step: at zero they let no gradient through to their other half
            for name, parameter in run.learner.weights.named_parameters():
                if name.endswith("up.weight"):
                    parameter.add_(0.01)
        batch = next(batches(tiny.STAGES[1], (3, 1), 0, RowMaker(corpus, tiny.tokenizer(), 0), 64, {}))
        run._loss(tiny.STAGES[1], batch, defaultdict(lambda: [0.0, 0.0])).backward()  # type: ignore[no-untyped-call]
        for module in (run.learner.weights, run.memories[1]):
            for name, parameter in module.named_parameters():
                assert parameter.grad is not None, name
                assert bool((parameter.grad != 0).any()), name
        assert all(p.grad is None for p in run.model.parameters())


def test_the_output_is_scaled_to_what_it_is_added_to(bases: Bases, corpus: Corpus) -> None:
    text = sample_of_text(corpus)
    model = load(bases("llama")).model
    plain = output_scales(model, text, Tiers(4, 32))
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(64.0)
    loud = output_scales(model, text, Tiers(4, 32))
    assert plain.keys() == loud.keys() == {0, 1}
    assert loud[0] == pytest.approx(64 * plain[0], rel=0.02)  # the input is normed, the stream is not
    assert output_scales(load(bases("gemma3")).model, text, Tiers(4, 32))[0] < 1  # normed after the attention


def test_a_vocabulary_without_words_is_an_error_of_the_user(corpus: Corpus) -> None:
    from tokenizers import Tokenizer, models

    with pytest.raises(UsageError, match="No rows"):
        BaseRows(corpus, Tokenizer(models.BPE({"a": 0, "b": 1}, [])), 0)


def test_a_base_in_four_bits_is_the_same_base(bases: Bases, corpus: Corpus, tmp_path: Path) -> None:
    stages = tiny.STAGES[:1]
    start(bases("llama"), corpus, tmp_path, replace(CONFIG, stages=stages)).train(silent)
    options = ModelOptions(str(bases("llama")), quantize="4bit", adapter="none", offline=True, device="cpu")
    stock = logits(load_model(options).model)
    adapted = load_model(replace(options, adapter=str(tmp_path)))
    assert adapted.lora is not None
    assert not torch.equal(logits(adapted.model), stock)
    adapted.lora.remove()
    assert torch.equal(logits(adapted.model, use_memory=False), stock)

    learner = Adapter(replace(CONFIG, stages=stages), load_model(options), sample_of_text(corpus))
    run = Run(learner.config, learner, corpus, tiny.tokenizer(), tmp_path / "again", row_maker=BaseRows)
    weights = stock_weights(run.model)
    run.train(silent)
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def test_a_projection_that_is_not_there_is_named(bases: Bases, corpus: Corpus, tmp_path: Path) -> None:
    config = replace(CONFIG, lora=LoraConfig(targets=("q_proj", "dense")))
    with pytest.raises(ModelUnavailable, match="no dense") as caught:
        start(bases("llama"), corpus, tmp_path, config)
    assert "o_proj" in str(caught.value.why)
