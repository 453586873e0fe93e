"""Nothing goes out unless asked: every command with sockets watched, and without a network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("graph_er", "feature_extractor")
# Python reads this when it starts. Every attempt to reach another machine is written down, also one
# whose failure somebody catches; where forbidden, it fails. Addresses of this machine are free.
WATCH = """
import os, socket, sys
OWN = ("127.0.0.1", "localhost", "0.0.0.0", "::1", "", None)
def watch(event, arguments):
    if event == "socket.getaddrinfo":
        to = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        if arguments[0].family not in (socket.AF_INET, socket.AF_INET6) or not arguments[-1]:
            return
        to = arguments[-1][0]
    elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
        to = arguments[0]
    else:
        return
    if isinstance(to, bytes):
        to = to.decode()
    if to not in OWN:
        with open(os.environ["ATTEMPTS"], "a") as file:
            file.write(f"{event} {to} {sys.argv}\\n")
        if os.environ["FORBID"] == "1":
            raise OSError(f"{event} {to}: forbidden")
sys.addaudithook(watch)
"""
# Runs a command in a network of its own that has no interface up, then says how many packets found
# no way out: the kernel counts them whoever sends, also libraries that do not use Python's sockets.
ALONE = """
"$@"; status=$?
awk '/^Ip:/ && ++row == 1 { for (i = 1; i <= NF; i++) if ($i == "OutNoRoutes") column = i }
     /^Ip:/ && row == 2 { print $column; exit }' /proc/net/snmp >>"$PACKETS"
exit $status
"""
# Settings of this machine that would keep libraries silent; a user has none of them.
SILENCERS = re.compile(r"HF_|GRADIO_|COMET_|DO_NOT_TRACK|TRANSFORMERS_OFFLINE|WANDB_|PYTHONPATH")
UNSHARE = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--net")


def namespaces() -> bool:
    """Whether this machine lets us make networks without interfaces."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode == 0


class Watched:
    """Runs Python with its sockets watched.

    Args:
        folder: of what is written down.
        network: ``forbidden``, attempts fail in Python, or ``none``, there is no interface.
    """

    def __init__(self, folder: Path, network: str = "forbidden") -> None:
        site, self.home = folder / "site", folder / "home"
        self.attempts, self.packets = folder / "attempts", folder / "packets"
        self.alone = network == "none"
        for path in (site, self.home):
            path.mkdir(parents=True)
        (site / "sitecustomize.py").write_text(WATCH)
        environment = {k: v for k, v in os.environ.items() if not SILENCERS.match(k)}
        self.environment = environment | {
            "PYTHONPATH": f"{site}{os.pathsep}{ROOT}",
            "HOME": str(self.home),
            "ATTEMPTS": str(self.attempts),
            "PACKETS": str(self.packets),
            "FORBID": "0" if self.alone else "1",
        }

    def run(self, *words: str | Path) -> subprocess.CompletedProcess:
        """Run `python words ...` to its end, whatever that is."""
        command = [sys.executable, *map(str, words)]
        if self.alone:
            command = [*UNSHARE, "bash", "-c", ALONE, "alone", *command]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )

    def seen(self) -> list[str]:
        """Return what was tried: attempts in Python, and packets that found no way out."""
        tried = self.attempts.read_text().splitlines() if self.attempts.exists() else []
        counts = self.packets.read_text().split() if self.packets.exists() else []
        return tried + [f"{count} packets" for count in counts if count != "0"]


NETWORKS = [
    "forbidden",
    pytest.param("none", marks=pytest.mark.skipif(not namespaces(), reason="no namespaces here")),
]


class Fetched(HTMLParser):
    """Collects what a browser would load for a page: all addresses but those of links."""

    SOURCES = ("src", "href", "srcset", "poster", "data", "action", "xlink:href", "background")

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of a tag."""
        found = [v for k, v in attrs if k in self.SOURCES and v and tag != "a"]
        styles = " ".join(v for k, v in attrs if k == "style" and v)
        self.addresses += [*found, *in_style(styles)]


def in_style(css: str) -> list[str]:
    """Return the addresses that a style sheet loads."""
    pattern = r"""(?:url\(\s*["']?|@import\s+["'])([^"')\s]+)"""
    return re.findall(pattern, css)


def loaded_from_elsewhere(page: str) -> list[str]:
    """Return what a page loads from other hosts."""
    parser = Fetched()
    parser.feed(page)
    addresses = parser.addresses + in_style(page)
    return [a for a in addresses if re.match(r"(?:[a-z]+:)?//", a) and not a.startswith("data:")]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    "call",
    ["socket.socket().connect(('192.0.2.1', 80))", "socket.getaddrinfo('graph-er.example', 80)"],
)
def test_the_watch_sees_attempts_that_are_caught(tmp_path, call, network):
    watched = Watched(tmp_path, network)
    code = f"import contextlib, socket\nwith contextlib.suppress(OSError): {call}"
    assert watched.run("-c", code).returncode == 0
    assert len(watched.seen()) == (2 if network == "none" else 1)


def test_a_kernel_s_count_needs_no_python(tmp_path):
    if not namespaces() or shutil.which("bash") is None:
        pytest.skip("no namespaces here")
    watched = Watched(tmp_path, "none")
    code = "import subprocess; subprocess.run(['bash', '-c', 'echo >/dev/tcp/192.0.2.1/80'])"
    watched.run("-c", code)
    assert watched.seen() == ["1 packets"]


@pytest.mark.parametrize(
    ("page", "elsewhere"),
    [
        ('<script src="https://a.example/x.js"></script>', 1),
        ('<link rel="stylesheet" href="//a.example/x.css">', 1),
        ("<style>@import 'https://a.example/x.css'; p { background: url(http://b.example) }", 2),
        ('<p style="background: url(https://a.example/x.png)">', 2),  # as a tag and as a style
        ('<a href="https://a.example">a</a><img src="data:image/png;base64,//8="><i href="#x">', 0),
        ('<svg xmlns="http://www.w3.org/2000/svg"></svg>', 0),
    ],
)
def test_what_a_page_loads_is_found(page, elsewhere):
    assert len(loaded_from_elsewhere(page)) == elsewhere


def test_importing_every_module_and_building_the_page_reaches_nobody(tmp_path, records):
    pytest.importorskip("gradio")
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    )
    code = f"""
