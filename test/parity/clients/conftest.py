from __future__ import annotations

import os
import shutil

# Nothing here may ask the Hub.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Tests run side by side, on small models: PyTorch's threads would only wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"

from folders import WORK


def pytest_sessionfinish() -> None:
    shutil.rmtree(WORK)
