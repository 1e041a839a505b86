"""Who gets in, and what every response says to the browser."""

import re

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from rag.gate import HEADERS, Gate

TOKEN = "t" * 43
HOME = "http://127.0.0.1:8501"
COOKIE = {"cookie": f"strongroom-8501={TOKEN}"}


async def _anything(request: Request) -> Response:
    return PlainTextResponse(
        f"inside {request.url.query}",
        headers={"content-security-policy": "none", "cache-control": "public"},
    )


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("inside")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
    inside = Starlette(
        routes=[WebSocketRoute("/stream", _socket), Route("/{p:path}", _anything, methods=methods)]
    )
    gate = Gate(inside, token=TOKEN, port=8501)
    return TestClient(gate, base_url=HOME, follow_redirects=False)


@pytest.mark.parametrize("path", ["/", "/documents", "/static/a.js", "/media/1.png", "/upload/1"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_without_the_token_no_route_answers(client: TestClient, method: str, path: str) -> None:
    response = client.request(method, path)

    assert response.status_code == 403
    assert "inside" not in response.text


@pytest.mark.parametrize(
    "cookie",
    ["strongroom-8501=", "strongroom-8501=wrong", f"strongroom-8502={TOKEN}", f"{TOKEN}", "ü=1; ="],
)
def test_a_wrong_cookie_does_not_open(client: TestClient, cookie: str) -> None:
    assert client.get("/", headers={"cookie": cookie.encode()}).status_code == 403


@pytest.mark.parametrize("query", ["token=", "token=wrong", "token=%FF", f"Token={TOKEN}"])
def test_a_wrong_token_does_not_open(client: TestClient, query: str) -> None:
    assert client.get(f"/?{query}").status_code == 403


def test_the_token_in_the_address_becomes_a_cookie_that_no_script_and_no_other_site_gets(
    client: TestClient,
) -> None:
    response = client.get(f"/?chat=ab&token={TOKEN}")

    assert (response.status_code, response.headers["location"]) == (303, "/?chat=ab")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"strongroom-8501={TOKEN};")
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert client.get(response.headers["location"]).text == "inside chat=ab"


def test_no_address_with_a_token_leads_elsewhere(client: TestClient) -> None:
    response = client.get(f"{HOME}//evil.invalid/x?token={TOKEN}")

    assert response.headers["location"] == "/evil.invalid/x"


@pytest.mark.parametrize(
    "host",
    ["evil.invalid", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8501.evil.invalid", "[::1]:8501", ""],
)
def test_another_host_is_refused_even_with_the_cookie(client: TestClient, host: str) -> None:
    assert client.get("/", headers={**COOKIE, "host": host}).status_code == 403


def test_localhost_is_ours(client: TestClient) -> None:
    response = client.get(
        "/", headers={**COOKIE, "host": "localhost:8501", "origin": "http://localhost:8501"}
    )

    assert response.status_code == 200


def test_two_hosts_are_refused(client: TestClient) -> None:
    headers = [("host", "127.0.0.1:8501"), ("host", "evil.invalid"), *COOKIE.items()]

    assert client.get("/", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.invalid", "null", "http://127.0.0.1:8502", "https://127.0.0.1:8501", ""],
)
def test_another_origin_is_refused_even_with_the_cookie(client: TestClient, origin: str) -> None:
    headers = {**COOKIE, "origin": origin}

    assert client.post("/", headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/stream", headers=headers):
        pass


def test_a_web_socket_needs_the_cookie_and_our_origin(client: TestClient) -> None:
    for headers in ({}, {"origin": HOME}, COOKIE, {**COOKIE, "origin": "http://evil.invalid"}):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/stream", headers={"host": "127.0.0.1:8501", **headers}),
        ):
            pass
    with client.websocket_connect(
        "/stream", headers={**COOKIE, "origin": HOME, "host": "127.0.0.1:8501"}
    ) as socket:
        assert socket.receive_text() == "inside"


def test_a_refused_web_socket_is_answered_like_any_other_request(client: TestClient) -> None:
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("/stream", headers={"origin": "http://evil.invalid"}),
    ):
        pass

    assert refused.value.status_code == 403
    for name, value in HEADERS.items():
        assert refused.value.headers.get_list(name) == [value]


def test_at_the_port_of_plain_http_a_browser_leaves_the_port_out() -> None:
    gate = Gate(Starlette(routes=[Route("/", _anything)]), token=TOKEN, port=80)
    client = TestClient(gate, base_url="http://127.0.0.1")
    headers = {"cookie": f"strongroom-80={TOKEN}", "origin": "http://127.0.0.1"}

    assert client.get("/", headers=headers).status_code == 200
    assert client.get("/", headers={**headers, "host": "evil.invalid"}).status_code == 403


def test_a_token_in_the_address_does_not_open_a_web_socket(client: TestClient) -> None:
    headers = {"origin": HOME, "host": "127.0.0.1:8501"}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(f"/stream?token={TOKEN}", headers=headers),
    ):
        pass


@pytest.mark.parametrize("headers", [{}, COOKIE])
def test_every_response_tells_the_browser_to_load_from_here_only(
    client: TestClient, headers: dict[str, str]
) -> None:
    response = client.get("/", headers=headers)

    for name, value in HEADERS.items():
        assert response.headers.get_list(name) == [value]
    policy = response.headers["content-security-policy"]
    assert "default-src 'self';" in policy
    assert re.findall(r"https?:|wss?:|\*", policy) == []
    assert re.search(r"script-src [^;]*'unsafe-(inline|eval)'", policy) is None


@pytest.mark.parametrize(
    ("path", "kept"), [("/", "no-store"), ("/media/1.png", "no-store"), ("/static/a.js", "public")]
)
def test_only_files_of_the_page_itself_are_kept_by_the_browser(
    client: TestClient, path: str, kept: str
) -> None:
    assert client.get(path, headers=COOKIE).headers["cache-control"] == kept


def test_who_comes_without_the_token_is_told_where_to_find_it(client: TestClient) -> None:
    assert "Go to the terminal" in client.get("/").text