import importlib, json, os, pathlib, sys
from graph_er.running.tracking import forbid_error_reports
forbid_error_reports()
told = [os.environ[name] for name in ("HF_HUB_DISABLE_TELEMETRY", "COMET_ERROR_TRACKING_ENABLE")]
for name in {modules}:
    importlib.import_module(name)
from graph_er.web.desk import Desk
from graph_er.web.page import build_page
work = pathlib.Path({str(tmp_path)!r})
page = build_page(Desk(None, work, work))
print(json.dumps([page.analytics_enabled, told]))
"""
    watched = Watched(tmp_path / "watched")
    done = watched.run("-c", code)
    assert done.returncode == 0, done.stderr[-3000:]
    assert watched.seen() == []
    assert json.loads(done.stdout.splitlines()[-1]) == [False, ["1", "false"]]
    records.add("Sockets forbidden", tried=len(modules), survived=len(modules))


def test_the_web_command_turns_gradio_s_reports_off_before_it_is_imported():
    source = (ROOT / "graph_er" / "app.py").read_text(encoding="utf-8")
    off = source.index('os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"')
    assert off < source.index("import gradio")


def test_no_code_of_a_hub_is_trusted():
    trusted = re.compile(r"trust_remote_code[\"']?\s*[=:]\s*(?!False\b)|\bshare\s*=\s*True")
    files = [p for package in (*PACKAGES, "scripts") for p in (ROOT / package).rglob("*.py")]
    assert [p for p in files if trusted.search(p.read_text(encoding="utf-8"))] == []


@pytest.mark.fault
@pytest.mark.parametrize("network", NETWORKS)
def test_the_whole_way_reaches_nobody(tmp_path, network, records):
    watched = Watched(tmp_path / "watched", network)
    runs, pages = tmp_path / "runs", tmp_path / "pages"
    corpus = ("--corpus", "demo", "--root", tmp_path / "demo")
    data = ("--data_dir", tmp_path / "features.pkl")
    stage1, graph, bundle = runs / "concat_at", runs / "graph_at", tmp_path / "bundle"
    small = ("--sessions", "6", "--dialogues", "1", "--utterances", "16")
    commands = [
        ("feature_extractor/demo.py", "--out", tmp_path / "demo", *small),
        ("feature_extractor/check.py", *corpus),
        ("feature_extractor/train.py", *corpus, "--epochs", "1", "--out", stage1),
        ("feature_extractor/eval.py", *corpus, "--checkpoint", stage1,
         "--out", stage1 / "eval.json"),
        ("feature_extractor/extract.py", *corpus, "--checkpoint", stage1,
         "--out", tmp_path / "features.pkl"),
        ("feature_extractor/extract.py", *corpus, "--frozen", "--out", tmp_path / "frozen.pkl"),
        ("graph_er/train.py", *data, "--epochs", "2", "--seeds", "2", "--out", graph),
        ("graph_er/train.py", *data, "--epochs", "1", "--comet", "offline",
         "--out", tmp_path / "recorded"),
        ("graph_er/eval.py", *data, "--pt_dir", graph, "--out", graph / "eval.json"),
        ("graph_er/bundle.py", "--extractor", stage1, "--pt_dir", graph, *data, "--out", bundle),
        ("graph_er/predict.py", "--pt_dir", bundle, "--input", "data/example/conversation.csv",
         "--out", tmp_path / "out.csv", "--plot", tmp_path / "out.png",
         "--html", pages / "conversation.html", "--explain", "4"),
        ("graph_er/compare.py", graph, stage1, "--out", tmp_path / "comparison.json"),
        ("graph_er/study.py", "--runs", runs, *data, "--out", pages),
    ]  # fmt: skip
    pages.mkdir()
    for command in commands:
        done = watched.run(*command)
        assert done.returncode == 0, (command, done.stderr[-3000:])
    assert watched.seen() == []
    made = sorted(path.name for path in pages.glob("*.html"))
    assert made == ["conversation.html", "report.html"]
    for name in made:
        assert loaded_from_elsewhere((pages / name).read_text(encoding="utf-8")) == []
    records.add("Sockets forbidden", tried=len(commands), survived=len(commands))
