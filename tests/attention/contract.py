"""What every attention layer must do; a layer's test inherits it in a few lines."""

import io

import pytest
import torch
from torch import nn

from mmattn.attention import build_attention


class AttentionContract:
    """Set ``name`` and ``channels``; ``options`` and ``awaken`` where the defaults do not do."""

    name: str
    channels = 16
    options: dict = {}
    large_std = 300.0
    smallest = 1  # length of an axis in an exported graph
    # A key's bias adds the same to all logits of a query: softmax ignores it.
    silent_parameters: tuple[str, ...] = ('key_conv.bias',)

    def build(self, **options) -> nn.Module:
        """Returns the layer with its zero-initialised residual weights set, so that attention acts."""
        layer = build_attention(self.name, self.channels, **{**self.options, **options})
        self.awaken(layer)
        return layer

    @staticmethod
    def awaken(layer: nn.Module) -> None:
        for name, parameter in layer.named_parameters():
            if name.split('.')[-1] == 'gamma':
                nn.init.constant_(parameter, 0.7)

    @pytest.mark.parametrize('size', [(7, 9), (1, 5), (6, 1), (1, 1), (16, 3)])
    @pytest.mark.parametrize('batch', [1, 2])
    def test_shape_is_kept(self, batch: int, size: tuple[int, int]):
        x = torch.randn(batch, self.channels, *size)
        y = self.build().eval()(x)
        assert y.shape == x.shape
        assert y.isfinite().all()

    def test_no_image_gives_none(self):
        x = torch.randn(0, self.channels, 4, 5, requires_grad=True)
        y = self.build().eval()(x)
        y.sum().backward()
        assert y.shape == x.grad.shape == x.shape

    def test_gradients_reach_every_parameter(self):
        layer = self.build()
        x = torch.randn(2, self.channels, 5, 6, requires_grad=True)
        (layer(x) * torch.randn(2, self.channels, 5, 6)).sum().backward()
        silent = [
            name for name, parameter in layer.named_parameters() if parameter.grad is None or not parameter.grad.any()
        ]
        assert x.grad.abs().min() > 0
        assert set(silent) <= set(self.silent_parameters)

    @pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
    def test_half_precision_is_finite_and_near(self, dtype: torch.dtype):
        layer, x = self.build().eval(), torch.randn(1, self.channels, 6, 7)
        expected = layer(x)
        y = layer.to(dtype)(x.to(dtype))
        assert y.dtype == dtype
        torch.testing.assert_close(y.float(), expected, rtol=0.05, atol=0.05)

    @pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
    def test_large_activations_stay_finite(self, dtype: torch.dtype):
        layer, x = self.build().eval(), self.large_std * torch.randn(1, self.channels, 12, 11)
        with torch.autocast('cpu', dtype=dtype):
            assert layer(x).isfinite().all()
        assert layer.to(dtype)(x.to(dtype)).isfinite().all()

    def test_gradcheck(self):
        layer = self.build().double().eval()
        x = torch.randn(1, self.channels, 2, 3, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(layer, x, fast_mode=True)

    def test_save_and_load(self, tmp_path):
        first, second, x = self.build().eval(), self.build().eval(), torch.randn(1, self.channels, 4, 5)
        torch.save(first.state_dict(), tmp_path / 'layer.pth')
        second.load_state_dict(torch.load(tmp_path / 'layer.pth', weights_only=True))
        assert torch.equal(first(x), second(x))

    def test_deterministic(self):
        layer, x = self.build().eval(), torch.randn(2, self.channels, 8, 8)
        assert torch.equal(layer(x), layer(x))

    def test_channels_last_input(self):
        layer, x = self.build().eval(), torch.randn(2, self.channels, 6, 5)
        torch.testing.assert_close(layer(x.contiguous(memory_format=torch.channels_last)), layer(x))

    def test_compiles_in_one_graph(self):
        layer, x = self.build().eval(), torch.randn(1, self.channels, 6, 5)
        torch.testing.assert_close(torch.compile(layer, fullgraph=True, backend='aot_eager')(x), layer(x))

    def test_exports_to_onnx_with_dynamic_sizes(self, tmp_path):
        onnxruntime = pytest.importorskip('onnxruntime')
        layer = self.build().eval().requires_grad_(False)
        sizes = {axis: torch.export.Dim(name, min=1, max=256) for axis, name in ((0, 'b'), (2, 'h'), (3, 'w'))}
        program = torch.export.export(layer, (torch.randn(3, self.channels, 6, 5),), dynamic_shapes=(sizes,))
        torch.onnx.export(program, dynamo=True, verbose=False).save(tmp_path / 'layer.onnx')
        session = onnxruntime.InferenceSession(tmp_path / 'layer.onnx')
        for shape in ((2, 9, 4), (1, 1, 7), (4, 8, 1)):
            x = torch.randn(shape[0], self.channels, *shape[1:])
            expected = layer(x).detach()
            torch.testing.assert_close(program.module()(x), expected)
            exported = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
            torch.testing.assert_close(torch.from_numpy(exported), expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize('opset', [13, 17])
    def test_traces_and_exports_the_older_way(self, opset: int):
        """By TorchScript, as deployment tools do, with gradients on as they come; any size where axes are dynamic."""
        onnxruntime = pytest.importorskip('onnxruntime')
        layer, x = self.build().eval(), torch.randn(2, self.channels, 12, 10)
        torch.testing.assert_close(torch.jit.trace(layer, x)(x), layer(x))
        file, axes = io.BytesIO(), {'x': {0: 'b', 2: 'h', 3: 'w'}}
        torch.onnx.export(layer, (x,), file, dynamo=False, opset_version=opset, input_names=['x'], dynamic_axes=axes)
        session = onnxruntime.InferenceSession(file.getvalue())
        for shape in ((2, 12, 10), (1, 9, 14), (3, 5, self.smallest)):
            x = torch.randn(shape[0], self.channels, *shape[1:])
            exported = session.run(None, {'x': x.numpy()})[0]
            torch.testing.assert_close(torch.from_numpy(exported), layer(x).detach(), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize('shape', [(2, 3, 4, 4), (16, 4, 4)])
    def test_wrong_input_is_named(self, shape: tuple[int, ...]):
        with pytest.raises(ValueError, match=rf'{self.name}: expected a \(B, {self.channels}, H, W\) input, got shape'):
            self.build()(torch.randn(*shape))

    @pytest.mark.parametrize(('channels', 'error'), [(0, ValueError), (2.5, TypeError), (True, TypeError)])
    def test_wrong_channels_are_named(self, channels, error: type[Exception]):
        with pytest.raises(error, match=rf'{self.name}: in_channels must be .*{channels}'):
            build_attention(self.name, channels, **self.options)
