"""The page until Panel is imported: traces of a file, served by the standard library alone."""

import base64
import html
import io
import secrets
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

import numpy as np
from PIL import Image

from mmattn.viewer.access import free_port
from mmattn.viewer.colours import amplitude_levels, amplitude_palette
from mmattn.viewer.glance import Glance

_POLL = 0.02  # seconds until a server that is told to stop looks
_STATE = 'first'  # address below the page that this server alone answers
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>mmattn: {name}</title>
<style>
body {{ margin: 0; padding: 12px; box-sizing: border-box; height: 100vh; display: flex; flex-direction: column;
  font: 14px sans-serif; }}
p {{ margin: 0 0 8px; }}
img {{ flex: 1; min-height: 0; width: 100%; object-fit: fill; }}
</style></head><body>
<p>The page with its controls comes here by itself.</p>
<p><b>{title}</b>, samples {first:,} to {last:,} downwards</p>
<img alt="{title}" src="data:image/png;base64,{picture}">
<script nonce="{nonce}">
const look = async () => {{
  try {{
    const answer = await fetch("{state}", {{cache: "no-store"}});
    if (!answer.ok) return location.reload();  // by whoever serves the page now
  }} catch {{}}  // nobody for a moment
  setTimeout(look, 100);
}};
look();
</script></body></html>
"""


class FirstPage:
    """Serves one picture under a token, in a thread, until another server takes its port.

    In the browser it looks ten times a second whether that has happened, and then loads itself anew.

    Args:
        glance: what it shows.
        token: that its address begins with; every other address is not found.
        host: name or address to listen on.
        port: to listen on; 0 takes a free one.

    Attributes:
        port: that it listens on.
        was_seen: whether anybody has asked for it.

    Raises:
        ValueError: if the host or the port cannot be listened on.
    """

    def __init__(self, glance: Glance, token: str, *, host: str = '127.0.0.1', port: int = 0) -> None:
        self.was_seen = False
        nonce = secrets.token_hex(8)
        page = _write_page(glance, nonce)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """Answers for the page and for its looks."""

            def do_GET(self) -> None:
                if self.path == f'/{token}/':
                    outer.was_seen = True
                    self._answer(HTTPStatus.OK, page)
                elif self.path == f'/{token}/{_STATE}':
                    self._answer(HTTPStatus.OK, b'')
                elif self.path == f'/{token}':
                    self._answer(HTTPStatus.MOVED_PERMANENTLY, b'', Location=f'/{token}/')
                else:
                    self._answer(HTTPStatus.NOT_FOUND, b'')

            def _answer(self, status: HTTPStatus, body: bytes, **headers: str) -> None:
                self.send_response(status)
                headers |= {
                    'Content-Type': 'text/html; charset=utf-8',
                    'Content-Length': str(len(body)),
                    'Cache-Control': 'no-store',
                    'Content-Security-Policy': "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
                    f"script-src 'nonce-{nonce}'; connect-src 'self'",
                }
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:  # addresses hold the token
                pass

        self.port = free_port(host, port)
        self._server = _make_server(host, self.port, Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Lets go of the port; the page in a browser waits for whoever takes it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _make_server(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingTCPServer:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]

    class Server(ThreadingTCPServer):  # HTTPServer would ask for the name of the machine, which can take seconds
        address_family = family
        allow_reuse_address = daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:  # of a browser that has left
            pass

    return Server(address, handler)


def _write_page(glance: Glance, nonce: str) -> bytes:
    down = glance.view.down
    title = html.escape(glance.title)
    words = dict(name=html.escape(glance.name), title=title, first=down[0], last=down[-1], state=_STATE, nonce=nonce)
    return _PAGE.format(picture=base64.b64encode(_draw(glance)).decode(), **words).encode()


def _draw(glance: Glance) -> bytes:
    """PNG of the amplitudes in grey, a cell a pixel."""
    levels = amplitude_levels(glance.view.values, glance.view.present, glance.clip)
    picture = Image.fromarray(levels, 'P')
    colours = [bytes.fromhex(colour[1:7]) for colour in amplitude_palette('grey')]
    picture.putpalette(np.frombuffer(b''.join(colours), np.uint8).tolist())
    picture.save(written := io.BytesIO(), 'PNG', compress_level=1)
    return written.getvalue()
