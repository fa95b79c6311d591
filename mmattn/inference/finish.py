"""From the predicted directions to the files that a user asked for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmattn.inference.outputs import Outputs, Slabs, write_volume, write_zarr
from mmattn.inference.plan import VolumePlan
from mmattn.inference.ranks import on_first
from mmattn.inference.scratch import Scratch, ScratchArray, line_ranges
from mmattn.seismic import Volume
from mmattn.seismic.salt.cleanup import clean_mask
from mmattn.seismic.salt.doubts import probability_doubts
from mmattn.seismic.salt.report import write_salt_report
from mmattn.seismic.volumes.zarr_arrays import STORES

_BINS, _LINES = 100, 100
TEXT = {
    'probability': 'mmattn: samples are the probability of salt, 0 to 1',
    'mask': 'mmattn: samples are 1 where salt is predicted, else 0',
    'std': 'mmattn: samples are the standard deviation of the salt probability',
}


class Finish:
    """Combines the members of a prediction and writes the outputs, a slab of inlines at a time.

    Args:
        volume: the input.
        live: (num_ilines, num_xlines) bool; the samples of other traces become 0.
        plan: the work.
        scratch: where its members are.
        outputs: what to write.
        progress: called with the output's name, lines done and their total.
    """

    def __init__(
        self,
        volume: Volume,
        live: np.ndarray,
        plan: VolumePlan,
        scratch: Scratch,
        outputs: Outputs,
        progress: Callable[[str, int, int], None],
    ) -> None:
        self.volume, self.live, self.plan, self.scratch = volume, live, plan, scratch
        self.outputs, self.progress = outputs, progress
        self.members: list[ScratchArray] = []
        self.mask: ScratchArray | None = None
        self.cleaned: dict[str, int] = {}

    def write_all(self) -> tuple[dict[str, list[str]], dict[str, int]]:
        """Writes every output; to be called by all processes, of which each writes its part of Zarr groups.

        Returns:
            How each SEG-Y file differs from the input, by output; and what the clean-up did.
        """
        self.members = [self.scratch.array(name, self.plan.shape) for name in self.plan.members]
        changes, self.cleaned = on_first(self._write_files)
        if self.outputs.needs_mask and self.mask is None:
            self.mask = self.scratch.array('mask', self.plan.shape, np.uint8)
        for name, path in self.outputs.files.items():
            if name in TEXT and path.suffix.lower() in STORES:
                self._write_zarr(path, (name,))
        if self.outputs.zarr is not None:
            names = ('probability', 'std') if len(self.members) > 1 else ('probability',)
            self._write_zarr(self.outputs.address or self.outputs.files['zarr'], names)
        return changes, self.cleaned

    def doubts(self) -> list[str]:
        """What about the probability should make its reader doubt it; looks at some of its lines."""
        counts, lines = np.zeros(_BINS, np.int64), self.plan.shape[0]
        for line in np.unique(np.linspace(0, lines - 1, _LINES).astype(int)):
            section = self.mean(line, line + 1)[0]
            counts += np.histogram(section[self.live[line]], bins=_BINS, range=(0, 1))[0]
        return probability_doubts(counts, self.outputs.threshold)

    def report(self, sections: Mapping[str, Mapping[str, object]], warnings: Sequence[str]) -> None:
        """Writes the report, if there is to be one; after the volumes.

        Args:
            sections: names and values by heading: the model, the settings.
            warnings: what is to be known besides.
        """
        if self.outputs.report is not None:
            self.scratch.claim(self.outputs.files['report'])
            write_salt_report(
                Path(self.outputs.report),
                self.volume,
                live=self.live,
                read_probability=self.mean,
                read_mask=self.mask.read,
                step=self.plan.output_lines,
                threshold=self.outputs.threshold,
                cleaned=self.cleaned,
                sections=sections,
                warnings=warnings,
            )

    def close(self) -> None:
        """Closes the scratch files."""
        for array in [*self.members, *([self.mask] if self.mask else [])]:
            array.close()
        self.members, self.mask = [], None

    def mean(self, start: int, stop: int) -> np.ndarray:
        """The probability of inlines ``start`` to ``stop``: the mean of all members."""
        total = self.members[0].read(start, stop)
        for member in self.members[1:]:
            total += member.read(start, stop)
        total /= len(self.members)
        return self._of_live(total, start)

    def spread(self, start: int, stop: int) -> np.ndarray:
        """The standard deviation over the members."""
        mean = self.mean(start, stop)
        total = np.zeros_like(mean)
        for member in self.members:
            difference = member.read(start, stop)
            difference -= mean
            difference *= difference
            total += difference
        total /= len(self.members)
        return self._of_live(np.sqrt(total, out=total), start)

    def _write_files(self) -> tuple[dict[str, list[str]], dict[str, int]]:
        """Makes the mask and writes what is one file; returns what ``write_all`` does."""
        if self.outputs.needs_mask:
            self.mask = self.scratch.array('mask', self.plan.shape, np.uint8)
            self._make_mask(self.mask)
        changes = {}
        for name in TEXT:
            path = self.outputs.files.get(name)
            if path is not None and path.suffix.lower() not in STORES:
                self.scratch.claim(path)
                changes[name] = write_volume(
                    self.volume, path, self._slabs(self._source(name), name), text_line=TEXT[name]
                )
        return {name: said for name, said in changes.items() if said}, self.cleaned

    def _write_zarr(self, destination: Path | str, names: tuple[str, ...]) -> None:
        """Writes a group of some of the outputs."""
        if isinstance(destination, Path):
            on_first(lambda: self.scratch.claim(destination))

        def reported(read: Callable[[int, int], np.ndarray]) -> Callable[[int, int], np.ndarray]:
            def call(start: int, stop: int) -> np.ndarray:
                self.progress(names[0] if len(names) == 1 else 'zarr', stop, self.plan.shape[0])
                return read(start, stop)

            return call

        arrays = {name: reported(self._source(name)) for name in names}
        write_zarr(self.volume, destination, arrays, lines=self.plan.output_lines)

    def _source(self, name: str) -> Callable[[int, int], np.ndarray]:
        """What gives inlines of an output."""
        return dict(probability=self.mean, std=self.spread, mask=self._read_mask)[name]

    def _read_mask(self, start: int, stop: int) -> np.ndarray:
        return self.mask.read(start, stop).astype(np.float32)

    def _make_mask(self, mask: ScratchArray) -> None:
        """Thresholds the probability into the scratch file and cleans it there."""
        for start, probability in self._slabs(self.mean, 'threshold'):
            mask.write('iline', start, probability > self.outputs.threshold)
        self.cleaned = clean_mask(
            mask.read,
            lambda start, slab: mask.write('iline', start, slab & self.live[start : start + len(slab), :, None]),
            self.plan.shape,
            min_body=self.outputs.min_body,
            fill_holes=self.outputs.fill_holes,
            hysteresis=self.outputs.hysteresis,
            probability=self.mean,
            step=self.plan.output_lines,
        )
        mask.sync()

    def _slabs(self, read: Callable[[int, int], np.ndarray], stage: str) -> Slabs:
        for start, stop in line_ranges(self.plan.shape[0], self.plan.output_lines):
            yield start, read(start, stop)
            self.progress(stage, stop, self.plan.shape[0])

    def _of_live(self, slab: np.ndarray, start: int) -> np.ndarray:
        slab[~self.live[start : start + len(slab)]] = 0
        return slab
