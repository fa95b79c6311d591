"""Shows sections of a survey in the browser, with the probability of salt and a label over them.

python tools/view.py survey.sgy salt.sgy --label label.zarr      # to paint on; made if it is not there
python tools/view.py survey.sgy salt.sgy --compare salt2.sgy    # two predictions side by side
python tools/view.py data/salt                        # tiles that prepare_tgs.py wrote; or: synthetic:5
python tools/view.py survey.sgy salt.sgy --config CONFIG --checkpoint CHECKPOINT

Prints the address of a page that this machine alone can open, and runs until Ctrl-C. Of a survey larger than memory
only the section in sight is read; while the headers of a large file are read, traces from its middle are shown. With a
network a click shows what its attention layers see from that point. Needs Panel: pip install 'mmattn[view]'.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mmattn.cli.command_line import ToolParser, run_tool
from mmattn.cli.segy_options import add_segy_options, segy_options
from mmattn.common.errors import InputError, one_line
from mmattn.viewer.access import new_token, page_address
from mmattn.viewer.first_page import FirstPage
from mmattn.viewer.glance import glance
from mmattn.viewer.opening import Opening

if TYPE_CHECKING:
    from bokeh.server.server import Server

    from mmattn.viewer.glance import Glance
    from mmattn.viewer.page import Explain
    from mmattn.viewer.survey import Survey

_AT_ONCE = 0.5  # seconds that an opening may take, after Panel is imported, before a page that waits for it is made
_LOOK, _TOLD = 0.25, 10.0  # seconds between looks, and until the end once an open page could tell what is wrong


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'survey', help='amplitudes: SEG-Y, .npy, Zarr or MDIO; a folder of tiles (images, masks); synthetic[:SEED]'
    )
    parser.add_argument('probability', nargs='?', help='probability of salt, 0 to 1, on the same grid')
    parser.add_argument(
        '--label', help='0 background, 1 salt, 255 unknown, to paint on; a .npy or .zarr is made if it is not there'
    )
    parser.add_argument(
        '--compare', metavar='FILE', help='a second probability on the same grid, shown beside the first'
    )
    parser.add_argument('--clip', type=float, help="amplitude of the last colour; the survey's own by default")
    parser.add_argument('--config', help='of a network whose attention a click shows')
    parser.add_argument('--checkpoint', help='of that network')
    parser.add_argument('--host', default='127.0.0.1', help='where to listen; 0.0.0.0 lets other machines in')
    parser.add_argument('--port', type=int, default=0, help='to listen on; 0 takes a free one')
    add_segy_options(parser.add_argument_group('how SEG-Y is read'))
    args = parser.parse_args()
    if not 0 <= args.port < 1 << 16:
        parser.error(f'--port must be from 0 to 65535, got {args.port}')
    if (args.config is None) != (args.checkpoint is None):
        parser.error('--config and --checkpoint belong together: give both or none')
    return args


def segy_as_given(args: argparse.Namespace) -> dict:
    """The options of reading that are not at their default, so that arrays need none."""
    parser = argparse.ArgumentParser()
    add_segy_options(parser.add_argument_group())
    usual = segy_options(parser.parse_args([]))
    return {name: value for name, value in segy_options(args).items() if value != usual[name]}


def explainer(args: argparse.Namespace, survey: 'Survey') -> 'Explain | None':
    """What makes pictures of a network's attention, if there is a network."""
    if args.config is None:
        return None
    try:
        from mmattn.cli.launch import load_config
        from mmattn.cli.saved_weights import read_model
        from mmattn.engine.attention_pictures import draw_overview
        from mmattn.inference.attention import look_at_section
        from mmattn.inference.clip import choose_clip
    except ImportError as error:
        raise InputError(one_line(error)) from None
    model = read_model(load_config(args.config), args.checkpoint, 'cpu')
    clip, _ = choose_clip(model, survey.volume, args.clip)

    def explain(direction: str, index: int, row: int, column: int) -> bytes:
        section = survey.volume.section(direction, index).T
        return draw_overview(*look_at_section(model, section, row, column, clip=clip))

    return explain


def open_all(args: argparse.Namespace) -> 'tuple[Survey, Explain | None]':
    """The survey, and what explains it."""
    from mmattn.viewer.survey import open_survey  # late, so that --help comes at once

    others = dict(probability=args.probability, label=args.label, compare=args.compare)
    survey = open_survey(args.survey, **others, clip=args.clip, **segy_as_given(args))
    return survey, explainer(args, survey)


def look_first(args: argparse.Namespace, token: str) -> 'tuple[Glance, FirstPage] | None':
    """Shows traces of a SEG-Y file before Panel is imported; None where that is not to be, or its head is wrong."""
    if find_spec('panel') is None:
        return None
    try:
        first = glance(args.survey, **segy_as_given(args))
    except (OSError, ValueError):  # which the opening tells better
        return None
    return first and (first, FirstPage(first, token, host=args.host, port=args.port))


def tell(args: argparse.Namespace, survey: 'Survey', *, is_new: bool) -> None:
    """Says what is odd about the survey and the label."""
    for note in survey.volume.notes:
        print(f'note: {note}', file=sys.stderr, flush=True)
    if is_new:
        print(f'new label, all unknown: {args.label}', file=sys.stderr, flush=True)
    elif survey.why_not:
        print(f'note: {survey.why_not}', file=sys.stderr, flush=True)


def serve(server: 'Server', opening: Opening, done: 'Callable[[Survey], None]', *, was_seen: bool) -> None:
    """Runs a server until Ctrl-C, or for some seconds more if what it shows cannot be opened."""

    def look() -> None:
        if not opening.is_done:
            server.io_loop.call_later(_LOOK, look)
        elif opening.error is None:
            done(opening.result()[0])
        else:
            to_tell = was_seen or server.get_sessions()
            server.io_loop.call_later(_TOLD if to_tell else 0, server.io_loop.stop)

    look()
    server.io_loop.start()


def make(args: argparse.Namespace, token: str, opening: Opening, early: 'tuple[Glance, FirstPage] | None') -> 'Server':
    """The server of the page, at the port of the first page if there was one."""
    try:
        gc.disable()  # it would look a tenth of the time for garbage that importing does not make
        from mmattn.viewer.server import make_server
    except ImportError as error:
        opening.result()
        raise InputError(f"the page needs Panel ({one_line(error)}): pip install 'mmattn[view]'") from None
    finally:
        gc.enable()
    where = dict(host=args.host, port=args.port)
    if early:
        first, page = early
        opening.wait(_AT_ONCE)
        if opening.error is not None and not page.was_seen:
            opening.result()
        page.close()
        where['port'] = page.port
        if not opening.is_done or opening.error is not None:
            return make_server(opening, token, glance=first, **where)
    survey, explain = opening.result()
    return make_server(survey, token, explain=explain, **where)


def main() -> None:
    """Serves the page."""
    args = parse_args()
    token = new_token()
    is_new = args.label is not None and not os.path.exists(args.label)
    opening = Opening(lambda: open_all(args))
    try:
        early = look_first(args, token)
        if early:
            print(page_address(args.host, early[1].port, token), flush=True)
        server = make(args, token, opening, early)
        server.start()
        if not early:
            print(page_address(args.host, server.port, token), flush=True)
        was_seen = early is not None and early[1].was_seen
        serve(server, opening, lambda survey: tell(args, survey, is_new=is_new), was_seen=was_seen)
        opening.result()
    except ValueError as error:
        raise InputError(str(error)) from None
    finally:
        if opening.is_done and opening.error is None:
            opening.result()[0].__exit__()


if __name__ == '__main__':
    run_tool(main)
