"""Runs the parity tests of the modelling code on four versions of transformers; what does not depend on the version
(`pytest.mark.once`) on the first alone.

    python3 test/parity/run.py [pytest arguments]

Needs Python ≥ 3.10 and the built CLI (npm run build). The environment, one PyTorch and a folder for each
version of transformers, is kept in .venv-parity; a change of the lists below makes it anew.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = REPOSITORY / ".venv-parity"
PYTHON = HOME / "base" / "bin" / "python"
WORK = HOME / "work"

BASE = [["torch==2.13.0"], ["numpy<2.3", "pytest", "pytest-xdist", "safetensors"]]
# Each with --no-deps last, what would bring a PyTorch of its own.
TARGETS = {
    "4.40": (
        [
            "numpy<2.3",
            "tokenizers>=0.19,<0.20",
            "huggingface_hub>=0.19.3,<1",
            "regex",
            "requests",
            "pyyaml",
            "tqdm",
            "packaging",
            "filelock",
            "sentencepiece",
            "protobuf",
            "psutil",
        ],
        ["transformers==4.40.2", "lsg-converter==0.1.9", "accelerate==0.30.1"],
    ),
    "4.53": (
        ["numpy<2.3", "transformers==4.53.*", "sentencepiece", "protobuf", "psutil"],
        ["accelerate==1.12.0"],
    ),
    "4.57": (
        ["numpy<2.3", "transformers==4.57.*", "sentencepiece", "protobuf", "psutil"],
        ["accelerate==1.12.0"],
    ),
    "5.23": (
        ["numpy<2.3", "transformers==5.23.*", "sentencepiece", "protobuf", "psutil"],
        ["accelerate==1.15.0"],
    ),
}
REFERENCE = "4.40"
ONLY = {"4.53": ["test_loading.py"]}
"""The last version that imports remote code by the folder's own name runs these tests alone."""
NONE_SELECTED = 5
"""What pytest ends with where its arguments leave no test."""

LARGEST_HEADS = ["ForPreTraining", "ForMaskedLM", "ForConditionalGeneration", "Decoder"]
"""A checkpoint of the reference preset has the head with the most weights: the first of these that there is."""
REFERENCE_PRESET = (
    "--preset reference --block-size 16 --sparse-block-size 16 --sparsity-factor 4 --num-global-tokens 3 "
    "--max-sequence-length 1024"
).split()


def pip(*arguments: str) -> None:
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *arguments], check=True)


def prepare(folder: Path, recipe: object, make: object) -> None:
    """Makes a folder again where its recipe has changed, or where it wasn't finished."""
    marker = HOME / f"{folder.name}.json"
    written = json.dumps(recipe)
    if folder.exists() and marker.exists() and marker.read_text() == written:
        return
    shutil.rmtree(folder, ignore_errors=True)
    make()
    marker.write_text(written)


def environment() -> None:
    HOME.mkdir(exist_ok=True)

    def base() -> None:
        subprocess.run([sys.executable, "-m", "venv", HOME / "base"], check=True)
        for packages in BASE:
            pip(*packages)

    prepare(HOME / "base", BASE, base)
    for version, (packages, alone) in TARGETS.items():
        folder = HOME / f"tf-{version}"

        def target() -> None:
            pip("--target", str(folder), *packages)
            pip("--target", str(folder), "--no-deps", *alone)

        prepare(folder, TARGETS[version], target)


def convert() -> None:
    """Converted checkpoints of every model type, made anew: WORK/converted/<model_type>-<preset>."""
    shutil.rmtree(WORK / "converted", ignore_errors=True)
    WORK.mkdir(exist_ok=True)
    listed = subprocess.run(
        ["node", REPOSITORY / "bin" / "lsg.js", "architectures", "--json"], check=True, capture_output=True
    )
    (WORK / "architectures.json").write_bytes(listed.stdout)
    conversions: list[Conversion] = []
    for each in json.loads(listed.stdout):
        if "lsg" not in each["variants"]:
            continue
        model_type = each["model_type"]
        architecture = next(
            name for head in LARGEST_HEADS for name in each["classes"] if name.endswith(head)
        )
        source = REPOSITORY / "fixtures" / model_type / "checkpoint"
        presets = {
            "reference": [*REFERENCE_PRESET, "--architecture", architecture],
            "faithful": ["--max-sequence-length", "2048"],
        }
        for preset, options in presets.items():
            conversions.append((source, WORK / "converted" / f"{model_type}-{preset}", options))
    lsg_convert(conversions)


