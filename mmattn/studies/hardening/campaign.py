"""What a campaign counts and keeps."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmattn.common.files import write_whole
from mmattn.studies.hardening.isolate import Case, Outcome, try_cases

_MOST_KEPT = 20  # of a kind


class Campaign:
    """Counts outcomes until its time is over, and keeps what failed.

    Args:
        out: folder for the counts (``campaign.json``), the failing inputs, and the odd settings that were accepted.
        minutes: after which no further round begins.
        seed: of what is drawn.
    """

    def __init__(self, out: Path, *, minutes: float, seed: int = 0) -> None:
        if not minutes > 0:
            raise ValueError(f'minutes must be above 0, got {minutes}')
        self.out, self.seed = Path(out), seed
        self.counts: dict[str, Counter] = {}
        self._end = time.monotonic() + 60 * minutes
        self.out.mkdir(parents=True, exist_ok=True)

    @property
    def over(self) -> bool:
        """Whether the time is."""
        return time.monotonic() >= self._end

    def rounds(self) -> Iterator[int]:
        """Numbers of rounds: one, however slow the machine, and more until the time is over."""
        number = 0
        while not (number and self.over):
            yield number
            number += 1

    @property
    def lost(self) -> int:
        """Cases that did not end as they should."""
        return sum(counts['lost'] for counts in self.counts.values())

    def try_all(self, cases: Iterable[Case], *, seconds: float = 20.0) -> None:
        """Tries cases in processes of their own."""
        for case, outcome in try_cases(cases, seconds=seconds):
            self.add(case.kind, case.name, outcome, case.content)

    def add(self, kind: str, name: str, outcome: Outcome, content: bytes = b'') -> None:
        """Counts an outcome."""
        counts = self.counts.setdefault(kind, Counter(tried=0, lost=0))
        counts['tried'] += 1
        counts[outcome.kind] += 1
        if outcome.kind == 'accepted' and kind in ('config', 'command'):
            with open(self.out / 'accepted.txt', 'a', encoding='utf-8', errors='replace') as file:
                file.write(f'{name}\n')
        if not outcome.survived:
            counts['lost'] += 1
            if counts['lost'] <= _MOST_KEPT:
                place = self.out / 'failed' / f'{kind}-{counts["lost"]:03d}'
                write_whole(place.with_suffix('.txt'), f'{name}\n{outcome.kind}: {outcome.said}\n')
                if content:
                    write_whole(place.with_suffix('.bin'), content)
        self.save()

    def save(self) -> None:
        """Writes the counts."""
        now = time.monotonic()
        if now - getattr(self, '_saved', 0) > 5 or self.over:
            self._saved = now
            write_whole(self.out / 'campaign.json', json.dumps(dict(seed=self.seed, counts=self.counts), indent=1))

    def table(self) -> str:
        """The counts, as a table."""
        kinds = ('accepted', 'refused', 'traceback', 'wrong', 'memory', 'hang', 'crash')
        lines = [f'{"":<14}{"tried":>8}{"survived":>10}{"lost":>6}   outcomes']
        for name, counts in self.counts.items():
            said = ', '.join(f'{counts[kind]} {kind}' for kind in kinds if counts[kind])
            lines.append(
                f'{name:<14}{counts["tried"]:>8}{counts["tried"] - counts["lost"]:>10}{counts["lost"]:>6}   {said}'
            )
        return '\n'.join(lines)
