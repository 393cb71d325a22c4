"""Exports a checkpoint with optimum, as its command line does, without its check: for the rows beside ours."""

import sys

from optimum.exporters.onnx import main_export

source, output = sys.argv[1:]
main_export(source, output, task="feature-extraction", do_validation=False)
