"""The morning report: one page without requests, that escapes what comes from outside."""

from __future__ import annotations

import base64
import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from cli.exits import Exit
from db.database import Database
from db.query.failure_records import FailureFilter
from db.query.failures import find_failures
from db.query.results import find_results
from db.query.status import batch_status
from db.records import ResultFilter
from results.audited_reads import Reading
from results.morning.failed import FILES_PER_CODE
from results.morning.page import morning_page
from results.morning.pictures import MOST_BYTES, embedded
from scheduler.settings import Settings
from testbed.browser import NoBrowser, chromium
from testbed.commands import Commands
from testbed.records import BROKEN, measure_all, refused, seen, submit
from tests.cli.processed import Processed
from worker.pictures import Pictures

MOST_PAGE_BYTES = 5_000_000
SCRIPT = '"><script>document.title="owned"</script><img src=x onerror="document.title=1">\'{{7*7}}'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with chromium() as started:
            yield started
    except NoBrowser as missing:
        if os.environ.get("CI"):  # noqa: TID251 - this is the edge of the test process
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def page(processed: Processed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of the archive of the documentation."""
    out = tmp_path_factory.mktemp("morning") / "report.html"
    [status] = processed.commands.json("status", "--json")
    ran = processed.commands.run("report", status["batch"], "--out", out)
    assert ran.returncode == Exit.OK, ran.stderr
    assert str(out) in ran.stdout
    return out


class Parsed(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Take a text."""
        self.text += data

    def values(self, attribute: str) -> list[str]:
        """Return the values of an attribute."""
        return [each[attribute] for _, each in self.elements if attribute in each]


def loaded(browser: Browser, path: Path, **context: Any) -> tuple[Page, list[str], list[str]]:
    """Load a page without a network; return it with its requests and its messages."""
    tab = browser.new_context(offline=True, **context).new_page()
    requests: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(path.as_uri())
    return tab, [each for each in requests if not each.startswith("data:")], said


def test_the_page_is_small_and_names_nothing_outside_itself(page: Path) -> None:
    assert page.stat().st_size < MOST_PAGE_BYTES
    text = page.read_text(encoding="utf-8")
    found = Parsed(text)
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    for value in (*found.values("href"), *found.values("src")):
        assert value.startswith("data:") or value.removeprefix("#") in ids, value[:80]
    assert not {tag for tag, _ in found.elements} & {"script", "iframe", "object", "form", "base"}
    assert not re.search(r"url\(|@import|https?:", re.sub(r"data:[^\"]*", "", text))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_without_a_network_shows_it_whole(
    page: Path, browser: Browser, scheme: str
) -> None:
    tab, requests, said = loaded(browser, page, color_scheme=scheme)
    assert requests == [page.as_uri()]
    assert said == []
    broken = tab.evaluate(
        "[...document.images].filter(each => !each.complete || !each.naturalWidth).length"
    )
    assert broken == 0
    assert tab.evaluate("document.images.length") > 8
    # Text and ground differ enough to be read: WCAG's ratio of contrast for small text.
    assert tab.evaluate(CONTRAST) >= 4.5
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


#: The lowest ratio of contrast between a text of the page and the card that it stands on.
CONTRAST = """() => {
  const part = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = css => { const [r, g, b] = css.match(/[\\d.]+/g).map(Number).map(part);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = element => { for (let e = element; e; e = e.parentElement) {
    const css = getComputedStyle(e).backgroundColor;
    if (!css.endsWith(', 0)')) return css; } return 'rgb(255, 255, 255)'; };
  return Math.min(...[...document.querySelectorAll(
    'p, td, th, h1, h2, h3, a:not(svg a), b, span, text')]
    .filter(e => e.textContent.trim()).map(e => { const css = getComputedStyle(e);
      const ink = light(e instanceof SVGElement && css.fill !== 'none' ? css.fill : css.color);
      const below = light(ground(e));
      return (Math.max(ink, below) + 0.05) / (Math.min(ink, below) + 0.05); }));
}"""


def test_it_prints_dark_on_white_within_the_width_of_the_paper(
    page: Path, browser: Browser
) -> None:
    tab, _, _ = loaded(browser, page, color_scheme="dark", viewport={"width": 690, "height": 980})
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate(CONTRAST) >= 4.5
    wide = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)"
    assert tab.evaluate(f"{wide}.length") == 0
    assert tab.pdf(format="A4").startswith(b"%PDF")


def test_a_dot_of_a_plot_leads_to_its_picture(page: Path, browser: Browser) -> None:
    tab, _, _ = loaded(browser, page)
    dots = tab.locator("svg a[href^='#radiograph-']")
    assert dots.count() > 8
    dots.last.click()
    target = tab.locator(".case:target")
    assert target.count() == 1
    assert f"#{target.get_attribute('id')}" == dots.last.get_attribute("href")
    title = target.locator("b").inner_text()
    assert title in (dots.last.locator("title").text_content() or "")


