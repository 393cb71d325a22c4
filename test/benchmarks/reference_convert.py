"""Converts a checkpoint with lsg-converter, as its command line does: for the row beside ours."""

import sys

from lsg_converter.bert.convert_bert_checkpoint import BertConversionScript
from transformers import AutoConfig

source, output = sys.argv[1:]
BertConversionScript(
    initial_model=source,
    model_name=output,
    max_sequence_length=4096,
    architecture=None,
    random_global_init=False,
    global_positional_stride=64,
    keep_first_global_token=False,
    resize_lsg=False,
    model_kwargs="{}",
    use_token_ids=True,
    use_auth_token=False,
    config=AutoConfig.from_pretrained(source),
    save_model=True,
    seed=123,
).process()
