"""sentence-transformers opens converted embedders and rerankers with either backend; PyLate opens ColBERTs."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import pytest
from folders import PYLATE, ROOT, converted, graph, minilm
from sentence_transformers import CrossEncoder, SentenceTransformer

HOME = ROOT / "fixtures" / "sentence-transformers"
SHORT = ["ab ca fa", "a", "books about a boat, away"]
LONG = ["ab fa " * 70, "away " * 200]
TOLERANCE = 1e-5

BACKENDS: dict[str, dict[str, Any]] = {"torch": {"trust_remote_code": True}, "onnx": {"backend": "onnx"}}


def fixture(name: str) -> Path:
    return converted(HOME / name, "--max-sequence-length", "256")


def error(actual: Any, expected: Any) -> float:
    found = float(numpy.abs(numpy.asarray(actual) - numpy.asarray(expected)).max())
    print(f"{found:.1e}")
    return found


@cache
def original(name: str) -> SentenceTransformer:
    return SentenceTransformer(str(HOME / name), device="cpu")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["nested", "modern"])
def test_embedders(name: str, backend: str) -> None:
    model = SentenceTransformer(str(fixture(name)), device="cpu", **BACKENDS[backend])
    assert model.max_seq_length == 256
    assert original(name).max_seq_length < 64
    assert model.prompts == original(name).prompts
    assert model.default_prompt_name == original(name).default_prompt_name
    assert error(model.encode(SHORT), original(name).encode(SHORT)) <= TOLERANCE
    prompt = {"prompt": "avons: "}
    # What is cut is not the same text any more.
    assert max(len(original(name).tokenizer(f"avons: {text}")["input_ids"]) for text in SHORT) <= 40
    assert error(model.encode(SHORT, **prompt), original(name).encode(SHORT, **prompt)) <= TOLERANCE


@pytest.mark.parametrize("name", ["nested", "modern"])
def test_long_texts_agree_between_backends(name: str) -> None:
    torch, onnx = (
        SentenceTransformer(str(fixture(name)), device="cpu", **options).encode(LONG)
        for options in BACKENDS.values()
    )
    assert numpy.isfinite(torch).all()
    assert error(onnx, torch) <= TOLERANCE


@pytest.mark.parametrize("backend", BACKENDS)
def test_rerankers(backend: str) -> None:
    pairs = [("ab", "fa ca"), ("where is the boat", "away"), ("a", "a b c d")]
    before = CrossEncoder(str(HOME / "cross-encoder"), device="cpu")
    after = CrossEncoder(str(fixture("cross-encoder")), device="cpu", **BACKENDS[backend])
    assert type(after.activation_fn).__name__ == type(before.activation_fn).__name__ == "Sigmoid"
    assert (before.max_seq_length, after.max_seq_length) == (64, 256)
    scores = after.predict(pairs)
    assert ((0 < scores) & (scores < 1)).all()
    assert error(scores, before.predict(pairs)) <= TOLERANCE
    assert numpy.isfinite(after.predict([("ab " * 60, "fa " * 60)])).all()


@pytest.mark.parametrize("name", ["colbert", "pylate"])
def test_colberts(name: str, tmp_path: Path) -> None:
    script = Path(__file__).parent / "pylate_vectors.py"
    outputs = []
    for folder in (HOME / name, fixture(name)):
        file = tmp_path / f"{len(outputs)}.npz"
        environment = {**os.environ, "HF_MODULES_CACHE": str(tmp_path)}
        command = [str(PYLATE), str(script), str(folder), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        outputs.append(numpy.load(file))
    before, after = outputs
    assert int(before["document_length"]) < 64
    assert int(after["document_length"]) == 256
    assert int(after["query_length"]) == int(before["query_length"]) == 12
    for key in (key for key in before if key.startswith("short")):
        assert error(after[key], before[key]) <= TOLERANCE
    assert before["long"].shape[0] <= 48
    assert after["long"].shape[0] == 256
    # The graph gives the same vectors, those of punctuation too, which PyLate leaves out.
    session = onnxruntime.InferenceSession(graph(fixture(name)))
    ids = after["ids"]
    feeds = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
    [vectors] = session.run(["output"], feeds)
    assert error(vectors, after["vectors"]) <= TOLERANCE


def test_minilm_has_its_embedding_in_the_graph() -> None:
    """Beside the tokens, which sentence-transformers pools itself."""
    model = SentenceTransformer(str(minilm()), device="cpu")
    session = onnxruntime.InferenceSession(graph(converted(minilm())))
    texts = ["A river.", "Was ist das?", "The river rises in the mountains and ends in the sea. " * 9]
    tokens = model.tokenizer(texts, padding=True, return_tensors="np")
    [embeddings] = session.run(["sentence_embedding"], {key: tokens[key] for key in tokens})
    assert error(embeddings, model.encode(texts)) <= TOLERANCE
    config = json.loads((converted(minilm()) / "sentence_bert_config.json").read_text())
    assert config["max_seq_length"] == 4096