def test_the_page_agrees_with_the_ledger_the_results_and_the_failures(
    page: Path, processed: Processed
) -> None:
    found = Parsed(page.read_text(encoding="utf-8"))
    database = Database.open(Settings(state=processed.commands.state).database)
    [name] = [each["batch"] for each in processed.commands.json("status", "--json")]
    status = batch_status(database, name)
    files = tables(found)
    assert [row["state"] for row in files["checks"]].count("ok") >= 4
    assert {row["code"]: int(row["files"]) for row in files["codes"]} == status.codes
    codes = Counter(each.code for each in find_failures(database, FailureFilter(batch=name)))
    assert Counter(row["code"] for row in files["files"]) == codes
    assert sum(int(row["results"]) for row in files["buckets"]) == status.measured
    assert sum(int(row["results"]) for row in files["networks"]) == status.measured
    results = list(find_results(database, ResultFilter(batch=name)))
    above = sorted(
        (each.measurement.ict.value or 0 for each in results if each.measurement.ict.enlarged),
        reverse=True,
    )
    urgent = [row for row in files["pictures"] if row["group"] == "urgent"]
    assert [row["ict"] for row in urgent] == [f"{value:.3f}" for value in above[: len(urgent)]]
    assert urgent
    database.dispose()


def tables(found: Parsed) -> dict[str, list[dict[str, str]]]:
    """Return the CSV files of a page by name."""
    files = {}
    for tag, attributes in found.elements:
        if tag == "a" and "download" in attributes:
            content = base64.b64decode(attributes["href"].partition("base64,")[2]).decode()
            files[attributes["download"].removesuffix(".csv")] = list(
                csv.DictReader(io.StringIO(content))
            )
    return files


def test_every_table_has_its_csv_file(page: Path) -> None:
    found = Parsed(page.read_text(encoding="utf-8"))
    assert len(tables(found)) == sum(tag == "table" for tag, _ in found.elements) + 1  # the files


def test_scripts_in_names_headers_and_details_are_text(
    database: Database, tmp_path: Path, browser: Browser
) -> None:
    batch, path = f"night {SCRIPT}", f"/archive/{SCRIPT.replace('/', '')}.dcm"
    hostile = replace(BROKEN, detail=f"ends {SCRIPT}")
    submit(
        database,
        [seen(1), seen(2, path=path), refused(SCRIPT.replace("/", ""), hostile)],
        name=batch,
    )
    measure_all(database)
    settings = Settings(state=tmp_path)
    with Pictures(settings) as pictures:
        text = morning_page(database, batch, settings, pictures, Reading(settings))
    assert not {tag for tag, _ in Parsed(text).elements} & {"script", "iframe"}
    out = tmp_path / "hostile.html"
    out.write_text(text, encoding="utf-8")
    tab, requests, said = loaded(browser, out)
    assert requests == [out.as_uri()]
    assert said == []
    assert tab.title() == f"{batch}: morning report"
    assert tab.locator("h1").inner_text() == batch
    shown = tab.locator("body").inner_text()
    assert f"ends {SCRIPT}" in shown
    assert shown.count("onerror") >= 4
    assert "No picture: [file-unavailable]" in shown


def test_a_batch_without_results_has_a_page(database: Database, tmp_path: Path) -> None:
    submit(database, [seen(1)])
    settings = Settings(state=tmp_path)
    with Pictures(settings) as pictures:
        text = morning_page(database, "night", settings, pictures, Reading(settings))
    assert "Nothing was measured." in text
    assert "1 files wait or are at work" in text


def test_the_page_of_many_failures_is_limited(database: Database, tmp_path: Path) -> None:
    submit(database, [refused("<&>" * 1000 + str(number)) for number in range(300)])
    settings = Settings(state=tmp_path)
    reading = Reading(settings)
    with Pictures(settings) as pictures:
        text = morning_page(database, "night", settings, pictures, reading)
    assert len(text) < MOST_PAGE_BYTES / 20
    [code] = tables(Parsed(text))["codes"]
    assert code["files"] == "300"
    assert len(tables(Parsed(text))["files"]) == reading.rows == FILES_PER_CODE
    assert f"and {300 - FILES_PER_CODE} more" in text


def test_a_picture_of_noise_is_limited_too() -> None:
    noise = Image.effect_noise((460, 560), 200.0).convert("RGB")
    assert len(base64.b64decode(embedded(noise).partition("base64,")[2])) <= MOST_BYTES


def test_process_writes_the_page_if_asked_and_forget_removes_it(
    commands: Commands, tmp_path: Path, processed: Processed
) -> None:
    source = min(processed.archive.rglob("*.dcm"))
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(source.read_bytes())
    assert commands.run("process", folder, "--batch", "night").returncode == Exit.OK
    written = commands.state / "reports" / "night" / "report.html"
    assert not written.exists()
    ran = commands.run("process", folder, "--batch", "night", "--page")
    assert ran.returncode == Exit.OK, ran.stderr
    assert f"page      {written}" in ran.stdout
    assert "morning report" in written.read_text(encoding="utf-8")
    assert commands.run("forget", "--batch", "night", "--yes").returncode == Exit.OK
    assert not written.exists()
