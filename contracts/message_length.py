"""How long a text is to Meta, on the safe side."""


def message_length(text: str) -> int:
    """Length of `text` in UTF-16 code units.

    Meta says "characters" without saying which; a text is never longer in characters than in UTF-16
    units, so what fits by this count fits under either reading.
    """
    return len(text) + sum(character > "\uffff" for character in text)
