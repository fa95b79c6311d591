"""The textual header: 40 lines of 80 characters in EBCDIC or ASCII."""

import re

LINES, WIDTH = 40, 80
SIZE = LINES * WIDTH
EBCDIC, ASCII = 'cp037', 'latin-1'
"""Python's codecs; both turn each byte into one character and back."""


def text_encoding(block: bytes) -> str:
    """Guesses a textual header's encoding by which one's letters, digits and blanks it holds more of."""

    def readable(codec: str) -> int:
        return sum(char.isascii() and (char.isalnum() or char == ' ') for char in block.decode(codec))

    return EBCDIC if readable(EBCDIC) > readable(ASCII) else ASCII


def decode_text(block: bytes) -> list[str]:
    """Returns the lines of a textual header, without blanks at their ends; what cannot be printed becomes '.'."""
    text = block.decode(text_encoding(block))
    text = ''.join(char if char.isprintable() else '.' for char in text)
    return [text[start : start + WIDTH].rstrip() for start in range(0, len(text), WIDTH)]


def put_line(block: bytes, line: str) -> tuple[bytes, int, str]:
    """Writes one line into a textual header, in its encoding: into its last empty line, or over line 38.

    Lines 39 and 40 are left alone: they hold the revision and the end mark of the standard. An empty line may bear
    its number ('C12').

    Args:
        block: 3200 bytes.
        line: printable ASCII characters; what is beyond the line's 76 is cut.

    Returns:
        The new 3200 bytes, which line was replaced (1 to 38) and what it said.

    Raises:
        ValueError: if the line has other characters.
    """
    if not (line.isascii() and line.isprintable()):
        raise ValueError(f'text_line must be printable ASCII, got {line!r}')
    lines = decode_text(block)[: LINES - 2]
    empty = [number for number, text in enumerate(lines, 1) if re.fullmatch(r'C?\s*\d{0,2}[\s.]*', text)]
    number = empty[-1] if empty else len(lines)
    new = f'C{number:2d} {line}'[:WIDTH].ljust(WIDTH).encode(text_encoding(block))
    start = (number - 1) * WIDTH
    return block[:start] + new + block[start + WIDTH :], number, lines[number - 1]
