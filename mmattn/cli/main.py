"""The command ``mmattn``: lists the tools and the configs, and runs a tool.

mmattn train ccnet_salt_quick
mmattn info survey.sgy
"""

import os
import sys
import textwrap
from typing import NoReturn

from mmattn.cli.tools import OTHERS, Tool, list_tools, run_script
from mmattn.common.errors import one_line
from mmattn.common.names import did_you_mean
from mmattn.common.resources import config_names, opening_comment
from mmattn.version import __version__

_START = """\
usage: mmattn TOOL [options]        mmattn TOOL --help tells them
       mmattn configs               lists the experiments that come with it
       mmattn --version

  mmattn train ccnet_salt_quick                       train a small network on made-up sections
  mmattn test ccnet_salt_quick work_dirs/ccnet_salt_quick/epoch_4.pth --out masks
  mmattn make-synthetic volume survey.sgy --shape 64 64 128
  mmattn info survey.sgy --picture survey.png         look into a SEG-Y file
  mmattn predict CONFIG CHECKPOINT survey.sgy salt.sgy --report report
"""


def overview(tools: dict[str, Tool], width: int = 118) -> str:
    """Returns what ``mmattn --help`` prints."""
    lines = [_START]
    groups = [tool.group for tool in tools.values()]
    for group in [*dict.fromkeys(group for group in groups if group != OTHERS), *([OTHERS] * (OTHERS in groups))]:
        lines.append(f'{group}:')
        for tool in tools.values():
            if tool.group == group:
                lines.append(f'  {tool.name:16}{textwrap.shorten(tool.summary, width - 18, placeholder=" …")}')
        lines.append('')
    return '\n'.join(lines)


def config_list() -> str:
    """Returns what ``mmattn configs`` prints: name and opening comment of each."""
    return '\n'.join(
        f'{name:40}{textwrap.shorten(opening_comment(path), 100, placeholder=" …")}'
        for name, path in config_names().items()
    )


def fail(message: str) -> NoReturn:
    """Ends the process with one line and exit code 2."""
    print(f'error: {message}', file=sys.stderr)
    sys.exit(2)


def main() -> None:
    """Runs the command line."""
    name, *arguments = sys.argv[1:] or ['--help']
    if name in ('-V', '--version'):
        print(f'mmattn {__version__}')
        return
    try:
        if name == 'configs' and not arguments:
            print(config_list())
            return
        tools = list_tools()
        if name in ('-h', '--help', 'help'):
            print(overview(tools))
            return
        if name not in tools:
            fail(f'mmattn has no tool {name!r}{did_you_mean(name, tools)} (mmattn --help lists them)')
        run_script(tools[name], arguments)
    except BrokenPipeError:  # of a list that is read by `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except ImportError as error:
        if not str(error).startswith('mmattn: '):
            raise
        fail(one_line(error))


if __name__ == '__main__':
    main()
