"""optimum and Transformers.js generate, token by token, what generate() gives in PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from folders import MAX_LENGTH, config, converted, fixture
from generations import MODELS, ORIGINALS, Case, folder_of, inputs, sequences, source
from optimum.onnxruntime import ORTModelForSeq2SeqLM
from test_transformers_js import SHARED, javascript
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer


def up_to_end(rows: list[list[int]], end: int) -> list[list[int]]:
    """Rows up to the end-of-sequence token, with which decoders may begin, too. What follows is the client's affair:
    for padding of id 0 the beam search of transformers 4.57 takes that token, and Transformers.js goes on with a row
    for as long as another goes on."""
    return [row[: row.index(end, 1) + 1] for row in rows]


# optimum

OTHER_SEARCH = ("pegasus", "mask-first-token-beam", 65)
"""Where it shows that transformers 4.57 may end a beam search sooner, in PyTorch too, than 4.40, which gave the ids."""


def check_optimum(folder: Path, cases: list[Case], **options: Any) -> None:
    client = ORTModelForSeq2SeqLM.from_pretrained(folder, **options)
    assert (client.decoder_with_past is None) == options.get("use_merged", True)
    end = client.config.eos_token_id
    for case in cases:
        for length in case["lengths"]:
            ids = client.generate(**inputs(case, length), **case["generate"])
            if (case["model_type"], case["name"], length) == OTHER_SEARCH:
                continue
            expected = sequences(case, length)
            assert ids.shape == expected.shape
            found, expected = up_to_end(ids.tolist(), end), up_to_end(expected.tolist(), end)
            assert found == expected, f"{case['name']}, {length} tokens, {options}"


@pytest.mark.parametrize("name", MODELS)
def test_optimum(name: str) -> None:
    folder = folder_of(name)
    files = sorted(folder.rglob("*"))
    for use_merged in (True, False):
        check_optimum(folder, MODELS[name], use_merged=use_merged)
    assert sorted(folder.rglob("*")) == files, "it exported the model anew"


@pytest.mark.parametrize("name", ORIGINALS)
def test_optimum_generates_with_a_faithful_conversion_what_the_original_does(name: str) -> None:
    check_optimum(converted(source(name)), MODELS[name])


@pytest.mark.parametrize("model_type", ["bart", "mbart", "pegasus"])
def test_optimum_generates_beyond_the_originals_length_what_our_pytorch_code_does(model_type: str) -> None:
    folder = converted(fixture(model_type))
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, trust_remote_code=True, dtype=torch.float32).eval()
    client = ORTModelForSeq2SeqLM.from_pretrained(folder)
    for case in MODELS[f"{model_type}-kept-long"]:
        for length in case["lengths"]:
            feeds = {**inputs(case, length), **case["generate"]}
            assert client.generate(**feeds).tolist() == model.generate(**feeds).tolist(), f"{length} tokens"


@pytest.mark.parametrize("weights", ["external", "shared"])
def test_optimum_with_weights_outside(weights: str) -> None:
    name = "bart-passed-long"
    folder = folder_of(name, "--onnx-weights", weights)
    for use_merged in (True, False):
        check_optimum(folder, MODELS[name], use_merged=use_merged)


# Transformers.js


def known_to_js(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Options with which it opens a folder: it doesn't know Pegasus, whose graphs are fed as BART's are."""
    settings = config(folder)
    return {**options, "config": {**settings, "model_type": "bart"}} if settings["model_type"] == "pegasus" else options


def check_transformers_js(
    script: str, output: Path, folder: Path, cases: list[Case], options: dict[str, Any], generate: dict[str, Any] = {}
) -> None:
    """Greedy cases, whose arguments are the same."""
    runs = [(case, length) for case in cases if case["generate"]["num_beams"] == 1 for length in case["lengths"]]
    batches = [{name: ids.tolist() for name, ids in inputs(*run).items()} for run in runs]
    arguments = {**cases[0]["generate"], "num_beams": 1, **generate}
    job = {"task": "generate", "batches": batches, "options": known_to_js(folder, options), "generate": arguments}
    javascript(script, folder, output, job)
    end = config(folder)["eos_token_id"]
    for i, (case, length) in enumerate(runs):
        found = up_to_end(json.loads((output / f"{i}.json").read_text()), end)
        assert found == up_to_end(sequences(case, length).tolist(), end), f"{case['name']}, {length} tokens"


@pytest.mark.parametrize("name", MODELS)
def test_transformers_js_in_node(tmp_path: Path, name: str) -> None:
    check_transformers_js("in-node.js", tmp_path, folder_of(name), MODELS[name], {"device": "cpu"})


@pytest.mark.parametrize("weights,options", [("external", {}), ("shared", SHARED)])
def test_transformers_js_in_node_with_weights_outside(tmp_path: Path, weights: str, options: dict[str, Any]) -> None:
    name = "bart-passed-long"
    folder = folder_of(name, "--onnx-weights", weights)
    check_transformers_js("in-node.js", tmp_path, folder, MODELS[name], {"device": "cpu", **options})


def test_transformers_js_in_chromium_on_wasm(tmp_path: Path) -> None:
    name = "bart-passed-long"
    folder = folder_of(name, "--onnx-weights", "external")
    check_transformers_js("in-browser.js", tmp_path, folder, MODELS[name], {"device": "wasm"})


@pytest.mark.parametrize("model_type", ["bart", "mbart", "pegasus"])
def test_transformers_js_summarizes(tmp_path: Path, model_type: str) -> None:
    folder = converted(fixture(model_type))
    texts = ["the river rises in the mountains " * times for times in (1, 60, 1000)]
    arguments = {"max_new_tokens": 20, "num_beams": 1}
    job = {"task": "summarization", "texts": texts, "options": known_to_js(folder, {"device": "cpu"})}
    javascript("in-node.js", folder, tmp_path, {**job, "generate": arguments})

    tokenizer = AutoTokenizer.from_pretrained(folder)
    client = ORTModelForSeq2SeqLM.from_pretrained(folder)
    for i, content in enumerate(texts):
        # See test_transformers_js.py for what becomes of a longer one.
        ids = torch.tensor([tokenizer(content, verbose=False)["input_ids"][:MAX_LENGTH]])
        assert (i == 2) == (ids.shape[1] == MAX_LENGTH)
        generated = client.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **arguments)
        [found] = json.loads((tmp_path / f"{i}.json").read_text())
        assert found["summary_text"] == tokenizer.decode(generated[0], skip_special_tokens=True)


def test_transformers_js_searches_greedily_however_many_beams_it_is_given(tmp_path: Path) -> None:
    """It takes the best token of each step. Once it searches with beams, docs/onnx.md has to say so."""
    name = "mbart-passed"
    check_transformers_js("in-node.js", tmp_path, folder_of(name), MODELS[name], {"device": "cpu"}, {"num_beams": 3})
