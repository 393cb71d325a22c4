import logging

import torch

# Models are tiny: threads would wait for each other longer than they work.
torch.set_num_threads(1)
logging.getLogger("transformers").setLevel(logging.ERROR)
