"""Small folders of gathers and velocity models in each layout; the gathers are noise."""

from pathlib import Path

import numpy as np
from scipy import io

from mmattn.seismic.shots import Acquisition

ACQUISITION = Acquisition.surface(12, 2, dx=30.0, dt=0.004, nt=40, frequency=6.0)
SHAPE = 10, 12


def arrays(count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Gathers (count, 2, 40, 12) and velocities (count, 10, 12)."""
    rng = np.random.default_rng(0)
    shots = rng.normal(size=(count, *ACQUISITION.shape)).astype(np.float32)
    return shots, rng.uniform(1600, 4400, size=(count, *SHAPE)).astype(np.float32)


def write_folder(root: Path, layout: str) -> str:
    """Writes two pairs, and returns the split to ask for."""
    shots, velocity = arrays()
    ACQUISITION.save(root / 'acquisition.json')
    if layout == 'npz':
        for index in range(2):
            np.savez(root / f'm{index}.npz', shots=shots[index], velocity=velocity[index], salt=velocity[index] > 4000)
    elif layout in ('fcnvmb', 'ddnet'):
        names = dict(
            fcnvmb=('georec_train/georec{}.mat', 'vmodel_train/vmodel{}.mat', 'Rec', 'vmodel'),
            ddnet=('train_data/seismic/seismic{}.mat', 'train_data/vmodel/vmodel{}.mat', 'data', 'data'),
        )[layout]
        for index in range(2):
            for name, key, array in zip(names, names[2:], (shots[index].transpose(1, 2, 0), velocity[index])):
                path = root / name.format(index + 1)
                path.parent.mkdir(parents=True, exist_ok=True)
                io.savemat(path, {key: array})
    else:
        places = dict(openfwi=('data', 'model'), list=('seis', 'vel'))['list' if 'list' in layout else layout]
        for place, array in zip(places, (shots, velocity[:, None])):
            (root / place).mkdir()
            np.save(root / place / f'{place}1.npy', array)
        (root / 'train.txt').write_text('seis/seis1.npy\tvel/vel1.npy\n')
    return 'train.txt' if layout == 'openfwi-list' else 'train'
