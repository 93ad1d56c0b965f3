"""minilxmert: LXMERT (Tan & Bansal, EMNLP 2019) in plain arrays."""

from .config import LxmertConfig
from .detector.frcnn import FasterRcnn
from .errors import (
    CheckpointError,
    ConfigError,
    DownloadError,
    FeatureFileError,
    MinilxmertError,
    PictureError,
    ShapeError,
    TaskFileError,
    VocabularyError,
)
from .kernels import backend, current_backend, get_num_threads, set_num_threads
from .model import LxmertForPreTraining, LxmertForQuestionAnswering, LxmertForVisualReasoning, LxmertModel, load
from .tokenizer import LxmertTokenizer
from .vision.reading import read_picture

__version__ = "0.1.0"
