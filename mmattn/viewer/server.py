"""Serves a page under a token. Needs Panel and Bokeh."""

import logging
import signal
from typing import TYPE_CHECKING

from panel.io.server import get_server

from mmattn.viewer.access import allowed_origins, free_port
from mmattn.viewer.glance import Glance
from mmattn.viewer.opening import Opening
from mmattn.viewer.page import Explain, Page
from mmattn.viewer.survey import Survey
from mmattn.viewer.waiting import WaitingPage

if TYPE_CHECKING:
    from bokeh.server.server import Server


def make_server(
    survey: Survey | Opening[tuple[Survey, Explain | None]],
    token: str,
    *,
    host: str = '127.0.0.1',
    port: int = 0,
    explain: Explain | None = None,
    glance: Glance | None = None,
) -> 'Server':
    """Makes a server of a page; ``start()`` and its ``io_loop`` run it.

    Each browser tab gets a page of its own. Every address that does not begin with the token is not found.

    Args:
        survey: to show, or its opening, which gives what explains it, too.
        token: see :func:`mmattn.viewer.access.new_token`.
        host: name or address to listen on.
        port: to listen on; 0 takes a free one.
        explain: see :class:`mmattn.viewer.page.Page`.
        glance: what an opening shows until it is done.

    Raises:
        ValueError: if the host or the port cannot be listened on.
    """
    if isinstance(survey, Opening):
        name, make = glance.name, lambda: WaitingPage(survey, glance, lambda one: Page(*one).layout()).layout()
    else:
        name, make = survey.volume.name, lambda: Page(survey, explain).layout()
    port = free_port(host, port)
    logging.getLogger('tornado.access').setLevel(logging.ERROR)  # addresses hold the token
    before = signal.getsignal(signal.SIGINT)
    try:
        return get_server(
            {'/': make},
            port=port,
            address=host,
            websocket_origin=allowed_origins(host, port),
            prefix=token,
            ico_path='none',  # which would be found without the token
            title=f'mmattn: {name}',
            show=False,
            start=False,
            verbose=False,
        )
    finally:
        signal.signal(signal.SIGINT, before)  # Panel takes it over
