"""Vectors of a ColBERT as PyLate gives them: python pylate_vectors.py FOLDER FILE.npz"""

from __future__ import annotations

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy
import torch
from pylate.models import ColBERT
from torch.nn import functional as F

folder, file = sys.argv[1:]
texts = ["ab ca fa", "a", "where is the boat? "]
model = ColBERT(folder, device="cpu", trust_remote_code=True).eval()
short = {
    f"short-{kind}-{i}": vectors
    for kind, is_query in (("query", True), ("document", False))
    for i, vectors in enumerate(model.encode(texts, is_query=is_query))
}
[long] = model.encode(["ab fa " * 140], is_query=False)
features = model.tokenize(["where is the boat away"], is_query=False)
with torch.no_grad():
    vectors = F.normalize(model(dict(features))["token_embeddings"], dim=-1)
numpy.savez(
    file,
    **short,
    long=long,
    ids=features["input_ids"].numpy(),
    vectors=vectors.numpy(),
    query_length=model.query_length,
    document_length=model.document_length,
)
