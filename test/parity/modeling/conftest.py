import logging
import os

import pytest

# Processes that copy the same modelling code into one cache would read each other's half-written files.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["HF_MODULES_CACHE"] += f"-{worker}"

import torch

# Models are tiny: threads would wait for each other longer than they work.
torch.set_num_threads(1)
logging.getLogger("transformers").setLevel(logging.ERROR)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "once: does not depend on the version of transformers: see ../run.py")
