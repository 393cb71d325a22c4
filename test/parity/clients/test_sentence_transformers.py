"""sentence-transformers opens a converted all-MiniLM-L6-v2, the real one, with either backend."""

from __future__ import annotations

import numpy
import pytest
from folders import MAX_LENGTH, converted, minilm
from optimum.onnxruntime import ORTModelForFeatureExtraction
from sentence_transformers import SentenceTransformer

SHORT = ["A river.", "Was ist das?", "The river rises in the mountains and ends in the sea. " * 9]
LONG = ["the river rises in the mountains " * 500, "a song of ice " * 750]
TOLERANCE = 1e-5


def open_folder(weights: str) -> SentenceTransformer:
    folder = converted(minilm(), "--onnx-weights", weights)
    files = sorted(folder.rglob("*"))
    model = SentenceTransformer(str(folder), backend="onnx", device="cpu")
    assert sorted(folder.rglob("*")) == files, "it exported the model anew"
    assert isinstance(model[0].auto_model, ORTModelForFeatureExtraction)
    return model


@pytest.mark.parametrize("weights", ["embedded", "external", "shared"])
def test_short_texts_have_the_original_embeddings(weights: str) -> None:
    expected = SentenceTransformer(str(minilm()), device="cpu").encode(SHORT)
    error = numpy.abs(open_folder(weights).encode(SHORT) - expected).max()
    print(f"{weights}: {error:.1e}")
    assert error <= TOLERANCE


def test_short_texts_have_the_original_embeddings_in_pytorch_too() -> None:
    expected = SentenceTransformer(str(minilm()), device="cpu").encode(SHORT)
    folder = str(converted(minilm(), "--onnx-weights", "embedded"))
    actual = SentenceTransformer(folder, device="cpu", trust_remote_code=True).encode(SHORT)
    error = numpy.abs(actual - expected).max()
    print(f"{error:.1e}")
    assert error <= TOLERANCE


def test_long_texts_have_the_embeddings_of_our_pytorch_code() -> None:
    model = open_folder("embedded")
    assert model.max_seq_length == MAX_LENGTH
    assert all(len(ids) >= 3000 for ids in model.tokenizer(LONG, verbose=False)["input_ids"])
    folder = str(converted(minilm(), "--onnx-weights", "embedded"))
    expected = SentenceTransformer(folder, device="cpu", trust_remote_code=True).encode(LONG)
    error = numpy.abs(model.encode(LONG) - expected).max()
    print(f"{error:.1e}")
    assert error <= TOLERANCE
