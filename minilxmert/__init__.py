"""minilxmert: LXMERT (Tan & Bansal, EMNLP 2019) in plain arrays."""

from .config import LxmertConfig
from .errors import MinilxmertError

__version__ = "0.1.0"
__all__ = ["LxmertConfig", "MinilxmertError"]
