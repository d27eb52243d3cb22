"""Opening the asset graph: not before the server answers."""

import http.server
import socket
import threading

from pipelines.opening import open_when_it_answers


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_page_is_opened_once_the_server_answers() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    opened: list[str] = []
    url = f"http://127.0.0.1:{port}/asset-groups"
    waiting = open_when_it_answers(url, opened.append)
    waiting.join(timeout=0.2)
    assert opened == []
    server = http.server.HTTPServer(("127.0.0.1", port), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        waiting.join(timeout=60)
        assert opened == [url]
    finally:
        server.shutdown()
        server.server_close()
