"""Transformers.js, in Node and in Chromium, tokenises and computes as Python's tokenizers and ONNX Runtime do."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import pytest
from folders import MAX_LENGTH, converted, fixture, graph, minilm
from onnxruntime import InferenceSession
from transformers import AutoTokenizer

JS = Path(__file__).parent / "js"
LENGTHS = [40, 600, MAX_LENGTH]
TOLERANCE = 1e-4
"""Of the output's scale."""

SHARED = {"subfolder": ""}
"""With shared weights the graph is not in onnx/."""
SHARED_IN_BROWSER = {
    **SHARED,
    "session_options": {"externalData": [{"path": "model.safetensors", "data": "model.safetensors"}]},
}


@cache
def tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)


def text(folder: Path, length: int, word: str, start: str) -> str:
    """A text of so many tokens; for the greatest length a longer one, which a client has to cut."""
    words = length if length == MAX_LENGTH else length - len(tokenizer(folder)(start)["input_ids"])
    grown = start + f" {word}" * words
    tokens = len(tokenizer(folder)(grown, verbose=False)["input_ids"])
    assert tokens > length if length == MAX_LENGTH else tokens == length
    return grown


def python(folder: Path, content: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Ids and output of each token of one text: (tokens), (tokens, width)."""
    session = InferenceSession(graph(folder), providers=["CPUExecutionProvider"])
    # Transformers.js cuts a text after it has put the special tokens around it: the last one is lost.
    encoded = {name: [ids[:MAX_LENGTH]] for name, ids in tokenizer(folder)(content, verbose=False).items()}
    # A sentence-transformers model's graph gives the whole text's vector too, after its tokens'.
    [name] = {each.name for each in session.get_outputs()} & {"last_hidden_state", "logits"}
    [output] = session.run([name], {each.name: encoded[each.name] for each in session.get_inputs()})
    return numpy.array(encoded["input_ids"][0]), output[0]


def javascript(script: str, folder: Path, output: Path, job: dict[str, Any]) -> None:
    """Runs a pipeline over texts; what it gives for each is written to `output`."""
    (output / "job.json").write_text(json.dumps(job))
    command = ["node", JS / script, folder, output / "job.json", output]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check_features(script: str, output: Path, weights: str, lengths: list[int], options: dict[str, Any]) -> None:
    folder = converted(minilm(), "--onnx-weights", weights)
    texts = [text(folder, length, "river", "the river rises in the mountains:") for length in lengths]
    javascript(script, folder, output, {"task": "feature-extraction", "texts": texts, "options": options})
    for i, length in enumerate(lengths):
        _, expected = python(folder, texts[i])
        actual = numpy.fromfile(output / f"{i}.f32", numpy.float32).reshape(-1, expected.shape[1])
        assert actual.shape == expected.shape == (length, expected.shape[1])
        error = numpy.abs(actual - expected).max() / numpy.abs(expected).max()
        print(f"{length} tokens: {error:.1e}")
        assert error <= TOLERANCE


def check_fill_mask(script: str, output: Path, model_type: str, lengths: list[int], options: dict[str, Any]) -> None:
    folder = converted(fixture(model_type))
    mask = tokenizer(folder).mask_token
    texts = [text(folder, length, "the", f"the {mask} of") for length in lengths]
    javascript(script, folder, output, {"task": "fill-mask", "texts": texts, "options": options})
    for i, content in enumerate(texts):
        ids, logits = python(folder, content)
        scores = numpy.exp(logits[ids == tokenizer(folder).mask_token_id][0].astype(numpy.float64))
        scores /= scores.sum()
        best = numpy.argsort(-scores)[:5]
        found = json.loads((output / f"{i}.json").read_text())
        assert [each["token"] for each in found] == list(best)
        error = numpy.abs(numpy.array([each["score"] for each in found]) - scores[best]).max()
        print(f"{len(ids)} tokens: {error:.1e}")
        assert error <= TOLERANCE


@pytest.mark.parametrize(
    "weights,lengths,options",
    [("embedded", LENGTHS, {}), ("external", [600], {}), ("shared", [600], SHARED)],
)
def test_features_in_node(tmp_path: Path, weights: str, lengths: list[int], options: dict[str, Any]) -> None:
    check_features("in-node.js", tmp_path, weights, lengths, {"device": "cpu", **options})


@pytest.mark.parametrize("model_type", ["albert", "roberta"])
def test_fill_mask_in_node(tmp_path: Path, model_type: str) -> None:
    check_fill_mask("in-node.js", tmp_path, model_type, LENGTHS, {"device": "cpu"})


@pytest.mark.parametrize(
    "weights,lengths,options",
    [("external", LENGTHS, {}), ("embedded", [40], {}), ("shared", [40], SHARED_IN_BROWSER)],
)
def test_features_in_chromium_on_wasm(
    tmp_path: Path, weights: str, lengths: list[int], options: dict[str, Any]
) -> None:
    check_features("in-browser.js", tmp_path, weights, lengths, {"device": "wasm", **options})


def test_fill_mask_in_chromium_on_wasm(tmp_path: Path) -> None:
    check_fill_mask("in-browser.js", tmp_path, "albert", LENGTHS, {"device": "wasm"})


def test_features_in_chromium_on_webgpu(tmp_path: Path) -> None:
    check_features("in-browser.js", tmp_path, "external", [600], {"device": "webgpu"})


def test_fill_mask_in_chromium_on_webgpu(tmp_path: Path) -> None:
    check_fill_mask("in-browser.js", tmp_path, "roberta", [40, 600], {"device": "webgpu"})
