"""LSG mBART: transformers' mBART with local, sparse and global attention in the encoder."""

from transformers.models.mbart import modeling_mbart as mbart
from transformers.models.mbart.configuration_mbart import MBartConfig

from .lsg_base import LSGHead
from .lsg_config import LSGSeq2SeqConfig
from .lsg_seq2seq import LSGSeq2SeqEncoder, LSGSeq2SeqModel


class LSGMBartConfig(LSGSeq2SeqConfig, MBartConfig):
    model_type = "mbart"


class LSGMBartEncoder(LSGSeq2SeqEncoder, mbart.MBartEncoder):
    pass


class LSGMBartModel(LSGSeq2SeqModel, mbart.MBartModel):
    config_class = LSGMBartConfig
    lsg_encoder = LSGMBartEncoder


class LSGMBartHead(LSGHead):
    config_class = LSGMBartConfig
    lsg_model = LSGMBartModel


class LSGMBartForConditionalGeneration(LSGMBartHead, mbart.MBartForConditionalGeneration):
    pass


class LSGMBartForSequenceClassification(LSGMBartHead, mbart.MBartForSequenceClassification):
    pass


class LSGMBartForQuestionAnswering(LSGMBartHead, mbart.MBartForQuestionAnswering):
    pass
