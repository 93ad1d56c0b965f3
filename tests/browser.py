"""A headless Chromium for tests of pages, and what it asks of the network."""

import html
import http.server
import json
import re
import shutil
import subprocess
import threading
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
OWN, SHARED = (".google.com", ".gvt1.com", ".googleapis.com"), ("fonts.googleapis.com", "ajax.googleapis.com")
browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def run_chromium(address, folder, *flags):
    """Open a page and give it two seconds. -> its elements afterwards, as HTML"""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=2000", *flags]
    done = subprocess.run([*command, "--dump-dom", address], capture_output=True, timeout=120, check=True)
    return done.stdout.decode()


WATCH = """<script>const problems = [];
addEventListener("error", e => problems.push(String(e.message)));
addEventListener("securitypolicyviolation", e => problems.push("blocked: " + e.blockedURI));
for (const kind of ["error", "warn"]) console[kind] = (...texts) => problems.push(texts.join(" "));
const find = selector => document.querySelector(selector), all = selector => [...document.querySelectorAll(selector)];
const fire = (target, type, pointerType = "mouse") => target.dispatchEvent(new PointerEvent(type, { pointerType }));
const press = key => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
const pick = (select, value) => { select.value = value; select.dispatchEvent(new Event("change")); };
const numbers = side => all(`#${side} small`).map(x => x.textContent);
const where = () => [find("#layer").value, find("#head").value];
</script>"""


def in_browser(text, script, tmp_path, *flags):
    """Open a page, run `script`, whose `return` comes back from JSON; fails on any error that the page reports."""
    run = f"<script>document.body.dataset.result = JSON.stringify({{found: (() => {{{script}}})(), problems}})</script>"
    file = tmp_path / "page.html"
    file.write_text(text.replace("<style>", WATCH + "<style>", 1).replace("</body>", run + "</body>"), encoding="utf-8")
    shown = run_chromium(file.as_uri(), tmp_path, "--window-size=1200,1600", *flags)
    result = json.loads(html.unescape(re.search(r'data-result="([^"]*)"', shown)[1]))
    assert result["problems"] == []
    return result["found"]


class Proxy(http.server.BaseHTTPRequestHandler):
    """Takes note of every host that is asked for, and answers nothing."""

    def do_GET(self):
        self.server.hosts.append(urlsplit(self.path).hostname or self.path.partition(":")[0])
        self.send_error(404)

    do_CONNECT = do_GET

    def log_message(self, *_):
        pass


def hosts_asked(paths, folder):
    """The hosts that pages ask for when they are opened, without those that the browser asks by itself (OWN)."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.hosts = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        frames = "".join(f'<iframe src="{path.as_uri()}" width="1000" height="2000"></iframe>' for path in paths)
        (folder / "all.html").write_text(frames)
        run_chromium((folder / "all.html").as_uri(), folder, f"--proxy-server=127.0.0.1:{server.server_port}")
        server.shutdown()
    return {host for host in server.hosts if host in SHARED or not host.endswith(OWN)}