def convert_longformers() -> None:
    """Longformers of what longformer_sources.py saved, made anew: WORK/longformers/<model_type>-<head>; two with
    narrow windows, and Longformers made longer."""
    shutil.rmtree(WORK / "longformers", ignore_errors=True)
    sources, target = WORK / "longformer-sources", WORK / "longformers"
    options = ["--to", "longformer", "--max-sequence-length", "2048"]
    conversions: list[Conversion] = [
        (source, target / source.name, options) for source in sorted(sources.iterdir())
    ]
    narrow = [*options, "--attention-window", "16"]
    for name, head in {"roberta": "ForMaskedLM", "bart": "ForConditionalGeneration"}.items():
        conversions.append((sources / f"{name}-{head}", target / f"{name}-narrow", narrow))
    for model_type in ("longformer", "led"):
        source = REPOSITORY / "fixtures" / model_type / "checkpoint"
        conversions.append((source, target / f"{model_type}-longer", ["--max-sequence-length", "1024"]))
    lsg_convert(conversions)


TOKENS = "[question],[/question],[ent],[/ent]"
WITH_TOKENS = {
    "lsg": ["bert", "roberta", "camembert", "distilbert", "electra", "albert", "bart", "mbart", "pegasus"],
    "longformer": ["roberta", "xlm-roberta", "camembert", "distilbert", "bart", "longformer", "led"],
}
# Of tokenizers in Python.
VOCABULARIES = ["vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model"]


def convert_with_tokens() -> None:
    """With added tokens, made anew: WORK/added/<model_type>-<variant>; and of folders with nothing of a tokenizer but
    its vocabulary, which then lie beside them."""
    target = WORK / "added"
    shutil.rmtree(target, ignore_errors=True)
    options = ["--add-tokens", TOKENS, "--max-sequence-length", "2048"]
    conversions: list[Conversion] = []
    for variant, model_types in WITH_TOKENS.items():
        for model_type in model_types:
            source = REPOSITORY / "fixtures" / model_type / "checkpoint"
            conversions.append((source, target / f"{model_type}-{variant}", ["--to", variant, *options]))
    for model_type in ("bert", "roberta", "xlm-roberta", "albert"):
        source = REPOSITORY / "fixtures" / model_type / "checkpoint"
        bare = target / f"{model_type}-bare.source"
        bare.mkdir(parents=True)
        for file in source.iterdir():
            if file.name in ("config.json", *VOCABULARIES) or "model" in file.name:
                shutil.copy(file, bare)
        conversions.append((bare, target / f"{model_type}-bare", options))
    lsg_convert(conversions)


Conversion = tuple[Path, Path, list[str]]
"""Source, output, options."""


def lsg_convert(conversions: list[Conversion]) -> None:
    """As many at a time as there are cores."""

    def convert_one(conversion: Conversion) -> None:
        source, output, options = conversion
        command = ["node", REPOSITORY / "bin" / "lsg.js", "convert", source, output, "--quiet", *options]
        subprocess.run(command, check=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(convert_one, conversions))


def run(version: str, *command: str) -> int:
    """What a command of Python ends with, with a version of transformers."""
    settings = {
        "PYTHONPATH": str(HOME / f"tf-{version}"),
        "LSG_PARITY_WORK": str(WORK),
        "HF_HUB_OFFLINE": "1",
        "HF_MODULES_CACHE": str(WORK / f"modules-{version}"),
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    folder = REPOSITORY / "test" / "parity" / "modeling"
    return subprocess.run([PYTHON, *command], cwd=folder, env={**os.environ, **settings}).returncode


def main(arguments: list[str]) -> int:
    environment()
    convert()
    with ThreadPoolExecutor() as pool:
        ends = list(pool.map(partial(run, REFERENCE), ("reference.py", "longformer_sources.py")))
    if any(ends):
        return 1
    convert_longformers()
    convert_with_tokens()

    failed = []
    for version in TARGETS:
        print(f"transformers {version}", flush=True)
        pytest = ["-m", "pytest", "-q", "-n", str(os.cpu_count()), "-p", "no:cacheprovider", "-W", "ignore"]
        selected = ONLY.get(version, []) + ([] if version == REFERENCE else ["-m", "not once"])
        ended = run(version, *pytest, *selected, *arguments)
        if ended != 0 and not (ended == NONE_SELECTED and version != REFERENCE):
            failed.append(version)
    print(f"failed with transformers {', '.join(failed)}" if failed else "passed with every transformers")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
