from __future__ import annotations

import os
import shutil

# Nothing here may ask the Hub.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Tests run side by side, on small models: threads would only wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"

import onnxruntime
from folders import WORK

open_session = onnxruntime.InferenceSession.__init__


def open_with_one_thread(session, model, sess_options=None, *args, **kwargs) -> None:
    sess_options = sess_options or onnxruntime.SessionOptions()
    sess_options.intra_op_num_threads = 1
    open_session(session, model, sess_options, *args, **kwargs)


onnxruntime.InferenceSession.__init__ = open_with_one_thread


def pytest_sessionfinish() -> None:
    shutil.rmtree(WORK)
