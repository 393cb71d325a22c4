"""The snippets of docs/onnx.md run as they stand; those for a page stand in the page that the other tests open."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from folders import ROOT, fixture, minilm

JS = Path(__file__).parent / "js"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_snippets(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "lsg").symlink_to(ROOT / "bin" / "lsg.js")
    (tmp_path / "node_modules").symlink_to(JS / "node_modules")
    # The small fixtures answer to the names of their large relatives.
    models = {"all-MiniLM-L6-v2": minilm(), "bart-large-cnn": fixture("bart"), "pegasus-xsum": fixture("pegasus")}
    for name, folder in models.items():
        (tmp_path / name).symlink_to(folder)
    blocks: dict[str, list[str]] = {}
    for language, code in BLOCK.findall((ROOT / "docs" / "onnx.md").read_text()):
        blocks.setdefault(language, []).append(code)
    assert list(blocks) == ["sh", "python", "js", "html"]

    def run(*command: str) -> None:
        environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stderr}"

    run("bash", "-euo", "pipefail", "-c", "".join(blocks["sh"]))
    # As one script, which imports transformers once.
    run(sys.executable, "-c", "".join(blocks["python"]))
    for code in blocks["js"]:
        # Modules are looked for from a file's folder.
        (tmp_path / "snippet.mjs").write_text(code)
        run("node", "snippet.mjs")
    page = (JS / "page" / "index.html").read_text()
    assert [line for code in blocks["html"] for line in code.splitlines() if line.strip() not in page] == []
