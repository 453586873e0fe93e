"""The page in a real browser: upload, prediction, timeline, reasons, download; nothing goes out."""

import csv
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from graph_er.web.texts import TEXTS
from tests.graph_er.conversation_factory import talk, write_table
from tests.graph_er.web.test_desk import zipped

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Python reads this when it starts: whom it wants to speak to beyond this machine.
WATCH = """
import socket
def watch(event, arguments):
    host = {{"socket.connect": 1, "socket.getaddrinfo": 0}}.get(event)
    if host is None or (host and arguments[0].family == socket.AF_UNIX):
        return
    to = arguments[1][0] if host else arguments[0]
    if to not in ("127.0.0.1", "localhost", "0.0.0.0", "::1", None):
        open({!r}, "a").write(f"{{event}} {{to}}\\n")
import sys; sys.addaudithook(watch)
"""
MISSING = [name for name in ("gradio", "playwright") if importlib.util.find_spec(name) is None]
MISSING += [] if CHROMIUM else ["chromium"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed"),
]


@pytest.fixture(scope="module")
def models_options(models):
    return ["--pt_dir", str(models.graph), "--extractor", str(models.extractor)]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Where the command keeps what it is sent."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def url(models_options, work, tmp_path_factory):
    """The command, serving the tiny models on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    log = tmp_path_factory.mktemp("app") / "log"
    command = [sys.executable, "-m", "graph_er.app", *models_options, "--port", port]
    (log.parent / "sitecustomize.py").write_text(WATCH.format(str(log.parent / "asked")))
    env = {**os.environ, "TMPDIR": str(work), "OMP_NUM_THREADS": "1"}
    # Gradio then keeps what a closed tab showed for a second, not for an hour.
    env |= {"PYTHONPATH": str(log.parent), "GRADIO_IS_E2E_TEST": "1"}
    with log.open("w") as file:
        app = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=file)
    try:
        assert app.stdout.readline().decode().startswith(f"http://127.0.0.1:{port}"), (
            log.read_text()
        )
        yield f"http://127.0.0.1:{port}"
    finally:
        app.terminate()
        app.wait(timeout=30)
        app.stdout.close()
    assert "Traceback" not in log.read_text()
    assert not (log.parent / "asked").exists()  # the server asked no other machine for anything
    assert list(work.iterdir()) == []  # stopped, it leaves nothing of what was uploaded


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, url):
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.asked, page.errors = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("dialog", lambda dialog: page.errors.append(dialog.message))
    page.goto(url)
    page.get_by_role("heading", name="Emotions in a conversation").wait_for(timeout=60_000)
    yield page
    assert page.errors == []
    assert [u for u in page.asked if not u.startswith((url, "data:", f"blob:{url}"))] == []
    context.close()


def upload(page, *paths):
    page.locator("#files input[type=file]").set_input_files([str(path) for path in paths])
    page.locator("#files .file-preview").wait_for()
    page.click("#predict")


def test_upload_predict_see_hear_understand_download(page, models_options, tmp_path):
    table = write_table(tmp_path / "talk" / "talk.csv", talk(5))
    upload(page, zipped(tmp_path / "talk.zip", tmp_path / "talk"))
    page.locator("#timeline svg .turn").first.wait_for(timeout=60_000)
    assert page.locator("#timeline svg .turn").count() == 5
    assert page.locator("#timeline svg").first.is_visible()
    page.locator("#table [role=gridcell]").first.wait_for()
    page.locator("#timeline [data-turn='3']").click()
    said = page.locator("#reasons .ger-said")
    said.filter(has_text="그래 3").wait_for()
    assert page.locator("#reasons .ger-why").count() > 3
    page.locator("#audio canvas, #audio audio, #audio .waveform-container").first.wait_for(
        state="attached"
    )
    page.locator("#table [role=gridcell]", has_text="그래 1").click()
    said.filter(has_text="그래 1").wait_for()
    page.locator("#turn input").click()
    page.get_by_role("option", name="5. A: 그래 4").click()
    said.filter(has_text="그래 4").wait_for()
    with page.expect_download() as download:
        page.click("#csv")
    own = tmp_path / "own.csv"
    command = ["graph_er/predict.py", *models_options, "--input", str(table), "--out", str(own)]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)
    assert Path(download.value.path()).read_bytes() == own.read_bytes()
    with own.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 5
    with page.expect_download() as download:
        page.click("#html")
    assert "talk.zip" in Path(download.value.path()).read_text(encoding="utf-8")


def test_both_languages(page, tmp_path):
    (tmp_path / "t.csv").write_text("speaker,text\nA,왜 그래\nB,그래\n", encoding="utf-8")
    upload(page, tmp_path / "t.csv")
    page.locator("#timeline svg .turn").first.wait_for(timeout=60_000)
    page.get_by_text("한국어", exact=True).click()
    page.get_by_role("heading", name="대화 감정 인식").wait_for()
    page.locator("#reasons", has_text="예측 이유").wait_for()
    assert page.locator("#predict").inner_text() == "감정 예측"
    page.wait_for_function("document.documentElement.lang === 'ko'")
    assert page.title() == "대화 감정 인식"
    assert page.locator("#table").get_by_text("확신도").count() >= 1
    for language, other in (("ko", "English"), ("en", "한국어")):
        page.wait_for_function(f"document.documentElement.lang === '{language}'")
        page.locator("#html").get_by_text(TEXTS[language]["html"], exact=True).wait_for()
        with page.expect_download() as download:
            page.click("#html")
        assert download.value.suggested_filename == "conversation.html"
        made = Path(download.value.path()).read_text(encoding="utf-8")
        assert f'<html lang="{language}">' in made
        page.get_by_text(other, exact=True).click()


def test_a_narrow_page_is_no_wider_than_its_window(page, tmp_path):
    page.set_viewport_size({"width": 390, "height": 900})
    table = f"dialogue,speaker,text\n{'x' * 80},A,왜 그래\ny,B,그래\n"
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    upload(page, tmp_path / "t.csv")
    page.locator("#reasons .ger-why").first.wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#reasons .ger-why b").first.bounding_box()["width"] > 200
    assert page.locator("#head h1").bounding_box()["width"] > 200


def test_the_table_breaks_no_word(page, tmp_path):
    (tmp_path / "t.csv").write_text("speaker,text\nA,왜 그래\n", encoding="utf-8")
    upload(page, tmp_path / "t.csv")
    said = page.locator("#table [role=gridcell] .text", has_text="왜 그래").first
    said.wait_for(timeout=60_000)
    assert said.evaluate("cell => getComputedStyle(cell).wordBreak") == "keep-all"
    heads = page.locator("#table th .header")
    assert heads.all_inner_texts()[2] == "Speaker"
    assert {head.bounding_box()["height"] < 30 for head in heads.all()} == {True}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("speaker,text,wav\nA,x,../../secret.wav\n", "leads out of what was sent"),
        ("nothing\n", "holds a header row and no row below it"),
    ],
)
def test_a_bad_file_gets_a_message(page, tmp_path, content, message):
    (tmp_path / "t.csv").write_text(content)
    upload(page, tmp_path / "t.csv")
    told = page.locator("#message [role=alert]")
    told.wait_for(timeout=60_000)
    assert message in told.inner_text()
    assert "Traceback" not in page.content()
    assert not page.locator("#timeline svg").is_visible()


def test_what_the_user_wrote_runs_nowhere(page, tmp_path):
    words = "${alert(1)} {{value}} <img src=x onerror=alert(2)>"
    (tmp_path / "t.csv").write_text(f'speaker,text\nA,"{words}"\n')
    upload(page, tmp_path / "t.csv")
    page.locator("#reasons .ger-said").filter(has_text=words).wait_for(timeout=60_000)
    assert page.locator("#results img[src=x], #timeline img, #reasons img").count() == 0


def test_a_conversation_goes_when_its_tab_is_closed_and_no_sooner(page, work, tmp_path):
    def kept():
        return list(work.glob("*/analyses/*"))

    (tmp_path / "t.csv").write_text("speaker,text\nA,왜 그래\nB,그래\n", encoding="utf-8")
    upload(page, tmp_path / "t.csv")
    page.locator("#timeline svg .turn").first.wait_for(timeout=60_000)
    page.wait_for_timeout(3_000)
    assert len(kept()) == 1
    page.close()
    deadline = time.monotonic() + 30
    while kept() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert kept() == []


def test_of_two_buttons_at_once_the_last_one_is_shown_and_alone_kept(page, work, tmp_path):
    rows = "".join(f"{'AB'[n % 2]},그래 {n}\n" for n in range(1_500))
    (tmp_path / "t.csv").write_text(f"speaker,text\n{rows}", encoding="utf-8")
    upload(page, tmp_path / "t.csv")
    page.click("#open_demo")
    drawn = "document.querySelectorAll('#timeline .turn').length === 12"
    page.wait_for_function(drawn, timeout=60_000)
    page.wait_for_timeout(5_000)
    assert page.locator("#timeline svg .turn").count() == 12
    assert len(list(work.glob("*/analyses/*"))) == 1


def test_files_of_the_machine_are_not_served(url):
    for path in ("/etc/passwd", str(ROOT / "README.md"), "README.md", "../README.md"):
        request = urllib.request.Request(f"{url}/gradio_api/file={path}")
        with pytest.raises(urllib.error.HTTPError, match=re.compile("40[34]")):
            urllib.request.urlopen(request, timeout=30)


def test_a_name_that_a_website_points_here_is_not_answered(url):
    request = urllib.request.Request(f"{url}/config", headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=10)
