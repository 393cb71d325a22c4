"""`lsg verify` opens converted folders with this Python, and sees what only Python can see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
import torch
import transformers
from cases import BLOCK, REPOSITORY, TYPES, converted, original


def lsg(*arguments: str | Path, python: str = sys.executable) -> str:
    """Runs `lsg`, whatever comes of it, and returns what it printed."""
    command = ["node", str(REPOSITORY / "bin" / "lsg.js"), *map(str, arguments)]
    environment = {**os.environ, "LSG_PYTHON": python}
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True).stdout


def transformers_check(
    folder: Path, against: Path, *lengths: int, python: str = sys.executable
) -> dict[str, Any]:
    """What `lsg verify` says of the modelling code."""
    options = ["--json", "--device", "cpu", "--lengths", ",".join(map(str, lengths))]
    printed = lsg("verify", folder, "--against", against, *options, python=python)
    [check] = [check for check in json.loads(printed)["checks"] if check["id"] == "transformers"]
    return check


def change_config(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def passes(folder: Path, against: Path, *lengths: int) -> str:
    """Whether the check passes with this Python; what it says."""
    check = transformers_check(folder, against, *lengths)
    assert check["verdict"] == "pass", check
    assert check["detail"].startswith(
        f"transformers {transformers.__version__} with torch {torch.__version__}, "
    )
    return check["detail"]


@pytest.mark.parametrize("model_type", TYPES)
def test_sound_folders_pass(model_type: str) -> None:
    passes(converted(model_type), original(model_type), 1, 2 * BLOCK, 3 * BLOCK + 5)


def test_sound_folders_of_the_faithful_preset_pass() -> None:
    passes(converted("roberta", "faithful"), original("roberta"), 1, 513)


def test_a_base_model_without_its_pooler_is_sound(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(original("bert"), source, ignore=shutil.ignore_patterns("*.safetensors*"))
    transformers.BertModel.from_pretrained(original("bert"), add_pooling_layer=False).save_pretrained(source)
    folder = tmp_path / "converted"
    lsg("convert", source, folder, "--quiet")
    assert "LSGBertModel at" in passes(folder, source, 1)


def test_tensors_of_another_head_are_no_fault(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(original("bert"), source)
    change_config(source, lambda config: config.update(architectures=["BertForMaskedLM"]))
    folder = tmp_path / "converted"
    lsg("convert", source, folder, "--quiet")
    assert "without a place in that class" in passes(folder, source, 1)


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    # A dot in its name would be too much for transformers 4, if it were opened where it lies.
    folder = tmp_path / "bert-v1.5"
    shutil.copytree(converted("bert"), folder)
    before = sorted(folder.rglob("*"))
    passes(folder, original("bert"), 1)
    assert sorted(folder.rglob("*")) == before


CANARY = "from pathlib import Path\nPath({path!r}).touch()\n"
"""Code that leaves a file behind where it was run."""

MODULE = "modeling_lsg_bert"
ENTRIES = {
    "a folder of the current directory": f"{MODULE}.x--{MODULE}.LSGBertForPreTraining",
    "a folder called as our module": f"{MODULE}--{MODULE}.LSGBertForPreTraining",
    "another module": "other.LSGBertForPreTraining",
    "a class of another kind": f"{MODULE}.LSGBertModel",
}


# No Python is started.
@pytest.mark.once
@pytest.mark.parametrize("against", [True, False])
@pytest.mark.parametrize("entry", ENTRIES)
def test_foreign_code_is_a_finding_and_not_run(tmp_path: Path, entry: str, against: bool) -> None:
    folder, canary = tmp_path / "bert", tmp_path / "canary"
    shutil.copytree(converted("bert"), folder)
    change_config(folder, lambda config: config["auto_map"].update(AutoModelForPreTraining=ENTRIES[entry]))
    code = CANARY.format(path=str(canary))
    for place in ("", f"{MODULE}.x", f"{MODULE}", "custom_generate"):
        for name in (f"{MODULE}.py", "other.py", "generate.py", "torch.py", "__init__.py"):
            for root in (folder, tmp_path):
                if root / place / name != folder / f"{MODULE}.py":
                    (root / place).mkdir(exist_ok=True)
                    (root / place / name).write_text(code)
    # As many write it: an empty entry is the current directory.
    environment = {**os.environ, "LSG_PYTHON": sys.executable}
    environment["PYTHONPATH"] = os.pathsep + os.environ.get("PYTHONPATH", "")
    options = ["--json", "--device", "cpu", "--lengths", "1"]
    options += ["--against", str(original("bert"))] if against else []
    for directory in (tmp_path, folder):
        command = ["node", str(REPOSITORY / "bin" / "lsg.js"), "verify", str(folder), *options]
        run = subprocess.run(command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True)
        checks = {check["id"]: check for check in json.loads(run.stdout)["checks"]}
        assert run.returncode == 1
        assert checks["modeling"]["verdict"] == "fail"
        assert f"expected \"{MODULE}.LSGBertForPreTraining\"" in checks["modeling"]["findings"][0]
        assert checks["transformers"]["verdict"] == "skipped"
        assert not canary.exists()


def test_what_lies_beside_a_sound_folder_is_not_imported(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for name in ("torch.py", "transformers.py", f"{MODULE}.py", "sitecustomize.py"):
        (tmp_path / name).write_text(CANARY.format(path=str(canary)))
    environment = {**os.environ, "LSG_PYTHON": sys.executable}
    environment["PYTHONPATH"] = os.pathsep + os.environ.get("PYTHONPATH", "")
    command = ["node", str(REPOSITORY / "bin" / "lsg.js"), "verify", str(converted("bert"))]
    command += ["--against", str(original("bert")), "--json", "--device", "cpu", "--lengths", "1"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    checks = {check["id"]: check for check in json.loads(run.stdout)["checks"]}
    assert checks["transformers"]["verdict"] == "pass", checks["transformers"]
    assert not canary.exists()


FAULTS = {
    "padding is seen": "attend = F.scaled_dot_product_attention\n"
    "F.scaled_dot_product_attention = lambda *x, **y: attend(*x, **{**y, 'attn_mask': None})",
    "another gelu": "gelu = F.gelu\nF.gelu = lambda x: gelu(x, approximate='tanh')",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_python_that_computes_something_else_fails(tmp_path: Path, fault: str) -> None:
    # Modelling code that is not ours is not run: the fault is put into PyTorch.
    patched = tmp_path / "patched.py"
    patched.write_text(
        "import runpy, sys\nfrom torch.nn import functional as F\n"
        f"{FAULTS[fault]}\nrunpy.run_path(sys.argv[1], run_name='__main__')\n"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{patched}" "$@"\n')
    python.chmod(0o755)
    check = transformers_check(converted("bert"), original("bert"), 5, 2 * BLOCK, python=str(python))
    assert check["verdict"] == "fail"
    assert any(finding.startswith("hidden states differ by ") for finding in check["findings"])
    assert check["figure"]["value"] > check["figure"]["tolerance"]
