"""LSG ALBERT: transformers' ALBERT with local, sparse and global attention."""

from transformers.models.albert import modeling_albert as albert
from transformers.models.albert.configuration_albert import AlbertConfig

from .dense_parts import AlbertParts
from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_model import LSGModel


class LSGAlbertConfig(LSGConfig, AlbertConfig):
    model_type = "albert"


class LSGAlbertModel(AlbertParts, LSGModel, albert.AlbertModel):
    config_class = LSGAlbertConfig


class LSGAlbertHead(LSGHead):
    config_class = LSGAlbertConfig
    lsg_model = LSGAlbertModel


class LSGAlbertForPreTraining(LSGAlbertHead, albert.AlbertForPreTraining):
    pass


class LSGAlbertForMaskedLM(LSGAlbertHead, albert.AlbertForMaskedLM):
    pass


class LSGAlbertForSequenceClassification(LSGAlbertHead, albert.AlbertForSequenceClassification):
    pass


class LSGAlbertForMultipleChoice(LSGAlbertHead, albert.AlbertForMultipleChoice):
    pass


class LSGAlbertForTokenClassification(LSGAlbertHead, albert.AlbertForTokenClassification):
    pass


class LSGAlbertForQuestionAnswering(LSGAlbertHead, albert.AlbertForQuestionAnswering):
    pass
