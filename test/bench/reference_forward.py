"""Times a forward pass of lsg-converter's BERT base, with its defaults; prints the seconds of three runs as JSON."""

import json
import sys
import time

import torch
from lsg_converter.bert.modeling_lsg_bert import LSGBertConfig, LSGBertModel

batch, length = map(int, sys.argv[1:])
torch.manual_seed(1)
model = LSGBertModel(LSGBertConfig(max_position_embeddings=max(length, 512))).eval()
ids = torch.randint(1000, 20000, (batch, length))
seconds = []
with torch.no_grad():
    for _ in range(4):
        begin = time.perf_counter()
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
        seconds.append(time.perf_counter() - begin)
print(json.dumps(seconds[1:]))
