"""What ends a tool with one line instead of a traceback."""


class InputError(Exception):
    """Something the user gave is wrong; the message says what, in one line."""


def one_line(error: object) -> str:
    """The text of an error on one line, 500 characters at most."""
    return ' '.join(str(error).split())[:500]
