"""Ways in which bytes and settings go wrong."""

import random
import struct

_NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 10**6, 999)
VALUES = (
    None, 'abc', '', float('nan'), float('inf'), -1, 0, 1e30, -0.5, 2.5, True, [], {}, [1, 2, 3], 'None', 10**9, ' ',
)  # fmt: skip


def mutate(content: bytes, draw: random.Random, *, head: int | None = None) -> bytes:
    """Returns bytes with one to four faults: bits, bytes, numbers, cuts, holes, doublings.

    Args:
        content: the right ones.
        draw: where chance comes from.
        head: most faults lie before this place, where the headers are.
    """
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        if not data:
            break
        limit = min(head, len(data)) if head and draw.random() < 0.8 else len(data)
        _FAULTS[draw.randrange(len(_FAULTS))](data, draw.randrange(limit), draw)
    return bytes(data)


def _bit(data: bytearray, place: int, draw: random.Random) -> None:
    data[place] ^= 1 << draw.randrange(8)


def _byte(data: bytearray, place: int, draw: random.Random) -> None:
    data[place] = draw.choice((0, 255, 127, 128, draw.randrange(256)))


def _number(data: bytearray, place: int, draw: random.Random) -> None:
    number, order = draw.choice(_NUMBERS), draw.choice('<>')
    kind = draw.choice('hiq')
    size = struct.calcsize(f'{order}{kind}')
    packed = (number % 2 ** (8 * size)).to_bytes(size, 'little' if order == '<' else 'big')
    data[place : place + size] = packed[: len(data) - place]


def _cut(data: bytearray, place: int, draw: random.Random) -> None:
    del data[place:]


def _hole(data: bytearray, place: int, draw: random.Random) -> None:
    del data[place : place + draw.choice((1, 4, 240, 4096))]


def _zeros(data: bytearray, place: int, draw: random.Random) -> None:
    size = min(draw.choice((4, 64, 1024)), len(data) - place)
    data[place : place + size] = bytes(size)


def _double(data: bytearray, place: int, draw: random.Random) -> None:
    data[place:place] = data[place : place + draw.choice((1, 16, 512))]


def _noise(data: bytearray, place: int, draw: random.Random) -> None:
    size = min(draw.choice((8, 64, 256)), len(data) - place)
    data[place : place + size] = draw.randbytes(size)


_FAULTS = (_bit, _bit, _byte, _number, _number, _cut, _hole, _zeros, _double, _noise)


def mutate_text(text: str, draw: random.Random) -> str:
    """Returns a table or a text with faults of bytes, lines, cells and letters."""
    lines = text.splitlines(keepends=True)
    fault = draw.randrange(6)
    place = draw.randrange(len(lines)) if lines else 0
    if fault == 0 or not lines:
        return mutate(text.encode(), draw).decode('latin-1')
    if fault == 1:
        del lines[place]
    elif fault == 2:
        lines.insert(place, lines[place])
    elif fault == 3:
        cells = lines[place].rstrip('\n').split(',')
        cells[draw.randrange(len(cells))] = str(draw.choice(VALUES))
        lines[place] = ','.join(cells) + '\n'
    elif fault == 4:
        lines[place] = lines[place].replace(',', draw.choice((';', '', ',,', '\t')), 1)
    else:
        lines[place] = draw.choice(('=1+1', '\0', '"', 'x' * 10**5, '\ufeff', '٣,٣', '-1,-1')) + lines[place]
    return ''.join(lines)
