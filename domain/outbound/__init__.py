"""What goes out: how Meta wants to have it, and how it reads in the transcript."""

from domain.outbound.callback import callback_data, read_callback_data
from domain.outbound.graph import graph_message
from domain.outbound.words import message_type_of, words_of

__all__ = ["callback_data", "graph_message", "message_type_of", "read_callback_data", "words_of"]
