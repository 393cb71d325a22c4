"""Without trust_remote_code=True clients that would run another class refuse; the plain one can be had."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from folders import PYLATE, converted
from folders import fixture as checkpoint
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder
from test_sentence_models import HOME, SHORT, TOLERANCE, error, fixture, original

NEEDS_CODE = "lsg_needs_trust_remote_code"
PLAIN = {"config_kwargs": {"_attn_implementation": "eager"}}
"""As the model card says."""


def refuses(opening: Callable[[], Any]) -> bool:
    try:
        opening()
    except ValueError as raised:
        return NEEDS_CODE in str(raised)
    return False


@pytest.mark.parametrize("name", ["nested", "modern"])
def test_embedders(name: str, tmp_path: Path) -> None:
    folder = str(fixture(name))
    assert refuses(lambda: SentenceTransformer(folder, device="cpu"))
    # What docs/convert.md says of another attention.
    for options in (PLAIN, {"model_kwargs": {"attn_implementation": "eager"}}):
        plain = SentenceTransformer(folder, device="cpu", **options)
        assert type(plain[0].auto_model).__name__ == "BertModel"
        assert error(plain.encode(SHORT), original(name).encode(SHORT)) <= TOLERANCE
    ours = SentenceTransformer(folder, device="cpu", trust_remote_code=True)
    assert type(ours[0].auto_model).__name__ == "LSGBertModel"
    saved = str(tmp_path / "fine-tuned-v1.5")
    ours.save(saved)
    assert refuses(lambda: SentenceTransformer(saved, device="cpu"))
    again = SentenceTransformer(saved, device="cpu", trust_remote_code=True)
    assert error(again.encode(SHORT), ours.encode(SHORT)) <= TOLERANCE


def test_rerankers() -> None:
    folder, pairs = str(fixture("cross-encoder")), [("ab", "fa ca"), ("where is the boat", "away")]
    assert refuses(lambda: CrossEncoder(folder, device="cpu"))
    before = CrossEncoder(str(HOME / "cross-encoder"), device="cpu")
    plain = CrossEncoder(folder, device="cpu", **PLAIN)
    assert error(plain.predict(pairs), before.predict(pairs)) <= TOLERANCE


def test_sparse_encoders() -> None:
    folder = str(converted(checkpoint("bert"), "--architecture", "BertForMaskedLM"))
    assert refuses(lambda: SparseEncoder(folder, device="cpu"))
    plain = SparseEncoder(folder, device="cpu", **PLAIN)
    before = SparseEncoder(str(checkpoint("bert")), device="cpu")
    expected = before.encode(SHORT).to_dense()
    assert error(plain.encode(SHORT).to_dense(), expected) <= TOLERANCE * float(expected.abs().max())


@pytest.mark.parametrize("name", ["colbert", "pylate"])
def test_colberts(name: str, tmp_path: Path) -> None:
    def run(options: str) -> tuple[int, str]:
        program = f"from pylate.models import ColBERT\nColBERT({str(fixture(name))!r}, device='cpu'{options})"
        environment = {**os.environ, "HF_MODULES_CACHE": str(tmp_path)}
        done = subprocess.run([str(PYLATE), "-c", program], capture_output=True, text=True, env=environment)
        return done.returncode, done.stderr

    code, said = run("")
    assert code != 0
    assert f'ValueError: Specified `attn_implementation="{NEEDS_CODE}"` is not supported' in said
    for options in (f", **{PLAIN}", ", trust_remote_code=True"):
        code, said = run(options)
        assert code == 0, said
