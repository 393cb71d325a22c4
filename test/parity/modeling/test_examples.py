"""The scripts of examples/, on tiny models and tiny data."""

from __future__ import annotations

import json
import random
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cases import REPOSITORY, converted, original
from safetensors.torch import load_file

EXAMPLES = REPOSITORY / "examples"
WORDS = list("abcdefghijklmnop")
"""The tiny tokenizers know letters."""


def text(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words))


def jsonl(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def in_windows(model_type: str, folder: Path) -> Path:
    """Converted to windows, for as many tokens as the other conversions."""
    options = ["--to", "windows", "--max-sequence-length", "2048", "--quiet"]
    command = ["node", REPOSITORY / "bin" / "lsg.js", "convert", original(model_type), folder, *options]
    subprocess.run(command, check=True)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name: x.float() for file in folder.glob("*.safetensors") for name, x in load_file(file).items()}


def scores(printed: str) -> dict[str, float]:
    """The last line that is a JSON object."""
    return json.loads([line for line in printed.splitlines() if line.startswith("{")][-1])


def test_they_are_short_and_each_is_run_here() -> None:
    tested = set(re.findall(r'"(\w+\.py)"', Path(__file__).read_text(encoding="utf-8")))
    files = {file.name: file.read_text(encoding="utf-8").splitlines() for file in EXAMPLES.glob("*.py")}
    assert files and set(files) <= tested
    assert {name: len(lines) for name, lines in files.items() if len(lines) > 120} == {}


@pytest.fixture
def books(tmp_path: Path) -> list[object]:
    """What masked_lm.py takes: a text that repeats itself, so that there is something to learn."""
    for name in ("train.txt", "test.txt"):
        (tmp_path / name).write_text(" ".join(WORDS * 80), encoding="utf-8")
    return ["--train", tmp_path / "train.txt", "--test", tmp_path / "test.txt", "--length", 600, "--minutes"]


@pytest.mark.parametrize("variant", ["lsg", "windows"])
def test_masked_lm(
    books: list[object],
    variant: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = converted("roberta", "faithful") if variant == "lsg" else in_windows("roberta", tmp_path / "source")
    out = tmp_path / "out"
    run(monkeypatch, "masked_lm.py", source, out, *books, 0.03, 0.06, "--learning-rate", 1e-2)
    losses = torch.load(out / "losses.pt")
    assert list(losses) == [0, 0.03, 0.06]
    assert losses[0.06].mean() < 0.9 * losses[0].mean(), capfd.readouterr().out
    assert (out / f"modeling_{variant}_roberta.py").exists()
    # Whatever the source has, nothing is trained in 16 bits.
    assert {x.dtype for x in load_file(out / "model.safetensors").values()} == {torch.float32}


def test_masked_lm_of_new_rows_leaves_all_others(
    books: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = converted("roberta", "faithful"), tmp_path / "out"
    limit = json.loads((source / "lsg_conversion.json").read_text())["max_sequence_length"]
    run(monkeypatch, "masked_lm.py", source, out, *books, 0.03, "--only", "new")
    before, after = weights(source), weights(out)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    table = "roberta.embeddings.position_embeddings.weight"
    assert {table} <= changed <= {table, "roberta.embeddings.global_embeddings.weight"}
    old = len(before[table]) - (limit["to"] - limit["from"])
    assert torch.equal(before[table][:old], after[table][:old])
    assert not torch.equal(before[table][old:], after[table][old:])


def test_classification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(0)
    # What the label is stands behind the old length.
    rows = [
        {"text": f"{text(rng, 520)} {letter * 200}", "label": label}
        for letter, label in [("x ", "water"), ("y ", "land")] * 4
    ]
    data = jsonl(tmp_path / "data.jsonl", rows)
    arguments = ["--length", 1024, "--epochs", 5, "--batch", 2, "--learning-rate", 1e-2]
    run(monkeypatch, "classification.py", converted("bert", "faithful"), tmp_path / "out", "--train", data, "--test", data, *arguments)  # fmt: skip
    printed = capfd.readouterr().out
    assert scores(printed)["eval_accuracy"] > 0.9
    # A loss that counted as often as gradients accumulate would be twice as large.
    [mean] = re.findall(r"'train_loss': '?([\d.]+)", printed)
    assert float(mean) < 1
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["label2id"] == {"land": 0, "water": 1}
    assert (tmp_path / "out" / "modeling_lsg_bert.py").exists()


def test_token_classification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rng, rows = random.Random(0), []
    tags = {"a": "B-PLACE", "b": "B-THING"}
    for _ in range(6):
        words = rng.choices("abcd", k=600)
        rows.append({"tokens": words, "ner_tags": [tags.get(word, "O") for word in words]})
    data = jsonl(tmp_path / "data.jsonl", rows)
    arguments = ["--length", 1024, "--epochs", 8, "--batch", 2, "--learning-rate", 1e-2]
    run(monkeypatch, "token_classification.py", converted("bert", "faithful"), tmp_path / "out", "--train", data, "--test", data, *arguments)  # fmt: skip
    assert scores(capfd.readouterr().out)["eval_f1"] > 0.9


def test_entities_are_counted_as_conll_does() -> None:
    entities = runpy.run_path(str(EXAMPLES / "token_classification.py"))["entities"]
    assert entities(["O", "B-X", "I-X", "B-X", "I-Y", "O", "I-Z"]) == {(1, 3, "X"), (3, 4, "X"), (4, 5, "Y"), (6, 7, "Z")}
    assert entities(["O", "O"]) == set()


@pytest.mark.parametrize("variant", ["lsg", "windows"])
def test_summarization(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(0)
    source = converted("bart", "faithful") if variant == "lsg" else in_windows("bart", tmp_path / "source")
    data = jsonl(tmp_path / "data.jsonl", [{"text": text(rng, 600), "summary": "a b c"}] * 4)
    arguments = ["--length", 1500, "--summary-length", 12, "--beams", 2, "--epochs", 2, "--batch", 2]
    run(monkeypatch, "summarization.py", source, tmp_path / "out", "--train", data, "--test", data, *arguments)
    assert 0 < scores(capfd.readouterr().out)["test_loss"] < 20
    assert len((tmp_path / "out" / "summaries.jsonl").read_text().splitlines()) == 4


def test_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(0)
    pairs = [{"query": word, "positive": f"{text(rng, 300)} {(word + ' ') * 300}"} for word in WORDS[:8]]
    data = jsonl(tmp_path / "data.jsonl", pairs)
    arguments = ["--length", 1024, "--epochs", 6, "--batch", 8, "--learning-rate", 5e-3]
    run(monkeypatch, "embeddings.py", converted("bert", "faithful"), tmp_path / "out", "--train", data, "--test", data, *arguments)  # fmt: skip
    losses = [float(value) for value in re.findall(r"loss ([\d.]+)", capfd.readouterr().out)]
    assert losses[-1] < 0.7 * losses[0]
    # The source has two files of weights; they are not to lie beside the new one.
    assert [file.name for file in (tmp_path / "out").glob("*.safetensors*")] == ["model.safetensors"]
    assert (tmp_path / "out" / "lsg_conversion.json").exists()
