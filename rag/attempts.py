"""Ways out of this machine, each tried for real: what `strongroom prove` runs in sealed processes.

A way is open when its function returns, and closed when it raises what a layer of the seal gives;
anything else that it raises does not count as closed. Every target is an address or a name that is
set aside for documentation (RFC 5737, RFC 3849, RFC 2606): no machine is there.

Nothing heavy is imported at the top, because the process is sealed first.
"""

import errno
import json
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from rag import audit, libc, seal, seccomp
from rag.uring import Ring

ADDRESS = "192.0.2.10"
ADDRESS_6 = "2001:db8::10"
RESOLVER = "198.51.100.10"
NAME = "strongroom.invalid"
URL = f"http://{ADDRESS}/"
PORT = 80
PATIENCE_S = 3.0
TELEMETRY_S = 20.0
"""onnxruntime sends what it has gathered after 8 to 12 seconds."""

CLONE_NEWNET = 0x40000000
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
PIDFD_OPEN, PIDFD_GETFD, SETNS = 434, 438, {"x86_64": 308, "aarch64": 268}


@dataclass(frozen=True, slots=True)
class Outside:
    """What there is outside the seal. pid: of a process there. udp: number of a network socket that
    it and this process have. local: of one end of a local socket, whose other end has handed a
    network socket over. stream: path of a local socket that hands one over; abstract: name of such
    a one. datagram: path of a local socket that takes datagrams. loopback: port of a service of
    this machine. listener: of a socket that the seal keeps, like the page's, and that has a
    connection waiting."""

    pid: int
    udp: int
    local: int
    stream: str
    datagram: str
    abstract: str
    loopback: int
    listener: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """by: the layer that stopped it, empty when nothing did. detail: what was seen. tried: False
    where this machine has not got what it takes; the detail then says what is missing."""

    name: str
    blocked: bool
    by: str
    detail: str
    tried: bool = True


class Missing(Exception):
    """This machine has not got what the attempt takes."""


class NothingSent(Exception):
    """The library hides its errors, and no connection of it was seen."""


LAYERS = {
    "system call filter": (os.strerror(seccomp.REFUSED), f"Errno {seccomp.REFUSED}"),
    "audit hook": (audit.REFUSED,),
    "sockets closed at the start": (os.strerror(errno.ENOTSOCK),),
    "network namespace": (os.strerror(errno.ENETUNREACH), os.strerror(errno.ENODEV)),
    "refusal to start": ("before a second thread starts",),
    "nothing was sent": ("NothingSent",),
    "sandbox" if platform.system() == "Darwin" else "no privilege": (
        os.strerror(errno.EPERM),
        os.strerror(errno.EACCES),
    ),
}
"""What each gives as its error; the first that is found counts."""


def main() -> None:
    """Try one way in this process: the level, the name of the way, and what is outside."""
    best, name, outside = sys.argv[1:4]
    outcome = attempt(best, name, Outside(**json.loads(outside)))
    json.dump({"level": seal.current().level, "outcome": asdict(outcome)}, sys.stdout)


def attempt(best: str, name: str, outside: Outside) -> Outcome:
    """Seal this process and try one way out. best: try no level above it; "none": do not seal."""
    way = WAYS[name]
    thread = _Waiting(way, outside) if way is thread_started_earlier else None
    try:
        if best != "none":
            seal.seal(best=best, keep=[outside.listener])  # type: ignore[arg-type]
        if thread is None:
            way(outside)
        else:
            thread.go()
    except (Missing, ImportError) as error:
        return Outcome(name, True, "", str(error), tried=False)
    except Exception as error:  # noqa: BLE001  # each library has its own
        text = "; ".join(_texts(error))
        by = next((layer for layer, signs in LAYERS.items() if any(s in text for s in signs)), "")
        return Outcome(name, bool(by), by, text[:300])
    return Outcome(name, False, "", "got through")


def _texts(error: BaseException | None) -> list[str]:
    """Of the error and of all that led to it."""
    texts = []
    while error is not None:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return texts


class _Waiting:
    """A thread that runs before the process is sealed and tries its way out afterwards."""

    def __init__(self, way: Callable[[Outside], None], outside: Outside) -> None:
        self._go = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(way, outside), daemon=True)
        self._thread.start()

    def go(self) -> None:
        self._go.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self, way: Callable[[Outside], None], outside: Outside) -> None:
        self._go.wait()
        try:
            way(outside)
        except Exception as error:  # noqa: BLE001  # it is raised again in `go`
            self._error = error


# --- Sockets -------------------------------------------------------------------------------------


