"""Stands before every route of the page: who may come in, and what a browser may do with it.

ASGI, around the whole app, so that there is no route that it does not cover.
"""

import hmac

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "token"
"""Name of the query parameter in the address that `serve` prints."""
HOSTS = ("127.0.0.1", "localhost")
FOREVER = ("/static/",)
"""Files of the page itself, named by their content. Everything else stays out of caches."""

INLINE = "'sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA='"
"""The one script inside Streamlit 1.67's own page. Another would be refused, and not missed."""
POLICY = {
    "default-src": "'self'",
    "script-src": f"'self' 'wasm-unsafe-eval' {INLINE}",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "frame-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
}
HEADERS = {
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
    "x-frame-options": "DENY",
}
DENIAL = "websocket.http.response"
"""The extension of ASGI by which a server sends our answer in place of opening a WebSocket."""
REFUSAL = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Strongroom</title>
<meta name="viewport" content="width=device-width">
<style>:root{color-scheme:light dark}
body{font:1.05rem/1.6 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem}
h1{font-size:1.3rem}</style>
<h1>This door needs its key</h1>
<p>Strongroom opens only from the address that it printed when it was started. Go to the terminal
where it runs and open that address; it holds a key that is made anew at each start.</p></html>"""


class Gate:
    """Lets in whoever shows the token: in the address once, then as a cookie.

    port: of our own address. A Host that is not ours (DNS rebinding), an Origin that is not ours,
    and a request without the token get 403, a WebSocket before it is opened.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._cookie = f"strongroom-{port}"
        # Browsers leave the port of plain HTTP out.
        self._hosts = {f"{host}:{port}" if port != 80 else host for host in HOSTS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._is_ours(scope["type"], headers):
            await self._refuse(scope, receive, send)
        elif self._holds_cookie(headers):
            await self._app(scope, receive, _with_headers(scope, send))
        elif scope["type"] == "http" and self._holds_token(scope):
            await self._hand_over(scope, receive, send)
        else:
            await self._refuse(scope, receive, send)

    def _is_ours(self, kind: str, headers: Headers) -> bool:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        # A browser always names the origin of a WebSocket and of anything that changes something.
        allowed = [[f"http://{host}"] for host in self._hosts] + ([[]] if kind == "http" else [])
        return len(hosts) == 1 and hosts[0] in self._hosts and origins in allowed

    def _holds_cookie(self, headers: Headers) -> bool:
        return self._is_token(cookie_parser(headers.get("cookie", "")).get(self._cookie, ""))

    def _holds_token(self, scope: Scope) -> bool:
        return self._is_token(QueryParams(scope["query_string"]).get(TOKEN, ""))

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    async def _hand_over(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the token into a cookie and out of the address."""
        asked = QueryParams(scope["query_string"]).multi_items()
        rest = str(QueryParams([(name, value) for name, value in asked if name != TOKEN]))
        path = "/" + scope["path"].lstrip("/")  # "//host" would lead elsewhere
        response = RedirectResponse(f"{path}?{rest}" if rest else path, status_code=303)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        await response(scope, receive, _with_headers(scope, send))

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and DENIAL not in scope.get("extensions", {}):
            # Closed before it is accepted: the server answers 403 of its own.
            await send({"type": "websocket.close", "code": 1008})
            return
        response: Response = HTMLResponse(REFUSAL, status_code=403)
        await response(scope, receive, _with_headers(scope, send))


def _with_headers(scope: Scope, send: Send) -> Send:
    """Put our headers on a response, over whatever the app has set."""

    async def send_on(message: Message) -> None:
        if message["type"] in ("http.response.start", f"{DENIAL}.start"):
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if not scope["path"].startswith(FOREVER):
                headers["cache-control"] = "no-store"
        await send(message)

    return send_on
