"""The snippets of the docs run as they stand; those for a page stand in the page that the other tests open."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from folders import PYLATE, ROOT, fixture, minilm

JS = Path(__file__).parent / "js"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


# The small fixtures answer to the names of their large relatives.
SENTENCE = ROOT / "fixtures" / "sentence-transformers"
MODELS = {
    "all-MiniLM-L6-v2": minilm,
    "bart-large-cnn": lambda: fixture("bart"),
    "pegasus-xsum": lambda: fixture("pegasus"),
    "roberta-base": lambda: fixture("roberta"),
    "ms-marco-reranker": lambda: SENTENCE / "cross-encoder",
    "answerai-colbert": lambda: SENTENCE / "pylate",
}


def snippets(page: str) -> dict[str, list[str]]:
    blocks: dict[str, list[str]] = {}
    for language, code in BLOCK.findall((ROOT / "docs" / page).read_text()):
        blocks.setdefault(language, []).append(code)
    return blocks


def run(folder: Path, *command: str) -> str:
    """What a command prints that is run where the models are."""
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    environment["HF_MODULES_CACHE"] = str(folder / "modules")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "lsg").symlink_to(ROOT / "bin" / "lsg.js")
    (tmp_path / "node_modules").symlink_to(JS / "node_modules")
    for name, path in MODELS.items():
        (tmp_path / name).symlink_to(path())
    return tmp_path


def test_onnx(folder: Path) -> None:
    blocks = snippets("onnx.md")
    assert list(blocks) == ["sh", "python", "js", "html"]
    run(folder, "bash", "-euo", "pipefail", "-c", "".join(blocks["sh"]))
    # As one script, which imports transformers once.
    run(folder, sys.executable, "-c", "".join(blocks["python"]))
    for code in blocks["js"]:
        # Modules are looked for from a file's folder.
        (folder / "snippet.mjs").write_text(code)
        run(folder, "node", "snippet.mjs")
    page = (JS / "page" / "index.html").read_text()
    assert [line for code in blocks["html"] for line in code.splitlines() if line.strip() not in page] == []


def test_wikihop(folder: Path) -> None:
    blocks = snippets("wikihop.md")
    assert list(blocks) == ["sh", "json", "python", "text"]
    convert, export, answer, ours = blocks["sh"]
    [train] = blocks["python"]
    # Questions: the page's own, and two of the fixture's.
    questions = [*json.loads(blocks["json"][0]), *json.loads((ROOT / "fixtures/wikihop/questions.json").read_text())]
    for name in ("train.json", "dev.json"):
        (folder / name).write_text(json.dumps(questions[:3]))
    for name in ("docs", "fixtures"):
        (folder / name).symlink_to(ROOT / name)

    def shell(code: str) -> str:
        return run(folder, "bash", "-euo", "pipefail", "-c", code)

    shell(convert)
    assert train.count("range(5)") == 1
    run(folder, sys.executable, "-c", train.replace("range(5)", "range(1)"))
    shell(export)
    assert "of 3)" in shell(answer)
    assert blocks["text"][0].splitlines()[-1] in shell(ours)


def test_sentence_transformers(folder: Path) -> None:
    blocks = snippets("sentence-transformers.md")
    assert list(blocks) == ["sh", "python"]
    run(folder, "bash", "-euo", "pipefail", "-c", "".join(blocks["sh"]))
    *others, late = blocks["python"]
    run(folder, sys.executable, "-c", "".join(others))
    run(folder, str(PYLATE), "-c", late)
