"""The snippets of docs/onnx.md and docs/wikihop.md run as they stand; those for a page stand in the page that the other
tests open."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from folders import ROOT, fixture, minilm

JS = Path(__file__).parent / "js"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


Run = Callable[..., str]


def blocks_of(page: str) -> dict[str, list[str]]:
    """The code of a page of docs/, by language."""
    blocks: dict[str, list[str]] = {}
    for language, code in BLOCK.findall((ROOT / "docs" / page).read_text()):
        blocks.setdefault(language, []).append(code)
    return blocks


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command in a folder that has `lsg` and models under the names that the pages have."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "lsg").symlink_to(ROOT / "bin" / "lsg.js")
    (tmp_path / "node_modules").symlink_to(JS / "node_modules")
    # The small fixtures answer to the names of their large relatives.
    models = {
        "all-MiniLM-L6-v2": minilm(),
        "bart-large-cnn": fixture("bart"),
        "pegasus-xsum": fixture("pegasus"),
        "roberta-base": fixture("roberta"),
    }
    for name, folder in models.items():
        (tmp_path / name).symlink_to(folder)

    def command(*words: str) -> str:
        environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}\n{done.stderr}"
        return done.stdout

    return command


def test_snippets(tmp_path: Path, run: Run) -> None:
    blocks = blocks_of("onnx.md")
    assert list(blocks) == ["sh", "python", "js", "html"]
    run("bash", "-euo", "pipefail", "-c", "".join(blocks["sh"]))
    # As one script, which imports transformers once.
    run(sys.executable, "-c", "".join(blocks["python"]))
    for code in blocks["js"]:
        # Modules are looked for from a file's folder.
        (tmp_path / "snippet.mjs").write_text(code)
        run("node", "snippet.mjs")
    page = (JS / "page" / "index.html").read_text()
    assert [line for code in blocks["html"] for line in code.splitlines() if line.strip() not in page] == []


def test_wikihop(tmp_path: Path, run: Run) -> None:
    blocks = blocks_of("wikihop.md")
    assert list(blocks) == ["sh", "json", "python", "text"]
    convert, export, answer, ours = blocks["sh"]
    [train] = blocks["python"]
    # Questions, each page's own and the fixture's.
    questions = [*json.loads(blocks["json"][0]), *json.loads((ROOT / "fixtures/wikihop/questions.json").read_text())]
    for name in ("train.json", "dev.json"):
        (tmp_path / name).write_text(json.dumps(questions[:3]))
    for name in ("docs", "fixtures"):
        (tmp_path / name).symlink_to(ROOT / name)

    def shell(code: str) -> str:
        return run("bash", "-euo", "pipefail", "-c", code)

    shell(convert)
    assert train.count("range(5)") == 1
    run(sys.executable, "-c", train.replace("range(5)", "range(1)"))
    shell(export)
    assert "of 3)" in shell(answer)
    assert blocks["text"][0].splitlines()[-1] in shell(ours)
