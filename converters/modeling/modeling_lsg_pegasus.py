"""LSG Pegasus: transformers' Pegasus with local, sparse and global attention in the encoder."""

from torch import Tensor
from transformers.models.pegasus import modeling_pegasus as pegasus
from transformers.models.pegasus.configuration_pegasus import PegasusConfig

from .lsg_base import LSGHead
from .lsg_config import LSGSeq2SeqConfig
from .lsg_seq2seq import LSGSeq2SeqEncoder, LSGSeq2SeqModel


class LSGPegasusConfig(LSGSeq2SeqConfig, PegasusConfig):
    model_type = "pegasus"


class LSGPegasusEncoder(LSGSeq2SeqEncoder, pegasus.PegasusEncoder):
    def _positions(self, embedded: Tensor) -> Tensor:
        return self.embed_positions(embedded.shape[:2])


class LSGPegasusModel(LSGSeq2SeqModel, pegasus.PegasusModel):
    config_class = LSGPegasusConfig
    lsg_encoder = LSGPegasusEncoder


class LSGPegasusHead(LSGHead):
    config_class = LSGPegasusConfig
    lsg_model = LSGPegasusModel


class LSGPegasusForConditionalGeneration(LSGPegasusHead, pegasus.PegasusForConditionalGeneration):
    pass
