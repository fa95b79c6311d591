"""A description of a SEG-Y file as lines for people."""


def describe_as_text(found: dict) -> list[str]:
    """Returns the lines of a description, as ``mmattn.seismic.segy.report`` makes it."""
    lines: list[str] = []
    for title, content in found.items():
        if title == 'headers':
            lines.append('header words that vary')
            lines += [
                f'  {word["byte"]:4} {word["name"]:32} {word["lowest"]:12} to {word["highest"]:12}, '
                f'{word["distinct"]} values'
                for word in content
            ]
        elif title == 'command':
            lines += ['try', f'  {content}']
        elif isinstance(content, dict):
            lines.append(title)
            for name, value in content.items():
                lines += _value(name.replace('_', ' '), value)
        elif isinstance(content, list):
            lines.append(title if content else f'{title}: none')
            lines += [f'  {_inline(item)}' for item in content]
        else:
            lines.append(f'{title}: {content}')
    return lines


def _value(name: str, value: object) -> list[str]:
    """One property: lists of many things a line each."""
    if isinstance(value, list) and value and not isinstance(value[0], int):
        return [f'  {name}', *(f'    {_inline(item)}' for item in value)]
    return [f'  {name:22} {_inline(value)}']


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return ', '.join(f'{name.replace("_", " ")} {_inline(item)}' for name, item in value.items())
    if isinstance(value, list):
        return ' x '.join(map(_inline, value))
    if value is None:
        return '-'
    return f'{value:.6g}' if isinstance(value, float) and abs(value) < 1e5 else f'{value}'
