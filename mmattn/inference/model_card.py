"""The model card that is saved beside a network."""

from torch import nn

_TEXT = """\
---
library_name: mmattn
tags: [seismic, salt, image-segmentation, mmsegmentation]
---

# {title}

{about}

```python
import mmattn

model = mmattn.load('THIS FOLDER')
probability = model(section)                    # grey values of 0 to 255, (samples, traces)
probability = model(amplitudes, clip={clip})    # amplitudes: clip is what becomes black and white
```

| | |
|---|---|
| network | {backbone} with {head}, {parameters:.2f} million parameters |
| input | one section, one channel, any size; cut into windows of {window} |
| output | the probability of salt at each sample, 0 to 1 |
| amplitudes | {amplitudes}{clips} |
| temperature | {temperature:g}, that logits are divided by |
| written by | mmattn {version} |

## Limits

The network knows the survey that it was trained on. Another survey differs in frequency content, noise, gain and
processing, which it was not trained for; probabilities are not calibrated there, and they are no statement about rock.
Compare with labels of the survey at hand before using them, and let an interpreter look at bodies near the edges of the
data, below a few samples in size, and at other bright, chaotic or transparent bodies such as shale, volcanics and
channels.
"""
_UNSAID = (
    'A network for seismic salt. Its training data, their licence, its results and its robustness were not told when '
    'it was saved: say them here before it is passed on (`save(folder, about=…)`).'
)


def model_card(content: dict, segmentor: nn.Module, about: str) -> str:
    """Returns the text of a card.

    Args:
        content: of ``config.json``.
        segmentor: the network.
        about: its data, licence and results, in Markdown; a reminder stands in their place where it is empty.
    """
    model, preprocessor = content['model'], segmentor.data_preprocessor
    clips = content['dataset_meta'].get('amplitude_clip') or {}
    told = '; clipped at ' + ', '.join(f'{value:g} ({name})' for name, value in clips.items()) if clips else ''
    mean, std = (_numbers(getattr(preprocessor, name, None)) for name in ('mean', 'std'))
    amplitudes = f'trained on mean {mean}, standard deviation {std} in grey values'
    if getattr(preprocessor, 'per_section', False):
        amplitudes = 'of any gain: each window is normalised by its own mean and standard deviation'
    head = model['decode_head']
    head = head[-1] if isinstance(head, list) else head
    return _TEXT.format(
        title=f'{head["type"]} on {model["backbone"]["type"]}',
        about=about.strip() or _UNSAID,
        backbone=model['backbone']['type'],
        head=head['type'],
        parameters=sum(parameter.numel() for parameter in segmentor.parameters()) / 1e6,
        window=' x '.join(map(str, content['window'])),
        clip=f'{next(iter(clips.values())):g}' if clips else 2500.0,
        clips=told,
        amplitudes=amplitudes,
        temperature=content['dataset_meta'].get('temperature', 1.0),
        version=content['mmattn'],
    )


def _numbers(tensor: object) -> str:
    return 'unknown' if tensor is None else ', '.join(f'{value:.4g}' for value in tensor.flatten().tolist())
