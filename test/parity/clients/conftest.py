from __future__ import annotations

import os
import shutil

# Nothing here may ask the Hub.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from folders import WORK


def pytest_sessionfinish() -> None:
    shutil.rmtree(WORK)
