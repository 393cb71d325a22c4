"""Times a forward pass of lsg-converter's BERT base, with its defaults, or of transformers' Longformer of that size;
prints the seconds of three runs as JSON."""

import json
import sys
import time

import torch

name, batch, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(1)
positions = max(length, 512)
if name == "lsg":
    from lsg_converter.bert.modeling_lsg_bert import LSGBertConfig, LSGBertModel

    model = LSGBertModel(LSGBertConfig(max_position_embeddings=positions))
else:
    from transformers import LongformerConfig, LongformerModel

    model = LongformerModel(LongformerConfig(max_position_embeddings=positions + 2))
model.eval()
ids = torch.randint(1000, 20000, (batch, length))
seconds = []
with torch.no_grad():
    for _ in range(4):
        begin = time.perf_counter()
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
        seconds.append(time.perf_counter() - begin)
print(json.dumps(seconds[1:]))
