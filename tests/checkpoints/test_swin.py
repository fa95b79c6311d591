"""Swin's classifiers of ImageNet as a start for Swin-Unet, and Swin-Unet's own files, through ``init_cfg``."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.models.backbones import SwinUNetEncoder
from mmattn.models.blocks.swin import WindowAttention, resize_table
from mmattn.models.decode_heads import SwinUNetHead
from tests.golden_vectors import load_golden
from tests.models.backbones.contract import logged

WIDTHS = (8, 16, 32, 64)
TINY = dict(embed_dims=8, num_heads=(1, 2, 4, 8), window_size=3)
DECODER = dict(in_channels=WIDTHS, num_heads=(1, 2, 4), window_size=3, num_classes=3, align_corners=False)


def published_names(encoder: SwinUNetEncoder, window_size: int) -> dict[str, Tensor]:
    """An encoder's tensors under the names of the classifier's file, with its buffers and its classifier."""
    names = {'stages': 'layers', 'attention': 'attn', 'bias_table': 'relative_position_bias_table', 'ffn': 'mlp'}
    names |= {'merge': 'downsample'}
    tensors = {}
    for name, value in encoder.state_dict().items():
        tensors['.'.join(names.get(word, word) for word in name.split('.'))] = value
    buffers = {name.replace('bias_table', 'index') for name in tensors if 'relative_position' in name}
    tensors |= dict.fromkeys(buffers, torch.zeros(window_size**2, window_size**2, dtype=torch.long))
    tensors |= {'layers.0.blocks.1.attn_mask': torch.zeros(4, 9, 9)}
    return tensors | {'head.weight': torch.ones(5, 64), 'head.bias': torch.ones(5)}


@pytest.fixture
def classifier() -> SwinUNetEncoder:
    """Of six blocks in the third stage, as Swin-T."""
    return SwinUNetEncoder(**TINY, depths=(2, 2, 6, 2))


@pytest.fixture
def file(classifier: SwinUNetEncoder, tmp_path: Path) -> str:
    path = tmp_path / 'swin.pth'
    torch.save(dict(model=published_names(classifier, 3)), path)
    return str(path)


def weights(file: str, **options: str) -> dict:
    return dict(type='Pretrained', checkpoint=file, **options)


def test_an_encoder_of_the_same_depths_takes_all(classifier: SwinUNetEncoder):
    converted = convert_checkpoint(dict(model=published_names(classifier, 3)), 'swin')
    assert converted.tensors.keys() == classifier.state_dict().keys()
    assert {'head.weight', 'head.bias', 'layers.0.blocks.1.attn_mask'} < {*converted.dropped}
    assert all(torch.equal(value, converted.tensors[name]) for name, value in classifier.state_dict().items())


def test_an_encoder_says_which_blocks_it_leaves_out(classifier: SwinUNetEncoder, file: str):
    encoder = SwinUNetEncoder(**TINY, init_cfg=weights(file, source='swin'))
    with logged() as lines:
        encoder.init_weights()
    total = len(encoder.state_dict())
    (report,) = (line for line in lines if 'tensors loaded' in line)
    assert report.startswith(f'INFO SwinUNetEncoder: {total} of {total} tensors loaded from')
    assert '52 in the checkpoint, of no use here: stages.2.blocks.2.' in report  # 54 with the classifier's two
    theirs = classifier.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in encoder.state_dict().items())


def test_a_decoder_starts_from_the_encoders_stages(classifier: SwinUNetEncoder, file: str):
    head = SwinUNetHead(**DECODER, init_cfg=weights(file, source='swin'))
    with logged() as lines:
        head.init_weights()
    (report,) = (line for line in lines if 'SwinUNetHead: ' in line)
    blocks = [name for name in head.state_dict() if '.blocks.' in name]
    assert f'WARNING SwinUNetHead: {len(blocks)} of {len(head.state_dict())} tensors loaded from' in report
    assert '22 not in the checkpoint, left as initialised: ' in report  # 21 published ones and the classifier's bias
    for level in range(3):
        ours, theirs = head.decoder[2 - level].blocks.state_dict(), classifier.stages[level].blocks.state_dict()
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert head.conv_seg.weight.std() < 0.02  # as MMSegmentation starts classifiers
    assert not head.conv_seg.bias.any()


def test_tables_of_other_windows_are_interpolated(classifier: SwinUNetEncoder, file: str):
    encoder = SwinUNetEncoder(**{**TINY, 'window_size': 5}, init_cfg=weights(file, source='swin'))
    with logged() as lines:
        encoder.init_weights()
    (report,) = (line for line in lines if 'tensors loaded' in line)
    assert 'INFO' in report
    assert '8 of another shape, interpolated: stages.0.blocks.0.attention.bias_table (25, 1) for (81, 1), ' in report
    ours = encoder.stages[1].blocks[1].attention.bias_table
    theirs = classifier.stages[1].blocks[1].attention.bias_table.detach()
    square = theirs.T.reshape(1, 2, 5, 5)
    expected = torch.nn.functional.interpolate(square, (9, 9), mode='bicubic', align_corners=False)
    torch.testing.assert_close(ours, expected.reshape(2, 81).T, rtol=0, atol=0)


def test_tables_of_a_state_dict_are_interpolated():
    small, large = (WindowAttention(8, num_heads=2, window_size=size) for size in (3, 4))
    state = small.state_dict()
    with logged() as lines:
        large.load_state_dict(state)
    assert lines == ['WARNING bias_table interpolated to windows of 4']
    assert state['bias_table'].shape == (25, 2)
    assert torch.equal(large.bias_table, resize_table(small.bias_table.detach(), 4))


@pytest.mark.parametrize('table', [torch.ones(25, 3), torch.ones(24, 2), torch.ones(16, 2)])
def test_other_tables_do_not_fit(table: Tensor):
    attention = WindowAttention(8, num_heads=2, window_size=4)
    with pytest.raises(RuntimeError, match='size mismatch for bias_table'):
        attention.load_state_dict({**attention.state_dict(), 'bias_table': table})


def test_a_constant_table_stays_constant():
    for size in (2, 5, 8):
        torch.testing.assert_close(
            resize_table(torch.full((49, 3), 0.5), size), torch.full(((2 * size - 1) ** 2, 3), 0.5)
        )
    half = resize_table(torch.ones(9, 1, dtype=torch.float16), 3)
    assert half.dtype == torch.float16


def test_both_parts_read_one_published_file(tmp_path: Path):
    published, vectors = load_golden('swin_unet_tiny')
    path = str(tmp_path / 'swin_unet.pth')
    torch.save({f'module.{name}': value for name, value in published.items()}, path)
    encoder = SwinUNetEncoder(**TINY, init_cfg=weights(path, source='swin-unet', prefix='backbone'))
    head = SwinUNetHead(**DECODER, init_cfg=weights(path, source='swin-unet', prefix='decode_head'))
    with logged() as lines:
        encoder.init_weights()
        head.init_weights()
    totals = [len(part.state_dict()) for part in (encoder, head)]
    reports = [line for line in lines if 'tensors loaded' in line]
    assert [f': {total} of {total} tensors' in line for total, line in zip(totals, reports, strict=True)] == [
        True,
        True,
    ]
    torch.testing.assert_close(head.eval()(encoder.eval()(vectors['x/x'])), vectors['y/out'], rtol=1e-4, atol=1e-4)


def test_a_part_that_is_not_there_is_an_error():
    published, _ = load_golden('swin_unet_tiny')
    encoder = {name: value for name, value in published.items() if '.patch_embed.' in name}
    assert len(convert_checkpoint(encoder, 'swin-unet', component='backbone').tensors) == 4
    with pytest.raises(KeyError, match="no tensors under the component 'decode_head'; there are backbone"):
        convert_checkpoint(encoder, 'swin-unet', component='decode_head')
    with pytest.raises(KeyError, match="source 'swin-unet' does not know strange"):
        convert_state_dict({**encoder, 'swin_unet.strange': torch.ones(1)}, 'swin-unet')


def test_a_file_for_another_number_of_levels_is_an_error(file: str):
    levels = dict(in_channels=(24, 48), num_heads=(1,), depths=(2,), num_classes=2, align_corners=False)
    head = SwinUNetHead(**levels, init_cfg=weights(file, source='swin'))
    with pytest.raises(ValueError, match=r"SwinUNetHead: no tensor of .* fits; .* source is 'swin-decoder'"):
        head.init_weights()


def test_an_encoder_of_one_channel_adds_up_the_patches_weights(classifier: SwinUNetEncoder, file: str):
    options = dict(type='PretrainedOneChannel', checkpoint=file, first='patch_embed.proj.weight', source='swin')
    colour = SwinUNetEncoder(**TINY, init_cfg=weights(file, source='swin')).eval()
    grey = SwinUNetEncoder(**TINY, in_channels=1, init_cfg=options).eval()
    colour.init_weights()
    grey.init_weights()
    x = torch.randn(1, 1, 40, 50)
    torch.testing.assert_close(grey(x)[-1], colour(x)[-1], rtol=1e-4, atol=1e-4)
