"""Converted to Longformer and LED, a model is opened by transformers' own classes, whole, and computes what the
original computes, up to the length that its conversion promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from cases import WORK, generation_options, original, relative, tensors
from longformer_cases import (
    CASES,
    POSITIONS,
    ROBERTAS,
    converted,
    inputs,
    seq2seq_inputs,
    source,
    source_class,
    target_class,
)
from torch import Tensor, nn
from transformers import AutoTokenizer

TOLERANCE = 1e-5
PADDED = [(7, "right"), (POSITIONS, "right"), (7, "left")]
"""transformers pads every input to a whole window, 1024 tokens: each more takes a second."""
PER_SEQUENCE = ["ForSequenceClassification", "ForMultipleChoice"]

each_case = pytest.mark.parametrize("model_type,head", CASES)
each_base = pytest.mark.parametrize("model_type,head", [case for case in CASES if case[1] == "Model"])


def known(name: str) -> Any:
    found = getattr(transformers, name, None)
    if found is None:
        pytest.skip(f"transformers {transformers.__version__} has no {name}")
    return found


def load(folder: Path, name: str, **options: Any) -> nn.Module:
    """Opened by transformers' class of that name, every key of the one in the other."""
    model, loading = known(name).from_pretrained(
        folder, torch_dtype=torch.float32, output_loading_info=True, **options
    )
    assert {key: found for key, found in loading.items() if found} == {}
    return model.eval()


def originals(model_type: str, head: str) -> nn.Module:
    name = source_class(model_type, head)
    return known(name).from_pretrained(source(model_type, head), torch_dtype=torch.float32).eval()


def batch_for(model: nn.Module, model_type: str, head: str, length: int, side: str) -> dict[str, Tensor]:
    """Config of the converted one: it says which token is the separator."""
    return (seq2seq_inputs if model_type == "bart" else inputs)(model.config, head, length, side)


def visible(output: Any, batch: dict[str, Tensor], head: str, side: str = "right") -> dict[str, Tensor]:
    """Outputs but for those at padding, which are nobody's, and those made of one."""
    mask = batch["attention_mask"].bool()
    named = tensors(output)
    if side == "left":
        named.pop("pooler_output", None)
    per_sequence = {"logits", "pooler_output"} if head in PER_SEQUENCE else {"pooler_output"}
    return {
        name: x[mask] if name not in per_sequence and x.shape[:2] == mask.shape else x for name, x in named.items()
    }


def worst_of(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    return max(relative(x, expected[name]) for name, x in actual.items())


@each_case
def test_it_computes_what_the_original_computes(model_type: str, head: str) -> None:
    folder = converted(model_type, head)
    record = json.loads((folder / "lsg_conversion.json").read_text())
    assert record["promise"]["lossless_up_to"] == POSITIONS
    theirs, model = originals(model_type, head), load(folder, target_class(model_type, head))
    # The heads of sequences read token 0.
    is_left_read = model_type == "bart" or (model_type in ROBERTAS and head not in PER_SEQUENCE)
    worst = 0.0
    for length, side in PADDED if is_left_read else PADDED[:2]:
        batch = batch_for(model, model_type, head, length, side)
        with torch.no_grad():
            actual, expected = (visible(each(**batch), batch, head, side) for each in (model, theirs))
        if head == "Model" and model_type in ("distilbert", "electra", "bert-generation"):
            # They have no pooler: the converted one's is new.
            del actual["pooler_output"]
        assert actual.keys() == expected.keys()
        worst = max(worst, worst_of(actual, expected))
        assert worst <= TOLERANCE, (length, side)
    print(f"{model_type} {head}: {worst:.1e}")


@each_base
def test_beyond_the_originals_length_it_goes_on(model_type: str, head: str) -> None:
    model = load(converted(model_type, head), target_class(model_type, head))
    batch = batch_for(model, model_type, head, 1500, "right")
    with torch.no_grad():
        assert all(x.isfinite().all() for x in tensors(model(**batch)).values())


@each_base
def test_saved_and_loaded_again_it_is_the_same(model_type: str, head: str, tmp_path: Path) -> None:
    name = target_class(model_type, head)
    model = load(converted(model_type, head), name)
    model.save_pretrained(tmp_path)
    again = load(tmp_path, name)
    batch = batch_for(model, model_type, head, 40, "right")
    with torch.no_grad():
        assert worst_of(tensors(again(**batch)), tensors(model(**batch))) == 0


@pytest.mark.parametrize("model_type", ["roberta", "bart"])
def test_narrow_windows_are_lossless_as_far_as_they_promise_and_no_farther(model_type: str) -> None:
    head = "ForConditionalGeneration" if model_type == "bart" else "ForMaskedLM"
    folder = WORK / "longformers" / f"{model_type}-narrow"
    promised = json.loads((folder / "lsg_conversion.json").read_text())["promise"]["lossless_up_to"]
    assert promised == 9
    theirs, model = originals(model_type, head), load(folder, target_class(model_type, head))

    def difference(length: int) -> float:
        batch = batch_for(model, model_type, head, length, "right")
        with torch.no_grad():
            return worst_of(*(visible(each(**batch), batch, head) for each in (model, theirs)))

    assert max(difference(length) for length in range(2, promised + 1)) <= TOLERANCE
    assert difference(promised + 1) > 1e-3


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("side", ["right", "left"])
def test_led_writes_what_bart_writes(side: str, beams: int) -> None:
    head = "ForConditionalGeneration"
    theirs, model = originals("bart", head), load(converted("bart", head), target_class("bart", head))
    for length in (7, 100, POSITIONS):
        batch = seq2seq_inputs(model.config, head, length, side)
        batch.pop("decoder_input_ids")
        expected, actual = (each.generate(**batch, **generation_options(beams)) for each in (theirs, model))
        assert torch.equal(actual, expected), length


@pytest.mark.parametrize("model_type", ["longformer", "led"])
def test_a_longer_longformer_reads_as_before_what_it_read(model_type: str) -> None:
    name = "LEDForConditionalGeneration" if model_type == "led" else "LongformerForMaskedLM"
    tokens = seq2seq_inputs if model_type == "led" else inputs
    theirs, model = load(original(model_type), name), load(WORK / "longformers" / f"{model_type}-longer", name)
    for length in (1, 17, 127, 128):
        batch = tokens(model.config, "ForMaskedLM", length)
        batch["global_attention_mask"] = (batch["input_ids"] % 5 == 0).long()
        with torch.no_grad():
            outputs = [visible(each(**batch), batch, name) for each in (model, theirs)]
        assert worst_of(*outputs) == 0, length
    with torch.no_grad():
        assert model(**tokens(model.config, "ForMaskedLM", 700)).logits.isfinite().all()


@each_base
def test_the_tokenizer_is_the_originals(model_type: str, head: str) -> None:
    text = "The harbour was quiet, and the boats lay still."
    tokenizer, theirs = (
        AutoTokenizer.from_pretrained(each) for each in (converted(model_type, head), original(model_type))
    )
    assert tokenizer(text)["input_ids"] == theirs(text)["input_ids"]
    assert tokenizer(text, text)["input_ids"] == theirs(text, text)["input_ids"]
    assert tokenizer.model_max_length == 2048
