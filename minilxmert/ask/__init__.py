"""A question and a picture in, answers out."""

from .asking import Answer, ask, look

__all__ = ["Answer", "ask", "look"]
