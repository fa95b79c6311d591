"""A report as one HTML page that holds its pictures and needs nothing else, to be sent and opened anywhere."""

import base64
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmattn.common.files import write_whole

MOST_ROWS = 50
"""Of a table on the page; the file beside it has all."""
_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; font-size: 0.9rem; display: block; overflow-x: auto; }
td, th { border: 1px solid #ddd; padding: 0.2rem 0.6rem; text-align: left; font-variant-numeric: tabular-nums; }
th { background: #f4f4f4; font-weight: 600; }
pre { background: #f6f6f6; padding: 0.8rem; overflow-x: auto; font-size: 0.85rem; }
img { max-width: 100%; } .meta { color: #666; }
.warnings { background: #fff4d6; border-left: 5px solid #E69F00; padding: 0.6rem 1rem; }
.fine { background: #eef6ee; border-left: 5px solid #009E73; padding: 0.6rem 1rem; }
@media print { body { max-width: none; margin: 0; } h2 { break-after: avoid; } img, tr { break-inside: avoid; } }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p class="meta">{{ subtitle }}</p>
{% if warnings %}<div class="warnings"><strong>Read this first</strong>
<ul>{% for text in warnings %}<li>{{ text }}</li>{% endfor %}</ul></div>
{% else %}<p class="fine">Nothing odd was noticed.</p>
{% endif %}<h2>Survey</h2>
<pre>{% for line in survey %}{{ line }}
{% endfor %}</pre>
<h2>Result</h2>
{{ pairs(summary) }}
{% for picture in pictures %}<h2>{{ picture.title }}</h2>
<img alt="{{ picture.title }}" src="data:image/png;base64,{{ picture.data }}">
{% endfor %}{% for table in tables %}<h2>{{ table.title }}</h2>
{% if table.rows %}<table><thead><tr>{% for name in table.header %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in table.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>
{% else %}<p>None.</p>
{% endif %}{% if table.left_out %}<p class="meta">{{ table.left_out }} more in {{ table.file }}.</p>
{% endif %}{% endfor %}{% for name, values in sections.items() %}<h2>{{ name }}</h2>
{{ pairs(values) }}
{% endfor %}</body>
</html>
"""
_PAIRS = """{% macro pairs(values) %}<table><tbody>
{% for name, value in values.items() %}<tr><th>{{ name }}</th><td>{{ value }}</td></tr>
{% endfor %}</tbody></table>{% endmacro %}"""


@dataclass
class ReportPage:
    """What stands on the page.

    Args:
        title: of the page.
        subtitle: below it: what made it, and when.
        warnings: what the reader must know.
        survey: lines of text that describe the survey.
        summary: results by name.
        pictures: PNG files by title.
        tables: CSV files by title.
        sections: further tables of names and values, by heading: the model, the settings.
    """

    title: str
    subtitle: str
    warnings: Sequence[str]
    survey: Sequence[str]
    summary: Mapping[str, object]
    pictures: Mapping[str, Path]
    tables: Mapping[str, Path]
    sections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Writes the page; whatever texts hold is shown as it is and never run."""
        from jinja2 import DictLoader, Environment, StrictUndefined

        loader = DictLoader(dict(page="{% from 'pairs' import pairs %}" + _TEMPLATE, pairs=_PAIRS))
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        pictures = [
            dict(title=title, data=base64.b64encode(file.read_bytes()).decode())
            for title, file in self.pictures.items()
            if file.is_file()
        ]
        text = environment.get_template('page').render(
            title=self.title,
            subtitle=self.subtitle,
            warnings=self.warnings,
            survey=self.survey,
            summary={name: readable(value) for name, value in self.summary.items()},
            pictures=pictures,
            tables=[_table(title, file) for title, file in self.tables.items()],
            sections={
                name: {key: readable(value) for key, value in values.items()} for name, values in self.sections.items()
            },
        )
        write_whole(path, text)


def readable(value: object) -> str:
    """A number, list or flag as people read it."""
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, float):
        return f'{value:.6g}'
    if isinstance(value, int):
        return f'{value:,}'
    if isinstance(value, list | tuple):
        return ' x '.join(map(str, value)) if all(isinstance(one, int) for one in value) else ', '.join(map(str, value))
    return 'none' if value is None else str(value)


def _table(title: str, file: Path) -> dict[str, object]:
    with open(file, newline='', encoding='utf-8') as lines:
        header, *rows = csv.reader(lines)
    return dict(
        title=title, header=header, rows=rows[:MOST_ROWS], left_out=max(len(rows) - MOST_ROWS, 0), file=file.name
    )
