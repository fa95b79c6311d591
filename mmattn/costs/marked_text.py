"""The part of a document that a tool writes: between two markers, invisible where the document is rendered."""


def markers(name: str) -> tuple[str, str]:
    """Returns the first and the last line of the part called ``name``."""
    return f'<!-- {name}: start -->', f'<!-- {name}: end -->'


def read_part(text: str, name: str) -> str:
    """Returns what stands between the markers.

    Raises:
        ValueError: if the document does not have both markers, in order.
    """
    return _split(text, name)[1].strip('\n')


def replace_part(text: str, name: str, content: str) -> str:
    """Returns the document with ``content`` between the markers.

    Raises:
        ValueError: if the document does not have both markers, in order.
    """
    before, _, after = _split(text, name)
    start, end = markers(name)
    return f'{before}{start}\n{content}\n{end}{after}'


def _split(text: str, name: str) -> tuple[str, str, str]:
    start, end = markers(name)
    before, found_start, rest = text.partition(start)
    part, found_end, after = rest.partition(end)
    if not found_start or not found_end:
        raise ValueError(f'the document has no lines {start} and {end}')
    return before, part, after