def tcp_4(_: Outside) -> None:
    _connect(socket.socket(socket.AF_INET), (ADDRESS, PORT))


def tcp_6(_: Outside) -> None:
    _connect(socket.socket(socket.AF_INET6), (ADDRESS_6, PORT))


def udp_4(_: Outside) -> None:
    _send(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), (ADDRESS, PORT))


def udp_6(_: Outside) -> None:
    _send(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), (ADDRESS_6, PORT))


def fast_open(_: Outside) -> None:
    """A connection that is opened by sending, without a call to connect."""
    if platform.system() != "Linux":
        raise Missing("TCP Fast Open by sending is a thing of Linux")
    with socket.socket(socket.AF_INET) as opened:
        opened.settimeout(PATIENCE_S)
        opened.sendto(b"?", socket.MSG_FASTOPEN, (ADDRESS, PORT))


def resolver(_: Outside) -> None:
    """Python asks the system to look a name up."""
    started = time.monotonic()
    try:
        socket.getaddrinfo(NAME, PORT)
    except socket.gaierror as error:
        # "No such name" is an answer. "Try again" at once is the error of one that could not ask,
        # and what it could not do is asked for again, to have the error of that.
        if error.errno == socket.EAI_AGAIN and time.monotonic() - started < 1.0:
            resolver_by_hand(_)


def resolver_by_hand(_: Outside) -> None:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split("."))
    question = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, 1, 1)
    _send(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), (RESOLVER, 53), question)


def raw_socket(_: Outside) -> None:
    _send(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP), (ADDRESS, 0))


def packet_socket(_: Outside) -> None:
    """A frame onto the wire itself."""
    if not hasattr(socket, "AF_PACKET"):
        raise Missing("packet sockets are a thing of Linux")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as opened:
        opened.bind((_interface(), 0))
        opened.send(bytes(12) + b"\x88\xb5" + bytes(46))  # a type for experiments


def _interface() -> str:
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
    return names[0] if names else "lo"


def _connect(opened: socket.socket, address: tuple[str, int]) -> None:
    """Open as soon as the first packet has left, whether or not anyone answers."""
    with opened:
        opened.setblocking(False)
        result = opened.connect_ex(address)
        if result not in (0, errno.EINPROGRESS, errno.ECONNREFUSED):
            raise OSError(result, os.strerror(result))


def _send(opened: socket.socket, address: tuple[str, int], data: bytes = b"?") -> None:
    with opened:
        opened.sendto(data, address)


# --- Sockets of others ---------------------------------------------------------------------------


def inherited_socket(outside: Outside) -> None:
    """A network socket that was open when this process started."""
    _send(socket.socket(fileno=os.dup(outside.udp)), (ADDRESS, PORT))


def passed_through_inherited(outside: Outside) -> None:
    """A network socket that another process hands over through an inherited local one."""
    with socket.socket(fileno=os.dup(outside.local)) as local:
        _use_passed(local)


def passed_through_path(outside: Outside) -> None:
    """The same through a local socket in the file system, where resolvers and desktops have one."""
    with socket.socket(socket.AF_UNIX) as local:
        local.connect(outside.stream)
        _use_passed(local)


def passed_through_abstract(outside: Outside) -> None:
    if not outside.abstract:
        raise Missing("abstract sockets are a thing of Linux")
    with socket.socket(socket.AF_UNIX) as local:
        local.connect("\0" + outside.abstract)
        _use_passed(local)


def datagram_pair(outside: Outside) -> None:
    """One of two sockets that are connected to each other, told to send to somebody else."""
    left, right = socket.socketpair(type=socket.SOCK_DGRAM)
    with left, right:
        left.sendmsg([b"?"], [], 0, outside.datagram)


def own_listener(outside: Outside) -> None:
    """The socket that takes the browser's connections, turned around to open one."""
    with socket.socket(fileno=os.dup(outside.listener)) as listener:
        listener.shutdown(socket.SHUT_RDWR)
        _turn_around(listener, ("127.0.0.1", outside.loopback))


def accepted_connection(outside: Outside) -> None:
    """A connection of the browser's, cut off and opened again to somebody else."""
    with socket.socket(fileno=os.dup(outside.listener)) as listener:
        accepted, _ = listener.accept()
    with accepted:
        _turn_around(accepted, ("127.0.0.1", outside.loopback))


def service_of_the_host(outside: Outside) -> None:
    """A database or proxy that listens on another loopback port of this machine."""
    _connect(socket.socket(socket.AF_INET), ("127.0.0.1", outside.loopback))


