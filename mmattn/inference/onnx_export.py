"""Networks as ONNX, for sections of any size; checked against PyTorch with onnxruntime.

The network itself is translated by PyTorch's exporter for heights and widths that are multiples of what it pads to. The
preprocessing is put around it as operators of ONNX: reflection padding, normalisation, and the cut at the end.
"""

import copy
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmattn.common.files import written_whole
from mmattn.inference.predictor import TilePredictor, temperature_of, window_multiple
from mmattn.models.preprocessing.data_preprocessor import SMALLEST_DEVIATION, SaltDataPreProcessor

OPSET = 18
INPUT, OUTPUT, LOGITS = 'section', 'probability', 'logits'
_LARGEST = 64  # multiples of a side that the exporter is told of


class _Network(nn.Module):
    """What is translated: padded and normalised sections to the probability of salt, or to logits."""

    def __init__(self, segmentor: nn.Module, *, logits: bool = False) -> None:
        super().__init__()
        self.segmentor, self.logits = segmentor, logits
        self.temperature = temperature_of(segmentor)

    def forward(self, inputs: Tensor) -> Tensor:
        size = inputs.shape[2:]
        logits = self.segmentor.encode_decode(inputs, [dict(img_shape=size, pad_shape=size, ori_shape=size)])
        if self.logits:
            return logits
        logits = logits / self.temperature
        if logits.shape[1] == 1:
            return logits.sigmoid()
        return logits.softmax(dim=1)[:, 1:]


def export_onnx(
    segmentor: nn.Module, path: str | os.PathLike, *, preprocessing: bool = True, channels: int | None = None
) -> Path:
    """Writes a segmentor as ONNX, with any number of sections of any height and width.

    Args:
        segmentor: for salt, as ``TilePredictor`` takes it.
        path: of the file.
        preprocessing: input are (N, 1, H, W) grey values of 0 to 255, of any height and width above half of the
            network's multiple. Without it they are (N, C, H, W), normalised and padded to that multiple by the caller.
        channels: C; by default that of the network's first convolution.

    Returns:
        The path. The output is (N, 1, H, W), the probability of salt.

    Raises:
        TypeError: if the model is no encoder-decoder segmentor.
        ValueError: if it is not for salt, or its preprocessing cannot be translated.
        ImportError: if a package of ``mmattn[onnx]`` is missing, or PyTorch is older than 2.7.
    """
    onnx = _exporter()
    predictor = TilePredictor(segmentor)  # checks it
    channels = predictor.in_channels if channels is None else channels
    multiple = window_multiple(predictor.model)
    if preprocessing:
        _check_preprocessing(predictor.model)
    model = _translate(_Network(predictor.model), channels, multiple)
    if preprocessing:
        model = _with_preprocessing(model, predictor.model.data_preprocessor, multiple, channels)
    else:
        _rename(model, INPUT, OUTPUT)
    onnx.checker.check_model(model)
    with written_whole(path) as temporary:
        onnx.save(model, temporary)
    return Path(path)


def export_logits(segmentor: nn.Module, path: str | os.PathLike, *, channels: int) -> Path:
    """Writes what ``encode_decode`` of a segmentor does as ONNX: no preprocessing around it, logits at the end.

    Args:
        segmentor: an encoder-decoder of MMSegmentation, of any number of classes.
        path: of the file.
        channels: C of the input ``section``, (N, C, H, W), normalised and padded to the network's multiple. The output
            ``logits`` is (N, K, H, W).

    Raises:
        ImportError: if a package of ``mmattn[onnx]`` is missing, or PyTorch is older than 2.7.
        Exception: whatever PyTorch's exporter raises for a network that it cannot translate.
    """
    onnx = _exporter()
    model = _translate(_Network(copy.deepcopy(segmentor), logits=True), channels, window_multiple(segmentor))
    _rename(model, INPUT, LOGITS)
    with written_whole(path) as temporary:
        onnx.save(model, temporary)
    return Path(path)


def compare_onnx(
    segmentor: nn.Module, path: str | os.PathLike, sizes: Sequence[tuple[int, int]], *, seed: int = 0
) -> dict[tuple[int, int], float]:
    """Runs a file that was written with its preprocessing beside the segmentor.

    Args:
        segmentor: that was exported.
        path: of the file.
        sizes: (H, W) of random sections.
        seed: of the sections.

    Returns:
        By size the largest difference of the probability.
    """
    runtime = _import('onnxruntime')
    session = runtime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    predictor = TilePredictor(segmentor)
    random = np.random.default_rng(seed)
    found = {}
    for size in sizes:
        sections = random.uniform(0, 255, (2, *size)).astype(np.float32)
        expected = predictor(np.ascontiguousarray(sections.transpose(0, 2, 1)))[0].transpose(0, 2, 1)
        given = session.run([OUTPUT], {INPUT: sections[:, None]})[0][:, 0]
        found[size] = float(np.abs(given - expected).max())
    return found


