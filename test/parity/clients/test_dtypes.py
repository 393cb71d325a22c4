"""Graphs in float16, 8 and 4 bits: what they lose of real models, and that clients open them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy
import pytest
from folders import ROOT, converted, minilm
from onnx.reference import ReferenceEvaluator
from onnxruntime import InferenceSession
from test_transformers_js import javascript, text, tokenizer

ALL = ("--onnx", "fp32,fp16,q8,q4")
SHAKESPEARE = ROOT / "fixtures" / "shakespeare"
FILES = {"fp16": "model_fp16.onnx", "q8": "model_quantized.onnx", "q4": "model_q4.onnx"}
LENGTHS = [40, 600, 1500]

Arrays = dict[str, numpy.ndarray]


def run(folder: Path, file: str, feeds: Arrays) -> numpy.ndarray:
    session = InferenceSession(folder / "onnx" / file, providers=["CPUExecutionProvider"])
    output, *_ = session.run(None, {each.name: feeds[each.name] for each in session.get_inputs()})
    assert output.dtype == numpy.float32
    return output


def rows(folder: Path, content: str, length: int) -> Arrays:
    """Three rows out of a text, each with the special tokens around it."""
    ids = tokenizer(folder)(content, add_special_tokens=False, verbose=False)["input_ids"]
    first, last = tokenizer(folder)("")["input_ids"]
    starts = numpy.linspace(0, len(ids) - length, 3).astype(int)
    input_ids = numpy.array([[first, *ids[start : start + length - 2], last] for start in starts])
    return {
        "input_ids": input_ids,
        "attention_mask": numpy.ones_like(input_ids),
        "token_type_ids": numpy.zeros_like(input_ids),
    }


def cosines(a: numpy.ndarray, b: numpy.ndarray) -> numpy.ndarray:
    return (a * b).sum(-1) / numpy.linalg.norm(a, axis=-1) / numpy.linalg.norm(b, axis=-1)


def prose() -> str:
    """English of a kind that a sentence model may well be given."""
    return (Path(__file__).parent / "apache-2.0.txt").read_text()


def lines() -> str:
    """Lines of plays, a word masked in each, as many times as a long text needs."""
    log = (ROOT / "fixtures" / "generate" / "shakespeare.log").read_text()
    return " ".join(re.findall(r"^(.*<mask>.*) -> ", log, flags=re.M) * 12)


@pytest.mark.parametrize("dtype,tokens,sentence", [("fp16", 0.99999, 0.99999), ("q8", 0.99, 0.99), ("q4", 0.96, 0.95)])
def test_loss_of_minilm(dtype: str, tokens: float, sentence: float) -> None:
    folder = converted(minilm(), *ALL)
    for length in LENGTHS:
        feeds = rows(folder, prose(), length)
        expected, actual = (run(folder, file, feeds) for file in ("model.onnx", FILES[dtype]))
        by_token, pooled = cosines(expected, actual), cosines(expected.mean(1), actual.mean(1))
        print(f"{dtype}, {length} tokens: cosine {by_token.mean():.5f} a token, {pooled.mean():.5f} a text")
        assert by_token.mean() >= tokens
        assert pooled.min() >= sentence


@pytest.mark.parametrize("dtype,cosine,agreement", [("fp16", 0.999999, 0.99), ("q8", 0.9995, 0.94), ("q4", 0.995, 0.78)])
def test_loss_of_shakespeare(dtype: str, cosine: float, agreement: float) -> None:
    folder = converted(SHAKESPEARE, *ALL)
    for length in LENGTHS:
        feeds = rows(folder, lines(), length)
        expected, actual = (run(folder, file, feeds) for file in ("model.onnx", FILES[dtype]))
        same = (expected.argmax(-1) == actual.argmax(-1)).mean()
        print(f"{dtype}, {length} tokens: cosine {cosines(expected, actual).mean():.6f}, likeliest word {same:.3f}")
        assert cosines(expected, actual).mean() >= cosine
        assert same >= agreement


@pytest.mark.filterwarnings("error:overflow", "error:invalid value")
@pytest.mark.parametrize("sparsity", ["norm", "pooling", "bos_pooling", "lsh"])
def test_halves_do_not_overflow(sparsity: str) -> None:
    """onnx's own evaluator rounds every step to float16, as a GPU does and ONNX Runtime on a CPU does not."""
    flags = ["--preset", "reference", "--block-size", "16", "--sparse-block-size", "16", "--sparsity-factor", "4"]
    folder = converted(ROOT / "fixtures" / "roberta" / "checkpoint", *ALL, *flags, "--sparsity-type", sparsity)
    evaluator = ReferenceEvaluator(str(folder / "onnx" / FILES["fp16"]))
    for length in [8, 69]:
        input_ids = numpy.random.default_rng(1).integers(5, 96, (3, length))
        feeds = {"input_ids": input_ids, "attention_mask": numpy.ones_like(input_ids)}
        # A row that is padded on the right, and one on the left whose first tokens' keys are all hidden.
        feeds["attention_mask"][1, length // 2 :] = 0
        feeds["attention_mask"][2, : length // 3] = 0
        expected = run(folder, "model.onnx", feeds)
        [actual] = evaluator.run(None, feeds)
        assert numpy.isfinite(actual).all()
        visible = feeds["attention_mask"] == 1
        assert cosines(expected[visible], actual[visible]).mean() >= 0.9995


def check_in_client(script: str, output: Path, dtype: str, device: str, lengths: list[int]) -> None:
    """What another runtime makes of a graph is as near to float32 as what ONNX Runtime makes of it on this CPU."""
    folder = converted(minilm(), *ALL)
    texts = [text(folder, length, "river", "the river rises in the mountains:") for length in lengths]
    options = {"device": device, "dtype": dtype}
    javascript(script, folder, output, {"task": "feature-extraction", "texts": texts, "options": options})
    for i, length in enumerate(lengths):
        feeds = {name: numpy.array([ids]) for name, ids in tokenizer(folder)(texts[i], verbose=False).items()}
        expected, ours = (run(folder, file, feeds)[0] for file in ("model.onnx", FILES[dtype]))
        actual = numpy.fromfile(output / f"{i}.f32", numpy.float32).reshape(expected.shape)
        loss, own = 1 - cosines(expected, actual).mean(), 1 - cosines(expected, ours).mean()
        print(f"{dtype} on {device}, {length} tokens: 1 - cosine {loss:.1e}, on this CPU {own:.1e}")
        assert 0 < loss <= 1.5 * own + 1e-5


@pytest.mark.parametrize("dtype", FILES)
def test_in_node(tmp_path: Path, dtype: str) -> None:
    check_in_client("in-node.js", tmp_path, dtype, "cpu", [40, 600])


@pytest.mark.parametrize("dtype", FILES)
def test_in_chromium_on_wasm(tmp_path: Path, dtype: str) -> None:
    check_in_client("in-browser.js", tmp_path, dtype, "wasm", [40, 600])


def test_in_chromium_on_webgpu(tmp_path: Path) -> None:
    """q4 alone: SwiftShader has no 16-bit floats, and of q8 WebGPU leaves the products to the CPU."""
    check_in_client("in-browser.js", tmp_path, "q4", "webgpu", [40])


def test_clients_choose_by_themselves() -> None:
    """With float32 and q8 there is nothing to say: Transformers.js takes q8 in wasm and float32 elsewhere."""
    config = json.loads((converted(minilm(), *ALL) / "config.json").read_text())
    assert "transformers.js_config" not in config