def taken_socket(outside: Outside) -> None:
    """A network socket taken out of another process of the same user."""
    if platform.system() != "Linux":
        raise Missing("pidfd_getfd is a call of Linux")
    process = libc.call("syscall", PIDFD_OPEN, outside.pid, 0)
    taken = libc.call("syscall", PIDFD_GETFD, process, outside.udp, 0)
    _send(socket.socket(fileno=taken), (ADDRESS, PORT))


def back_to_the_host(outside: Outside) -> None:
    """Joining the network that this process was started in."""
    if platform.machine() not in SETNS or platform.system() != "Linux":
        raise Missing("setns is a call of Linux")
    with Path(f"/proc/{outside.pid}/ns/net").open("rb") as network:
        libc.call("syscall", SETNS[platform.machine()], network.fileno(), CLONE_NEWNET)
    udp_4(outside)


def memory_of_another(outside: Outside) -> None:
    """Another process of the same user, made to do what this one cannot."""
    memory = Path(f"/proc/{outside.pid}/mem")
    if not memory.exists():
        raise Missing("memory as a file is a thing of Linux")
    memory.open("r+b").close()


def _use_passed(local: socket.socket) -> None:
    local.settimeout(PATIENCE_S)
    _, (fd, *_), _, _ = socket.recv_fds(local, 1, 1)
    _send(socket.socket(fileno=fd), (ADDRESS, PORT))


def _turn_around(opened: socket.socket, address: tuple[str, int]) -> None:
    unspecified = struct.pack("H14x", socket.AF_UNSPEC)
    if platform.system() == "Linux":
        libc.call("connect", opened.fileno(), unspecified, len(unspecified))
    result = opened.connect_ex(address)
    if result:
        raise OSError(result, os.strerror(result))


# --- Past Python ---------------------------------------------------------------------------------


def thread_started_earlier(outside: Outside) -> None:
    udp_4(outside)


def native_code(_: Outside) -> None:
    """The C library's own calls, of which Python hears nothing."""
    fd = libc.call("socket", int(socket.AF_INET), int(socket.SOCK_DGRAM), 0)
    address = struct.pack("=H", socket.AF_INET) + struct.pack(">H", PORT)
    address += socket.inet_aton(ADDRESS) + bytes(8)
    libc.call("sendto", fd, b"?", 1, 0, address, len(address))


def io_uring(_: Outside) -> None:
    """A queue of work for the kernel, which does what sockets do without the calls for it."""
    if platform.system() != "Linux":
        raise Missing("io_uring is a thing of Linux")
    Ring().udp(ADDRESS, PORT)


def child_curl(_: Outside) -> None:
    try:
        _child("curl", "--silent", "--show-error", "--max-time", "2", "--noproxy", "*", URL)
    except OSError as error:
        if "Couldn't connect" not in str(error) and "Failed to connect" not in str(error):
            raise
        # It does not say why. A child that does tries the same.
        child_python(_)


def child_ping(_: Outside) -> None:
    _child("ping", "-c", "1", "-W", "1", ADDRESS)


def child_git(_: Outside) -> None:
    _child("git", "ls-remote", f"git://{ADDRESS}/x")


def child_python(_: Outside) -> None:
    """A new interpreter, without the audit hook."""
    program = f"import socket; socket.socket(2, socket.SOCK_DGRAM).sendto(b'?', ('{ADDRESS}', 80))"
    _child(sys.executable, "-I", "-c", program)


def _child(program: str, *arguments: str) -> None:
    """Raises what it says when it does not say that it reached anything."""
    path = shutil.which(program)
    if path is None:
        raise Missing(f"{program} is not installed")
    done = subprocess.run(
        [path, *arguments], capture_output=True, text=True, timeout=10, check=False
    )
    if done.returncode:
        raise OSError(done.stderr + done.stdout)


# --- Libraries -----------------------------------------------------------------------------------


def with_urllib(_: Outside) -> None:
    import urllib.request

    urllib.request.urlopen(URL, timeout=PATIENCE_S).close()


def with_requests(_: Outside) -> None:
    import_module("requests").get(URL, timeout=PATIENCE_S)


def with_httpx(_: Outside) -> None:
    import_module("httpx").get(URL, timeout=PATIENCE_S)


def with_huggingface_hub(_: Outside) -> None:
    """Its offline switch is off, and its endpoint is the target."""
    import_module("huggingface_hub").hf_hub_download(
        "strongroom/nothing", "config.json", etag_timeout=PATIENCE_S
    )


