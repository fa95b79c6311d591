"""Time and memory of a prediction by the number of traces, up to 10^7, with a network that costs nothing.

python -m tests.inference.measure_scale FOLDER [10000 100000 1000000 10000000]

Each survey has 16 samples a trace, and is made, predicted in both directions to SEG-Y by a process of its own, and
deleted.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np

SAMPLES = 16
WIDTH = 2000  # traces of an inline
MEMORY = 256  # MiB that the prediction may use


def write_survey(path: Path, traces: int) -> None:
    """A SEG-Y file with numbered lines and a sample that is not 0 in each trace, written in pieces."""
    head = bytearray(3600)
    head[3216:3218] = (4000).to_bytes(2, 'big')
    head[3220:3222] = SAMPLES.to_bytes(2, 'big')
    head[3224:3226] = (5).to_bytes(2, 'big')
    kind = np.dtype([('head', np.uint8, 240), ('samples', '>f4', SAMPLES)])
    width = min(WIDTH, traces // 5)
    with open(path, 'wb') as file:
        file.write(head)
        for iline in range(traces // width):
            block = np.zeros(width, kind)
            words = block['head'].view('>i4')
            words[:, 47], words[:, 48] = iline + 1, np.arange(width) + 1  # bytes 189 and 193
            shorts = block['head'].view('>i2')
            shorts[:, 57], shorts[:, 58], shorts[:, 14] = SAMPLES, 4000, 1
            block['samples'] = np.sin(np.arange(SAMPLES) + iline) + np.arange(width)[:, None] % 7
            file.write(block.tobytes())


def predict(path: Path) -> str:
    """Predicts; returns seconds by stage and the largest memory."""
    from mmattn.inference import VolumeOptions, predict_volume
    from mmattn.seismic import open_volume
    from tests.inference.models import GreyModel

    def constant(predictor: object, slab: np.ndarray, windows: object, *, live: object, views: int) -> np.ndarray:
        return np.full((views, *slab.shape), 0.25, np.float32)

    begin = time.perf_counter()
    with patch('mmattn.inference.volume.predict_slab', constant), open_volume(path) as volume:
        opened = time.perf_counter() - begin
        options = VolumeOptions(window=(16, 16), memory=MEMORY, clip=3.0)
        result = predict_volume(GreyModel(), volume, path.with_name('out.sgy'), options=options)
    total = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stages = ' | '.join(
        f'{seconds:.1f}' for seconds in (opened, result.seconds['read'], result.seconds['write'], total)
    )
    return f'{stages} | {memory:.0f}'


def main() -> None:
    """Measures."""
    if sys.argv[1] == '--one':
        print(predict(Path(sys.argv[2])))
        return
    folder = Path(sys.argv[1])
    print('| traces | open, s | read, s | write, s | all, s | microseconds a trace | peak memory, MiB |')
    print('|---:|---:|---:|---:|---:|---:|---:|')
    for traces in map(int, sys.argv[2:] or ('10000', '100000', '1000000', '10000000')):
        path = folder / 'in.sgy'
        write_survey(path, traces)
        command = [sys.executable, '-m', 'tests.inference.measure_scale', '--one', str(path)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1]
        *stages, total, memory = said.split(' | ')
        print(
            f'| {traces:,} | {" | ".join(stages)} | {total} | {1e6 * float(total) / traces:.1f} | {memory} |',
            flush=True,
        )
        for name in ('in.sgy', 'out.sgy'):
            (folder / name).unlink()


if __name__ == '__main__':
    main()
