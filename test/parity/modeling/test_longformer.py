"""Converted to Longformer and LED, a model is opened by transformers' own classes, whole, and computes what the
original computes, up to the length that its conversion promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from cases import REPOSITORY, WORK, generation_options, original, relative, tensors
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
LENGTHS = [7, 100, POSITIONS - 1, POSITIONS]
PER_TOKEN = {"last_hidden_state", "logits", "start_logits", "end_logits", "encoder_last_hidden_state"}

each_case = pytest.mark.parametrize("model_type,head", CASES)


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


def visible(output: Any, batch: dict[str, Tensor], head: str) -> dict[str, Tensor]:
    """Outputs but for those at padding, which are nobody's."""
    mask = batch["attention_mask"].bool()
    ofs = tensors(output)
    per_sequence = head in ("ForSequenceClassification", "ForMultipleChoice")
    return {
        name: x[mask] if name in PER_TOKEN and x.shape[:2] == mask.shape and not per_sequence else x
        for name, x in ofs.items()
    }


def worst_of(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    shared = actual.keys() & expected.keys()
    assert shared & {*PER_TOKEN}
    return max(relative(actual[name], expected[name]) for name in shared)


@each_case
def test_it_computes_what_the_original_computes(model_type: str, head: str) -> None:
    folder = converted(model_type, head)
    record = json.loads((folder / "lsg_conversion.json").read_text())
    assert record["promise"]["lossless_up_to"] == POSITIONS
    theirs, model = originals(model_type, head), load(folder, target_class(model_type, head))
    sides = ["right", "left"] if model_type in [*ROBERTAS, "bart"] else ["right"]
    worst = 0.0
    for length in LENGTHS:
        for side in sides:
            if head == "ForSequenceClassification" and side == "left" and model_type != "bart":
                # The head reads token 0, which is padding.
                continue
            batch = batch_for(model, model_type, head, length, side)
            with torch.no_grad():
                outputs = [visible(each(**batch), batch, head) for each in (model, theirs)]
            if (model_type, head) == ("distilbert", "Model") or (model_type, head) == ("electra", "Model"):
                # They have no pooler: the converted one's is new.
                outputs[0].pop("pooler_output")
            worst = max(worst, worst_of(*outputs))
            assert worst <= TOLERANCE, (length, side)
    print(f"{model_type} {head}: {worst:.1e}")


@each_case
def test_beyond_the_originals_length_it_goes_on(model_type: str, head: str) -> None:
    model = load(converted(model_type, head), target_class(model_type, head))
    if head == "ForSequenceClassification" and model_type == "bart":
        pytest.skip("its decoder reads what the encoder reads, and has as many positions as before")
    batch = batch_for(model, model_type, head, 1500, "right")
    if model_type == "bart":
        batch |= {"decoder_input_ids": torch.full((3, 5), 4)}
    with torch.no_grad():
        assert all(x.isfinite().all() for x in tensors(model(**batch)).values())


@each_case
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
    theirs, model = load(original(model_type), name), load(WORK / "longformers" / f"{model_type}-longer", name)
    for length in (1, 17, 127, 128):
        ids = torch.from_numpy(inputs_of(model_type, length))
        mask = (ids != model.config.pad_token_id).long()
        batch = {"input_ids": ids, "attention_mask": mask}
        batch["global_attention_mask"] = (ids % 5 == 0).long()
        if model_type == "led":
            batch["decoder_input_ids"] = ids[:, :9].clone()
        with torch.no_grad():
            outputs = [visible(each(**batch), batch, name) for each in (model, theirs)]
        assert worst_of(*outputs) == 0, length
    long = {"input_ids": torch.from_numpy(inputs_of(model_type, 700))}
    if model_type == "led":
        long["decoder_input_ids"] = long["input_ids"][:, :9].clone()
    with torch.no_grad():
        assert model(**long).logits.isfinite().all()


def inputs_of(model_type: str, length: int) -> Any:
    import numpy

    config = json.loads((original(model_type) / "config.json").read_text())
    ids = numpy.random.default_rng(length).integers(8, config["vocab_size"], (2, length))
    ids[1, length // 2 + 1 :] = config["pad_token_id"]
    return ids


@pytest.mark.parametrize("model_type,head", [(t, h) for t, h in CASES if h in ("Model", "ForConditionalGeneration")])
def test_the_tokenizer_is_the_originals(model_type: str, head: str) -> None:
    text = "The harbour was quiet, and the boats lay still."
    tokenizer, theirs = (
        AutoTokenizer.from_pretrained(each) for each in (converted(model_type, head), original(model_type))
    )
    assert tokenizer(text)["input_ids"] == theirs(text)["input_ids"]
    assert tokenizer(text, text)["input_ids"] == theirs(text, text)["input_ids"]
    assert tokenizer.model_max_length == 2048


def test_the_fixtures_were_converted() -> None:
    assert (REPOSITORY / "fixtures" / "longformer").exists()
    assert all((converted(*case) / "config.json").exists() for case in CASES)
