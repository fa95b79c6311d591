"""Traces as curves whose positive half is filled, the way sections were drawn on paper."""

import numpy as np

from mmattn.viewer.sections import View

MOST = 120
"""Curves in a picture."""
_SWING = 0.9
"""How far the clip reaches, in spaces between curves."""

Curves = tuple[list[np.ndarray], list[np.ndarray]]


def wiggles(view: View, clip: float, gain: float = 0.0, most: int = MOST) -> tuple[Curves, Curves]:
    """Draws every n-th trace of a view.

    Args:
        view: of a line.
        clip: amplitude that reaches almost to the next curve; larger ones are cut off there.
        gain: in dB; 20 lets a tenth of the clip reach there.
        most: curves.

    Returns:
        The curves, and the outlines of what is filled between positive amplitudes and a trace's place: for each trace
        positions across and down. Missing traces are left out.
    """
    step = -(-len(view.across) // most)
    chosen = [column for column in range(step // 2, len(view.across), step) if view.present[:, column].any()]
    down = np.asarray(view.down, float)
    reach = _SWING * step * view.across.step
    across = [np.clip(view.values[:, one] * 10 ** (gain / 20) / clip, -1, 1) * reach for one in chosen]
    places = [float(view.across[one]) for one in chosen]
    around = np.concatenate([down, down[::-1]])
    fills = [
        np.concatenate([place + np.maximum(curve, 0), np.full(len(down), place)])
        for place, curve in zip(places, across)
    ]
    lines = [place + curve for place, curve in zip(places, across)]
    return (lines, [down] * len(lines)), (fills, [around] * len(fills))
