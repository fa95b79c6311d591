"""Names of components: those that a wrong one may have meant, and those that are none."""

import difflib
import re
from collections.abc import Iterable

BACKENDS = 'auto', 'torch', 'onnxruntime', 'openvino'
"""What may compute a network's predictions; ``mmattn.inference.backends`` says how."""
PLACES = 'neck', 'head', 'backbone', 'skip'
"""Where an ablation puts its layers; ``mmattn.studies.ablation.cells`` says how."""
_COMPONENT = re.compile(r'[A-Za-z_]\w*|mm[a-z]+\.[A-Z]\w*')


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Returns what ends an error message on an unknown name: the known names most like it, or nothing."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=2)
    return f'; did you mean {" or ".join(repr(by_lower[candidate]) for candidate in near)}?' if near else ''


def is_component(name: object) -> bool:
    """Tells whether the ``type`` of a config names a component: mmengine takes others for any importable object."""
    return not isinstance(name, str) or _COMPONENT.fullmatch(name) is not None
