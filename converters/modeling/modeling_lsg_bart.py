"""LSG BART: transformers' BART with local, sparse and global attention in the encoder."""

from transformers.models.bart import modeling_bart as bart
from transformers.models.bart.configuration_bart import BartConfig

from .lsg_base import LSGHead
from .lsg_config import LSGSeq2SeqConfig
from .lsg_seq2seq import LSGSeq2SeqEncoder, LSGSeq2SeqModel


class LSGBartConfig(LSGSeq2SeqConfig, BartConfig):
    model_type = "bart"


class LSGBartEncoder(LSGSeq2SeqEncoder, bart.BartEncoder):
    pass


class LSGBartModel(LSGSeq2SeqModel, bart.BartModel):
    config_class = LSGBartConfig
    lsg_encoder = LSGBartEncoder


class LSGBartHead(LSGHead):
    config_class = LSGBartConfig
    lsg_model = LSGBartModel


class LSGBartForConditionalGeneration(LSGBartHead, bart.BartForConditionalGeneration):
    pass


class LSGBartForSequenceClassification(LSGBartHead, bart.BartForSequenceClassification):
    pass


class LSGBartForQuestionAnswering(LSGBartHead, bart.BartForQuestionAnswering):
    pass