def with_sentence_transformers(_: Outside) -> None:
    """The embedding model's loader, given the name of a model that is not here."""
    from sentence_transformers import SentenceTransformer

    time.sleep = _at_once  # it tries for 70 seconds
    SentenceTransformer("strongroom/nothing")


def _at_once(_seconds: object) -> None:
    """In place of waiting between two tries."""


def with_llama_cpp(_: Outside) -> None:
    """The language model's loader, told to fetch the weights from the target."""
    import llama_cpp

    llama_cpp.Llama.from_pretrained("strongroom/nothing", "model.gguf", verbose=False)


def with_chroma_model(_: Outside) -> None:
    """The embedding model that Chroma fetches when it is not given one."""
    from chromadb.utils.embedding_functions import ONNXMiniLM_L6_V2

    embed = ONNXMiniLM_L6_V2()
    embed.MODEL_DOWNLOAD_URL = URL
    embed(["text"])


def with_chroma_telemetry(_: Outside) -> None:
    """Its traces, switched on, with the target as their collector."""
    from chromadb.telemetry.opentelemetry import OpenTelemetryGranularity, otel_init

    otel_init("chroma", f"http://{ADDRESS}:4317", {}, OpenTelemetryGranularity.ALL)
    trace = import_module("opentelemetry.trace")
    connections = _Connections(4317)
    with trace.get_tracer("chroma").start_as_current_span("add"):
        pass
    trace.get_tracer_provider().force_flush(2000)
    connections.wait(PATIENCE_S)


def with_onnxruntime_telemetry(_: Outside) -> None:
    """What its official builds send of their own, through a proxy that is the target."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        os.environ[name] = f"http://{ADDRESS}:3128"
    runtime = import_module("onnxruntime")
    connections = _Connections(3128)
    runtime.enable_telemetry_events()
    examples = import_module("onnxruntime.datasets")
    session = runtime.InferenceSession(examples.get_example("sigmoid.onnx"))
    connections.wait(TELEMETRY_S)
    del session


class _Connections:
    """Looks all the time for connections to a port of the target, in the kernel's own tables."""

    def __init__(self, port: int) -> None:
        if not TABLES[0].is_file():
            raise Missing("this system does not say which connections there are")
        # In the second table, IPv4 addresses stand at the end of IPv6 addresses.
        self._target = f"{socket.inet_aton(ADDRESS)[::-1].hex()}:{port:04x}".upper()
        self._seen = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def wait(self, limit_s: float) -> None:
        """Until one is seen. Raises NothingSent when none is in `limit_s`."""
        if not self._seen.wait(limit_s):
            raise NothingSent

    def _look(self) -> None:
        while not self._seen.is_set():
            lines = [line for table in TABLES if table.is_file() for line in table.open()]
            if any(line.split()[2].endswith(self._target) for line in lines):
                self._seen.set()
            time.sleep(0.01)


WAYS: dict[str, Callable[[Outside], None]] = {
    "TCP over IPv4": tcp_4,
    "TCP over IPv6": tcp_6,
    "UDP over IPv4": udp_4,
    "UDP over IPv6": udp_6,
    "TCP opened by sending (Fast Open)": fast_open,
    "DNS through the system": resolver,
    "DNS by hand": resolver_by_hand,
    "raw IP socket": raw_socket,
    "packet socket": packet_socket,
    "inherited network socket": inherited_socket,
    "network socket passed through an inherited local one": passed_through_inherited,
    "network socket passed through a local socket's path": passed_through_path,
    "network socket passed through an abstract local socket": passed_through_abstract,
    "datagram to a local socket outside": datagram_pair,
    "the page's own listening socket, turned around": own_listener,
    "a connection of the page, turned around": accepted_connection,
    "service of this machine on another loopback port": service_of_the_host,
    "socket taken out of another process": taken_socket,
    "return to the network of the host": back_to_the_host,
    "memory of another process, as a file": memory_of_another,
    "thread started before the seal": thread_started_earlier,
    "native code": native_code,
    "io_uring": io_uring,
    "child process: curl": child_curl,
    "child process: ping": child_ping,
    "child process: git": child_git,
    "child process: python": child_python,
    "urllib": with_urllib,
    "requests": with_requests,
    "httpx": with_httpx,
    "huggingface_hub, offline switch off": with_huggingface_hub,
    "language model loader, given an address": with_llama_cpp,
    "embedding model loader, given a name": with_sentence_transformers,
    "Chroma's model download": with_chroma_model,
    "Chroma's telemetry": with_chroma_telemetry,
    "onnxruntime's telemetry": with_onnxruntime_telemetry,
}


if __name__ == "__main__":
    main()
