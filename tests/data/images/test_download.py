"""Downloads: only over https, within bounds, verified, and never half there."""

import errno
import http.server
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from typing import ClassVar
from unittest.mock import Mock

import pytest

from nnexp.data.errors import DataError
from nnexp.data.images import download as module
from nnexp.data.images.download import download

CONTENT = bytes(range(256)) * 500
CHECKSUM = sha256(CONTENT).hexdigest()


class Mirror(http.server.BaseHTTPRequestHandler):
    """/good/ has the file, /broken/ breaks off at first, /to/<address> redirects, /loop/ to itself."""

    requests: ClassVar[list[str]] = []

    def do_GET(self):
        self.requests.append(self.path)
        kind, _, rest = self.path[1:].partition("/")
        if kind in ("to", "loop"):
            self.send_response(302)
            self.send_header("Location", rest if kind == "to" else self.path)
            self.end_headers()
            return
        first = self.requests.count(self.path) == 1
        self.send_response(200)
        if kind != "unknown":
            self.send_header("Content-Length", str(10**12 if kind == "huge" else len(CONTENT)))
        self.end_headers()
        broken = kind == "always" or (kind == "broken" and first)
        self.wfile.write(CONTENT[:-9] if broken else CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror():
    Mirror.requests = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


@pytest.fixture
def folder(alone):
    return alone / "cache" / "set"


def files(folder):
    return [path.name for path in folder.iterdir() if path.name != ".lock"] if folder.exists() else []


@pytest.mark.parametrize("kind", ["good", "unknown", "broken", "to//good"])
def test_downloads_what_arrives_whole_also_at_a_second_attempt_or_after_a_redirect(mirror, folder, kind):
    assert download("f.gz", [f"{mirror}/{kind}"], folder, CHECKSUM).read_bytes() == CONTENT
    assert files(folder) == ["f.gz"]


@pytest.mark.parametrize(
    ("path", "checksum", "reason"),
    [
        ("good", "0" * 64, "wrong checksum: expected SHA-256 0000000000000000..., got"),
        ("always", CHECKSUM, "Connection broken"),
        ("huge", CHECKSUM, "larger than 1,073,741,824 bytes"),
        ("loop", CHECKSUM, "more than 5 redirects"),
        ("to/http://example.org/f", CHECKSUM, "only https is allowed, got http://example.org"),
        ("to/ftp://example.org/f", CHECKSUM, "only https is allowed, got ftp://example.org"),
    ],
)
def test_a_mirror_that_is_refused_leaves_no_file(mirror, folder, path, checksum, reason):
    with pytest.raises(DataError) as error:
        download("f.gz", [f"{mirror}/{path}"], folder, checksum)
    assert reason in str(error.value)
    assert files(folder) == []


@pytest.mark.parametrize(
    "url", ["http://example.org", "ftp://127.0.0.1/x", "file:///etc", "/etc", "example.org"]
)
def test_nothing_but_https_is_asked_for(folder, url, monkeypatch):
    monkeypatch.setattr("requests.get", Mock(side_effect=AssertionError))
    with pytest.raises(DataError, match="only https is allowed"):
        download("f.gz", [url], folder, CHECKSUM)


@pytest.mark.parametrize(("name", "value"), [("MAX_SIZE", 1000), ("PATIENCE", -1e9)])
def test_a_mirror_that_sends_too_much_or_too_slowly_is_left(mirror, folder, name, value, monkeypatch):
    monkeypatch.setattr(module, name, value)
    with pytest.raises(DataError, match=r"larger than 1,000 bytes|slower than 1,000 bytes per second"):
        download("f.gz", [f"{mirror}/unknown"], folder, CHECKSUM)
    assert files(folder) == []


def test_a_full_disk_is_an_error_that_names_the_folder_and_leaves_no_file(mirror, folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_fetch", full)
    with pytest.raises(DataError, match="No space left on device; set NNEXP_CACHE to another folder"):
        download("f.gz", [f"{mirror}/good", f"{mirror}/good"], folder, CHECKSUM)
    assert files(folder) == []


def test_what_a_killed_process_left_is_removed_and_a_password_of_a_mirror_is_not_shown(mirror, folder):
    folder.mkdir(parents=True)
    (folder / ".f.gz.abc").touch()
    os.utime(folder / ".f.gz.abc", (0, 0))
    with pytest.raises(DataError) as error:
        download("f.gz", [mirror.replace("//", "//me:secret@") + "/always"], folder, CHECKSUM)
    assert "secret" not in str(error.value)
    assert files(folder) == []


def test_of_several_processes_one_downloads(mirror, folder):
    with ThreadPoolExecutor(4) as pool:
        paths = {*pool.map(lambda _: download("f.gz", [f"{mirror}/good"], folder, CHECKSUM), range(4))}
    assert paths == {folder / "f.gz"}
    assert len(Mirror.requests) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("locks", ["work", "exclude no process", "are not supported", "are refused"])
def test_processes_that_share_a_cache_neither_fail_nor_damage_it(mirror, folder, locks, monkeypatch):
    def without_lock(self, **options):
        if locks == "are not supported":
            raise NotImplementedError("FileSystem does not appear to support flock")
        if locks == "are refused":
            raise OSError(errno.ENOLCK, "No locks available")

    if locks != "work":
        monkeypatch.setattr("filelock.FileLock.acquire", without_lock)
    context = get_context("fork")
    start = context.Event()

    def load():
        start.wait(60)
        (path := folder / "f.gz").exists() or download("f.gz", [f"{mirror}/good"], folder, CHECKSUM)
        os._exit(0 if path.read_bytes() == CONTENT else 1)

    processes = [context.Process(target=load) for _ in range(6)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 6
    assert files(folder) == ["f.gz"]
