"""Graphs of Longformers and LEDs give what transformers' own classes give, and optimum opens them."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy
import optimum.onnxruntime
import pytest
import torch
import transformers
from folders import config, converted, graph, original
from onnxruntime import InferenceSession
from test_optimum import AUTO, PER_TOKEN, TOLERANCE, difference, outputs
from test_optimum import inputs as ordinary_inputs
from torch import Tensor

WINDOWS = ["--to", "longformer", "--max-sequence-length", "1024", "--attention-window"]
SMALL = "16,32"
LENGTHS = [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 101, 1023]
"""Around windows and halves of them."""

CLASSIFIERS = ["SequenceClassification", "MultipleChoice"]
# What a head of DistilBERT's computes in its classifiers, Longformer's does not.
CASES = [
    (model_type, task)
    for model_type, task in product(["longformer", "roberta", "xlm-roberta", "camembert", "bert", "distilbert"], AUTO)
    if not (model_type == "distilbert" and task in CLASSIFIERS)
]
SEPARATED = ["QuestionAnswering", "MultipleChoice"]


def longformer(model_type: str, auto: str, *flags: str, windows: str = SMALL) -> Path:
    return converted(original(model_type, auto), *WINDOWS, windows, *flags)


def inputs(folder: Path, task: str, length: int, padding: str) -> dict[str, Tensor]:
    """Three rows of that length, about half of it, and 1; where questions end with a separator, three in each."""
    feeds = ordinary_inputs(folder, task, length, padding)
    settings = config(folder)
    ids, mask = feeds["input_ids"], feeds["attention_mask"]
    if task in SEPARATED:
        random = numpy.random.default_rng(length)
        for row, seen in zip(ids.view(-1, length), mask.view(-1, length)):
            if seen.sum() < 3:
                # Too short to ask something.
                seen[:], row[:] = 1, 20
            row[row == settings["sep_token_id"]] = 20
            row[random.choice(seen.nonzero().flatten(), 3, replace=False)] = settings["sep_token_id"]
    if settings.get("type_vocab_size", 1) > 1:
        feeds["token_type_ids"] = torch.randint(2, ids.shape)
    return feeds


def run(session: InferenceSession, feeds: dict[str, Tensor]) -> list[Tensor]:
    known = {each.name for each in session.get_inputs()}
    assert known <= feeds.keys()
    made = session.run(None, {name: x.numpy() for name, x in feeds.items() if name in known})
    return [torch.from_numpy(each) for each in made]


def open_session(path: Path) -> InferenceSession:
    return InferenceSession(path, providers=["CPUExecutionProvider"])


def uneven_globals(mask: Tensor) -> dict[str, Tensor]:
    """Patterns of global tokens: uneven and without any in one row, on padding as well; one; all; none."""
    rows, length = mask.shape[0], mask.shape[-1]
    flat = mask.reshape(-1, length)
    some = (torch.rand(flat.shape, generator=torch.Generator().manual_seed(length)) < 0.2).long()
    some[1::3] = 0
    some[2::3, -1] = 1
    last = torch.zeros_like(flat)
    last[:, -1] = 1
    patterns = {"uneven": some, "last": last, "all": torch.ones_like(flat), "none": torch.zeros_like(flat)}
    assert rows > 1
    return {name: pattern.view(mask.shape) for name, pattern in patterns.items()}


def lengths(task: str) -> list[int]:
    return [length for length in LENGTHS if task not in SEPARATED or length >= 9]


@pytest.mark.parametrize("model_type,task", CASES)
def test_optimum_gives_what_transformers_gives(model_type: str, task: str) -> None:
    folder = longformer(model_type, AUTO[task])
    files = sorted(folder.rglob("*"))
    client = getattr(optimum.onnxruntime, f"ORTModelFor{task}").from_pretrained(folder)
    assert sorted(folder.rglob("*")) == files, "it exported the model anew"
    expected = getattr(transformers, AUTO[task]).from_pretrained(folder, dtype=torch.float32).eval()
    assert type(expected).__name__.startswith("Longformer")
    worst = {}
    for length, padding in product(lengths(task), ["right", "left"]):
        feeds = inputs(folder, task, length, padding)
        worst[length, padding] = difference(outputs(client, feeds, task), outputs(expected, feeds, task))
    print(f"{model_type} {task}: {max(worst.values()):.1e}")
    assert {case: error for case, error in worst.items() if error > TOLERANCE} == {}


@pytest.mark.parametrize("windows", ["4", SMALL, "64"])
@pytest.mark.parametrize("task", AUTO)
def test_any_global_tokens(task: str, windows: str) -> None:
    # The fixture's projections of global tokens are no copies of the ordinary ones.
    folder = longformer("longformer", AUTO[task], "--global-attention", "input", windows=windows)
    session = open_session(graph(folder))
    assert [each.name for each in session.get_inputs()] == ["input_ids", "attention_mask", "global_attention_mask"]
    expected = getattr(transformers, AUTO[task]).from_pretrained(folder, dtype=torch.float32).eval()
    worst = {}
    for length, padding in product([2, 8, 17, 33, 64, 101, 300], ["right", "left"]):
        feeds = ordinary_inputs(folder, task, length, padding)
        seen = feeds["attention_mask"] == 1
        for name, pattern in uneven_globals(feeds["attention_mask"]).items():
            given = feeds | {"global_attention_mask": pattern}
            computed = [each[seen] if task in PER_TOKEN else each for each in run(session, given)]
            worst[length, padding, name] = difference(computed, outputs(expected, given, task))
    print(f"{task} {windows}: {max(worst.values()):.1e}")
    assert {case: error for case, error in worst.items() if error > TOLERANCE} == {}


# LED

every_led = pytest.mark.parametrize("model_type,padding", list(product(["led", "bart"], ["right", "left"])))


def led(model_type: str, *flags: str) -> Path:
    return longformer(model_type, "AutoModelForSeq2SeqLM", *flags)


def led_model(folder: Path) -> Any:
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    assert type(model).__name__ == "LEDForConditionalGeneration"
    return model


def led_inputs(folder: Path, length: int, padding: str) -> dict[str, Tensor]:
    settings = config(folder) | {"model_type": "led"}
    pad = settings["pad_token_id"]
    torch.manual_seed(length)
    kept = torch.tensor([length, (length + 1) // 2, 1]).unsqueeze(1)
    at = torch.arange(length).expand(3, -1)
    mask = (at < kept if padding == "right" else at >= length - kept).long()
    ids = torch.randint(8, settings["vocab_size"], (3, length))
    return {"input_ids": torch.where(mask == 1, ids, pad), "attention_mask": mask}


def led_difference(folder: Path, sessions: list[InferenceSession], model: Any, feeds: dict[str, Tensor]) -> float:
    """Of encoder states and teacher-forced logits."""
    decoder_ids = torch.randint(8, 60, (3, 11), generator=torch.Generator().manual_seed(5))
    decoder_ids[:, 0] = config(folder)["decoder_start_token_id"]
    [states] = run(sessions[0], feeds)
    mask = feeds["attention_mask"]
    given = {"encoder_attention_mask": mask, "encoder_hidden_states": states, "input_ids": decoder_ids}
    logits = run(sessions[1], given)[0]
    with torch.no_grad():
        expected = model(**feeds, decoder_input_ids=decoder_ids)
    seen = mask == 1
    wanted = [expected.encoder_last_hidden_state[seen], expected.logits]
    return difference([states[seen], logits], wanted)


def led_sessions(folder: Path) -> list[InferenceSession]:
    return [open_session(folder / "onnx" / f"{name}_model.onnx") for name in ("encoder", "decoder")]


@every_led
def test_led_gives_what_transformers_gives(model_type: str, padding: str) -> None:
    folder = led(model_type)
    sessions, model = led_sessions(folder), led_model(folder)
    worst = {
        length: led_difference(folder, sessions, model, led_inputs(folder, length, padding)) for length in LENGTHS
    }
    print(f"{model_type} {padding}: {max(worst.values()):.1e}")
    assert {length: error for length, error in worst.items() if error > TOLERANCE} == {}


@every_led
def test_any_global_tokens_of_led(model_type: str, padding: str) -> None:
    folder = led(model_type, "--global-attention", "input")
    sessions, model = led_sessions(folder), led_model(folder)
    worst = {}
    for length in [2, 8, 17, 33, 64, 101, 300]:
        feeds = led_inputs(folder, length, padding)
        for name, pattern in uneven_globals(feeds["attention_mask"]).items():
            given = feeds | {"global_attention_mask": pattern}
            worst[length, name] = led_difference(folder, sessions, model, given)
    print(f"{model_type} {padding}: {max(worst.values()):.1e}")
    assert {case: error for case, error in worst.items() if error > TOLERANCE} == {}


@pytest.mark.parametrize("beams", [1, 3])
@every_led
def test_optimum_writes_with_led_what_transformers_writes(model_type: str, padding: str, beams: int) -> None:
    folder = led(model_type)
    client = optimum.onnxruntime.ORTModelForSeq2SeqLM.from_pretrained(folder)
    model = led_model(folder)
    search = {"do_sample": False, "num_beams": beams, "max_new_tokens": 12, "no_repeat_ngram_size": 1}
    for length in (7, 33, 300):
        feeds = led_inputs(folder, length, padding)
        assert torch.equal(client.generate(**feeds, **search), model.generate(**feeds, **search)), length
