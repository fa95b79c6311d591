"""Whether PyTorch may multiply float32 by TF32 on a GPU: by its settings, the newer and the older ones.

``torch.get_float32_matmul_precision`` is not asked: it raises an error once a program has used the newer settings.
"""

import torch


def has_tf32_products() -> bool:
    """Tells whether matrix products may take TF32."""
    return _is_tf32(torch.backends.cuda.matmul, 'allow_tf32')


def has_tf32_convolutions() -> bool:
    """Tells whether convolutions may take TF32, as they do unless told otherwise."""
    conv = getattr(torch.backends.cudnn, 'conv', None)  # new in PyTorch 2.9, like its precision
    return _is_tf32(conv, '') if hasattr(conv, 'fp32_precision') else torch.backends.cudnn.allow_tf32


def _is_tf32(settings: object, old: str) -> bool:
    if hasattr(settings, 'fp32_precision'):
        return settings.fp32_precision == 'tf32'
    return getattr(settings, old)
