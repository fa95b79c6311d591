"""Predicts volumes of several sizes with little memory and prints, as JSON, by how many MiB this process grew in each.

The reader's own buffers, a constant of some 100 MiB otherwise, and the sample of traces that
searches for fill values are made small, so that small volumes show the bound.

python tests/inference/measure_memory.py FOLDER MEMORY NUM_ILINES [NUM_ILINES …]
"""

import json
import sys
from pathlib import Path

import numpy as np

from mmattn.inference import Outputs, VolumeOptions, predict_volume
from mmattn.seismic import open_volume
from mmattn.seismic.segy import copying, headers, reading
from mmattn.seismic.volumes import amplitude
from tests.inference.models import GreyModel
from tests.seismic.segy_files import SegyFile

NUM_XLINES, NUM_SAMPLES = 64, 1024


def resident(key: str) -> float:
    """``VmRSS`` or, since the last ``forget_peak``, ``VmHWM`` of this process in MiB."""
    line = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    Path('/proc/self/clear_refs').write_text('5')


def write_survey(path: Path, num_ilines: int) -> None:
    """A survey of a few large bodies, written line by line."""
    xlines, samples = np.arange(NUM_XLINES), np.arange(NUM_SAMPLES)
    blank = np.zeros((1, NUM_SAMPLES), np.float32)
    head = SegyFile(blank, np.zeros(1, int), np.zeros(1, int)).to_bytes()[:3600]
    with open(path, 'wb') as file:
        file.write(head)
        for iline in range(num_ilines):
            line = np.sin(samples / 50 + xlines[:, None] / 20 + iline / 30).astype(np.float32)
            file.write(SegyFile(line, np.full(NUM_XLINES, iline), xlines).to_bytes()[3600:])


def main() -> None:
    """Warms up on a small volume, then measures."""
    folder, memory = Path(sys.argv[1]), float(sys.argv[2])
    options = VolumeOptions(window=(128, 64), overlap=0.25, batch_size=4, flip=True, clip=2.0, memory=memory)
    headers.WINDOW = reading.BUFFER = copying.BUFFER = 2**20
    amplitude.SAMPLED = 100
    grown = []
    for number, num_ilines in enumerate([2, *map(int, sys.argv[3:])]):
        write_survey(folder / f'{number}.sgy', num_ilines)
        outputs = Outputs(
            folder / f'{number}-p.sgy',
            mask=folder / f'{number}-m.sgy',
            std=folder / f'{number}-s.sgy',
            min_body=50,
            fill_holes=True,
        )
        forget_peak()
        before = resident('VmRSS')
        with open_volume(folder / f'{number}.sgy') as volume:
            predict_volume(GreyModel(), volume, outputs, options=options)
        grown.append(dict(volume=num_ilines * NUM_XLINES * NUM_SAMPLES * 4 / 2**20, grown=resident('VmHWM') - before))
    print(json.dumps(grown[1:]))


if __name__ == '__main__':
    main()
