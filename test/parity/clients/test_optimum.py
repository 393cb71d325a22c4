"""optimum's ORTModelFor* open converted folders, and give what transformers gives."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import optimum.onnxruntime
import pytest
import torch
import transformers
from folders import MAX_LENGTH, RELATIVES, TYPED, TYPES, config, converted, original
from torch import Tensor

TOLERANCE = 1e-4
"""Of the output's scale."""

AUTO = {
    "FeatureExtraction": "AutoModel",
    "MaskedLM": "AutoModelForMaskedLM",
    "SequenceClassification": "AutoModelForSequenceClassification",
    "TokenClassification": "AutoModelForTokenClassification",
    "QuestionAnswering": "AutoModelForQuestionAnswering",
    "MultipleChoice": "AutoModelForMultipleChoice",
}
PER_TOKEN = {"FeatureExtraction", "MaskedLM", "TokenClassification", "QuestionAnswering"}
CASES = [*product(TYPES, AUTO), *product(RELATIVES, ["FeatureExtraction"])]
NUM_CHOICES = 3
BEYOND = [3 * 256 + 5, MAX_LENGTH]
"""Lengths that the original cannot read; blocks have 256 tokens."""


def inputs(model: Path, task: str, length: int, padding: str) -> dict[str, Tensor]:
    """Three rows of that length, about half of it, and 1 (of it, half and 1 for each of two questions with choices)."""
    settings = config(model)
    torch.manual_seed(length)
    rows = 2 * NUM_CHOICES if task == "MultipleChoice" else 3
    kept = torch.tensor([length, (length + 1) // 2, 1]).repeat(rows // 3).unsqueeze(1)
    at = torch.arange(length).expand(rows, -1)
    mask = (at < kept if padding == "right" else at >= length - kept).long()
    pad = settings["pad_token_id"]
    ids = torch.randint(settings["vocab_size"] - 1, (rows, length))
    ids = torch.where(mask == 1, ids + (ids >= pad), pad)
    named = {"input_ids": ids, "attention_mask": mask}
    if settings["model_type"] in TYPED and settings["model_type"] != "longformer":
        named["token_type_ids"] = torch.randint(2, (rows, length))
    if task == "MultipleChoice":
        return {name: value.view(-1, NUM_CHOICES, length) for name, value in named.items()}
    return named


def outputs(model: object, feeds: dict[str, Tensor], task: str) -> list[Tensor]:
    """What a model computes, without the outputs at padding."""
    with torch.no_grad():
        computed = model(**feeds)  # type: ignore[operator]
    names = {"FeatureExtraction": ["last_hidden_state"], "QuestionAnswering": ["start_logits", "end_logits"]}
    tensors = [getattr(computed, name) for name in names.get(task, ["logits"])]
    return [each[feeds["attention_mask"] == 1] if task in PER_TOKEN else each for each in tensors]


def difference(actual: list[Tensor], expected: list[Tensor]) -> float:
    """The largest, relative to the output's scale."""
    for a, b in zip(actual, expected, strict=True):
        assert a.shape == b.shape and a.isfinite().all()
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(actual, expected))


@pytest.mark.parametrize("model_type,task", CASES)
def test_faithful_gives_what_the_original_gives(model_type: str, task: str) -> None:
    source = original(model_type, AUTO[task])
    folder = converted(source)
    files = sorted(folder.rglob("*"))
    client = getattr(optimum.onnxruntime, f"ORTModelFor{task}").from_pretrained(folder)
    assert sorted(folder.rglob("*")) == files, "it exported the model anew"

    expected = getattr(transformers, AUTO[task]).from_pretrained(source).eval()
    worst = {}
    for length, padding in product([1, 17, 256, 257, 512], ["right", "left"]):
        feeds = inputs(source, task, length, padding)
        worst[length, padding] = difference(outputs(client, feeds, task), outputs(expected, feeds, task))
    print(f"{model_type} {task}: {max(worst.values()):.1e}")
    assert {case: error for case, error in worst.items() if error > TOLERANCE} == {}

    for length in BEYOND:
        feeds = {name: value[:1] for name, value in inputs(source, task, length, "right").items()}
        assert all(each.isfinite().all() for each in outputs(client, feeds, task))


@pytest.mark.parametrize("model_type", TYPES)
def test_beyond_the_originals_length_it_gives_what_our_pytorch_code_gives(model_type: str) -> None:
    folder = converted(original(model_type, "AutoModel"))
    client = optimum.onnxruntime.ORTModelForFeatureExtraction.from_pretrained(folder)
    expected = transformers.AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
    task = "FeatureExtraction"
    worst = {}
    for length, padding in product(BEYOND, ["right", "left"]):
        feeds = inputs(folder, task, length, padding)
        worst[length, padding] = difference(outputs(client, feeds, task), outputs(expected, feeds, task))
    print(f"{model_type}: {max(worst.values()):.1e}")
    assert {case: error for case, error in worst.items() if error > TOLERANCE} == {}


@pytest.mark.parametrize("weights", ["external", "shared"])
def test_weights_outside(weights: str) -> None:
    source = original("roberta", "AutoModelForMaskedLM")
    folder = converted(source, "--onnx-weights", weights)
    client, embedded = (
        optimum.onnxruntime.ORTModelForMaskedLM.from_pretrained(each) for each in (folder, converted(source))
    )
    feeds = inputs(source, "MaskedLM", BEYOND[0], "right")
    assert difference(outputs(client, feeds, "MaskedLM"), outputs(embedded, feeds, "MaskedLM")) <= TOLERANCE