def _exporter():
    """Returns the package ``onnx`` once all that exporting needs is there."""
    if torch.__version__ < (2, 7):
        raise ImportError(f'export to ONNX needs PyTorch 2.7 or newer, this is {torch.__version__}')
    _import('onnxscript')
    return _import('onnx')


def _translate(network: nn.Module, channels: int, multiple: int):
    """Translates a network for sections of any number, and of sides that are multiples of ``multiple``."""
    import onnx

    network = network.eval().cpu().requires_grad_(False)
    sample = torch.zeros(2, channels, 3 * multiple, 4 * multiple)
    rows, columns = (torch.export.Dim(name, min=1, max=_LARGEST) for name in ('rows', 'columns'))
    shapes = ({0: torch.export.Dim('sections', min=1, max=1024), 2: multiple * rows, 3: multiple * columns},)
    with torch.no_grad(), tempfile.TemporaryDirectory() as temporary:
        program = torch.export.export(network, (sample,), dynamic_shapes=shapes)
        file = Path(temporary) / 'network.onnx'
        torch.onnx.export(program, dynamo=True, verbose=False, opset_version=OPSET).save(file)
        return onnx.load(file)


def _check_preprocessing(segmentor: nn.Module) -> None:
    preprocessor = segmentor.data_preprocessor
    if not isinstance(preprocessor, SaltDataPreProcessor):
        raise ValueError(
            f'only SaltDataPreProcessor can be put into the file, the model has {type(preprocessor).__name__}: export '
            'without preprocessing'
        )
    if preprocessor.enlarge != 1:
        raise ValueError(
            f'SaltDataPreProcessor(enlarge={preprocessor.enlarge}) cannot be put into the file: export without '
            'preprocessing'
        )


def _import(name: str):
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"export to ONNX needs {name}: pip install 'mmattn[onnx]'") from error


def _rename(model, source: str, target: str) -> None:
    """Gives the graph's input and output our names."""
    renamed = {model.graph.input[0].name: source, model.graph.output[0].name: target}
    for value in (*model.graph.input, *model.graph.output):
        value.name = renamed.get(value.name, value.name)
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = renamed.get(name, name)


def _with_preprocessing(model, preprocessor: SaltDataPreProcessor, multiple: int, channels: int):
    """Returns the model between padding, normalisation and cutting."""
    from onnx import TensorProto, helper, numpy_helper

    _rename(model, 'padded', 'padded_probability')
    graph = model.graph

    def constant(name: str, value: object, dtype: type = np.int64) -> str:
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, dtype), f'pre_{name}'))
        return f'pre_{name}'

    before, after = [], []

    def node(into: list, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        into.append(helper.make_node(kind, inputs, [output], name=f'pre_node_{output}', **attributes))
        return output

    # (H, W), what is missing to the next multiple, half of it before and the rest behind
    node(before, 'Shape', [INPUT], 'pre_size', start=2, end=4)
    node(before, 'Neg', ['pre_size'], 'pre_negative')
    node(before, 'Mod', ['pre_negative', constant('multiple', [multiple, multiple])], 'pre_missing')
    node(before, 'Div', ['pre_missing', constant('two', [2, 2])], 'pre_before')
    node(before, 'Sub', ['pre_missing', 'pre_before'], 'pre_after')
    zeros = constant('zeros', [0, 0])
    node(before, 'Concat', [zeros, 'pre_before', zeros, 'pre_after'], 'pre_pads', axis=0)
    node(before, 'Pad', [INPUT, 'pre_pads'], 'pre_padded', mode='reflect')
    mean, std = (getattr(preprocessor, name).detach().cpu().numpy()[None] for name in ('mean', 'std'))
    if preprocessor.per_section:
        all_axes = constant('all_axes', [1, 2, 3])
        node(before, 'ReduceMean', [INPUT, all_axes], 'pre_mean', keepdims=1)
        node(before, 'Sub', [INPUT, 'pre_mean'], 'pre_deviation')
        node(before, 'Mul', ['pre_deviation', 'pre_deviation'], 'pre_squares')
        node(before, 'ReduceMean', ['pre_squares', all_axes], 'pre_variance', keepdims=1)
        node(before, 'Sqrt', ['pre_variance'], 'pre_std_raw')
        node(before, 'Max', ['pre_std_raw', constant('least', SMALLEST_DEVIATION, np.float32)], 'pre_std_used')
        mean_name, std_name = 'pre_mean', 'pre_std_used'
    else:
        mean_name, std_name = constant('mean', mean, np.float32), constant('std', std, np.float32)
    node(before, 'Sub', ['pre_padded', mean_name], 'pre_centred')
    last = node(before, 'Div', ['pre_centred', std_name], 'pre_normalised')
    repeats = channels if mean.shape[1] == 1 else 1
    node(before, 'Tile', [last, constant('repeats', [1, repeats, 1, 1])], 'padded')

    node(after, 'Add', ['pre_before', 'pre_size'], 'pre_end')
    axes = constant('axes', [2, 3])
    node(after, 'Slice', ['padded_probability', 'pre_before', 'pre_end', axes], OUTPUT)

    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    shape = ['sections', 1, 'height', 'width']
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape))
    return model
