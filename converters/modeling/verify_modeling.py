"""Opens a converted folder with transformers and runs it, for `lsg verify`. It is no part of the modelling code,
beside which it lies.

Reads a request from stdin: {"folder": to open, "class": of transformers, to open it with, "code": whether Python
files in it may be run, "output": to write into, "hidden": [inputs], "head": [inputs]}, inputs being {name: {"dims": [batch, length], "values": [integers]}}; with choices head's are of (batch,
choices, length), and those of a decoder that generates have its decoder_input_ids.

Writes what it computes as little-endian float32: the encoder's last hidden state for each of hidden to
output/hidden-0, output/hidden-1 and so on, and the whole model's outputs for each of head to output/head-0-NAME and so on.

Prints one of
    {"unusable": why torch and transformers cannot be used},
    {"error": what transformers has against the folder},
    {"torch": version, "transformers": version, "class": name of the class,
     "missing": [names of parameters that got no weight], "unexpected": [names of weights that no parameter got],
     "hidden": [shapes], "head": [{name: shape}]}.
"""

from __future__ import annotations

import json
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from time import sleep

OLDEST = (4, 40)
"""transformers that the modelling code is made for."""


def main() -> None:
    # Libraries print as they please: all of that goes to stderr.
    stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    request = json.loads(sys.stdin.buffer.read())
    reason = why_unusable()
    stdout.write(json.dumps({"unusable": reason} if reason else answer(request)))
    stdout.close()


def end_with(parent: int) -> None:
    """Ends this process when the one that started it has ended, however it ended."""
    while os.getppid() == parent:
        sleep(1)
    os._exit(1)


def why_unusable() -> str | None:
    absent = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if absent:
        return "it has no " + " and no ".join(absent)
    try:
        import torch
        import transformers
        from transformers.utils import is_torch_available
    except Exception as error:
        return f"torch or transformers does not load: {describe(error)}"
    if tuple(map(int, re.findall(r"\d+", transformers.__version__)[:2])) < OLDEST:
        return f"its transformers is {transformers.__version__}, older than {'.'.join(map(str, OLDEST))}"
    if not is_torch_available():
        return f"transformers {transformers.__version__} does not work with torch {torch.__version__}"
    return None


def answer(request: dict) -> dict:
    try:
        return run(request)
    except Exception as error:
        return {"error": describe(error)}


def run(request: dict) -> dict:
    import torch
    import transformers

    def compute(model, inputs: dict) -> dict:
        feeds = {name: torch.tensor(x["values"]).view(x["dims"]) for name, x in inputs.items()}
        return model(**feeds, return_dict=True)

    def write(name: str, tensor) -> list[int]:
        tensor.contiguous().numpy().astype("<f4").tofile(Path(request["output"], name))
        return list(tensor.shape)

    model, loading = getattr(transformers, request["class"]).from_pretrained(
        request["folder"],
        trust_remote_code=request["code"],
        local_files_only=True,
        # The name that every version takes; without it transformers 5 takes the checkpoint's own.
        torch_dtype=torch.float32,
        use_safetensors=True,
        output_loading_info=True,
    )
    model.eval()
    base = model.base_model
    encoder = base.get_encoder() if model.config.is_encoder_decoder else base
    torch.manual_seed(0)
    with torch.no_grad():
        hidden = [
            write(f"hidden-{i}", compute(encoder, inputs).last_hidden_state)
            for i, inputs in enumerate(request["hidden"])
        ]
        head = [
            {
                name: write(f"head-{i}-{name}", output)
                for name, output in compute(model, inputs).items()
                if isinstance(output, torch.Tensor)
            }
            for i, inputs in enumerate(request["head"])
        ]
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "class": type(model).__name__,
        "missing": sorted(loading["missing_keys"]),
        "unexpected": sorted(loading["unexpected_keys"]),
        "hidden": hidden,
        "head": head,
    }


def describe(error: Exception) -> str:
    """In one line, as some of transformers' own have many."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"


if __name__ == "__main__":
    main()
