"""The HTML report in headless Chromium."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .conftest import Open, report_of
from .synthetic import records, write

ROWS = "#rows tbody tr"


def shown(page: Any) -> str:
    text: str = page.locator("#count").inner_text()
    return text


def test_it_opens_without_a_word_and_without_a_request(
    report: Path, open_page: Open
) -> None:
    page = open_page(report)
    assert shown(page) == "1,440 of 1,440 cases"
    assert page.locator(ROWS).count() == 100
    assert page.locator("figure svg").count() == 5
    assert page.locator("figure details table").count() == 5


def test_filters_narrow_the_list_and_stand_in_the_address(
    report: Path, open_page: Open
) -> None:
    page = open_page(report)
    page.select_option("[name=model]", "dense-7b-base")
    assert shown(page) == "480 of 1,440 cases"
    page.select_option("[name=family]", "docstring")
    assert shown(page) == "120 of 1,440 cases"
    page.fill("[name=text]", "CLICK_counter")
    assert shown(page) == "3 of 1,440 cases"
    assert "model=dense-7b-base" in page.url
    again = open_page(report, fragment="#" + page.url.partition("#")[2])
    assert shown(again) == "3 of 1,440 cases"
    page.click("text=Clear")
    page.wait_for_function("document.querySelector('#count').textContent[0] === '1'")
    page.select_option("[name=verdict]", "broken")
    broken = int(shown(page).split()[0])
    assert 0 < broken < 480
    assert page.locator(f"{ROWS} .verdict.solved").count() == 0


def test_links_of_the_overview_lead_to_the_cases_they_count(
    report: Path, open_page: Open
) -> None:
    page = open_page(report)
    page.locator("section:has(> #fragile) tbody a").first.click()
    page.wait_for_function(
        "!document.querySelector('#count').textContent.startsWith('1,440')"
    )
    assert {text.split()[0] for text in page.locator(ROWS).all_inner_texts()} == {
        page.locator(f"{ROWS} a").first.inner_text()
    }


def test_pages_and_sorting(report: Path, open_page: Open) -> None:
    page = open_page(report)
    first = page.locator(ROWS).first.inner_text()
    page.click("[data-go=next]")
    assert page.locator("#page").inner_text() == "Page 2 of 15"
    assert page.locator(ROWS).first.inner_text() != first
    page.click("[data-go=last]")
    assert page.locator(ROWS).count() == 40
    assert page.locator("[data-go=next]").is_disabled()
    page.click("th[data-by=verdict] button")
    page.click("th[data-by=verdict] button")
    assert (
        page.locator("th[data-by=verdict]").get_attribute("aria-sort") == "descending"
    )
    assert page.locator("#page").inner_text() == "Page 1 of 15"
    assert "wrong answer" in page.locator(ROWS).first.inner_text()


def test_a_case_shows_all_of_its_record(report: Path, open_page: Open) -> None:
    [record] = [
        record
        for record in records(problems=3, samples=1)
        if record.case["attack"] == "docstring.butter_fingers"
        and record.program
        and record.execution
        and record.execution["failing_test"]
    ][:1]
    page = open_page(report, fragment=f"#case/{record.id}")
    text = page.locator("#case").inner_text()
    assert page.locator("#case h1").inner_text() == record.case["problem"]
    assert record.id in text
    assert record.execution is not None
    for key in ("failing_test", "expected", "actual"):
        assert record.execution[key] in text
    programs = page.locator("pre[aria-label=Program]")
    assert programs.evaluate("node => node.textContent") == record.program
    assert programs.locator(".k, .s, .f").count() > 3
    removed = [x[1:] for x in record.prompt_diff.splitlines()[2:] if x[0] == "-"]
    found = page.locator("del").evaluate_all("all => all.map(x => x.textContent)")
    assert found == [f"− {line}" for line in removed]
    assert page.locator("ins mark").count() > 0
    assert "Judging" in text
    assert page.locator("#case .cases a").count() >= 13
    hidden = page.locator("pre[aria-label=Prompt]")
    assert hidden.evaluate("node => node.textContent") == record.prompt


def test_back_from_a_case_to_the_same_place(report: Path, open_page: Open) -> None:
    page = open_page(report)
    page.select_option("[name=family]", "syntax")
    link = page.locator(f"{ROWS} a").nth(5)
    target = link.get_attribute("href")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#case h1")
    assert page.evaluate("document.activeElement.id") == "case-title"
    assert page.title().startswith(page.locator("#case h1").inner_text())
    page.click(".bar >> text=Next")
    page.wait_for_selector("#case h1:focus")
    page.click(".bar >> text=Previous")
    page.click(".bar >> text=All cases")
    page.wait_for_selector("#case", state="hidden")
    assert shown(page).startswith("120 of")
    assert page.evaluate("document.activeElement.getAttribute('href')") == target


def test_the_id_is_copied(report: Path, open_page: Open) -> None:
    page = open_page(report)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(f"{ROWS} a").first.click()
    page.click("text=Copy id")
    page.wait_for_selector("text=Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator(".id code").inner_text()


def test_a_link_to_no_case_says_so(report: Path, open_page: Open) -> None:
    page = open_page(report, fragment="#case/%E0%A4%A")
    assert shown(page) == "There is no such case in this report."
    assert page.locator("#overview").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_window_and_texts_stand_out(
    report: Path, open_page: Open, width: int, scheme: str
) -> None:
    page = open_page(report, width=width, scheme=scheme)
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) == width
    assert page.evaluate(CONTRAST) == []
    page.locator(f"{ROWS} a").nth(1).click()
    page.wait_for_selector("#case h1")
    assert page.evaluate(wide) == width
    assert page.evaluate(CONTRAST) == []


#: Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3).
CONTRAST = """() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const v = c[i] / 255;
    return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const c = rgb(getComputedStyle(node).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
  };
  const low = new Set();
  for (const node of document.querySelectorAll("body *:not(script)")) {
    const own = [...node.childNodes].some((x) => x.nodeType === 3 && x.data.trim());
    if (!own || !node.checkVisibility() || node.disabled) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(rgb(node.closest("svg") ? style.fill : style.color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.add(`${node.tagName}.${node.className} ${ratio.toFixed(2)} ${node.textContent.slice(0, 20)}`);
  }
  return [...low];
}"""


def test_it_is_usable_by_keyboard_and_screen_reader(
    report: Path, open_page: Open
) -> None:
    page = open_page(report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('select, input, button, [role=region], svg, figure, form')]
        .filter(x => !x.closest('[hidden]') && !x.labels?.length && !x.getAttribute('aria-label')
            && !x.getAttribute('aria-labelledby') && !(x.tagName === 'BUTTON' && x.textContent.trim()))
        .map(x => x.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []
    for tag in ("main", "header", "nav", "footer", "h1"):
        assert page.locator(tag).count() == 1, tag
    tables = page.locator("table").count()
    assert page.locator("table > caption").count() == tables
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(x => x.id)")
    assert len(ids) == len(set(ids))
    page.locator(f"{ROWS} a").first.press("Enter")
    page.wait_for_selector("#case h1")
    page.evaluate("location.hash = '#main'")
    assert page.locator("#case").is_visible()


def test_hostile_texts_stay_texts(
    browser: Any, tmp_path: Path, open_page: Open
) -> None:
    evil = "</script><img src=x onerror=alert(1)><svg onload=alert(2)>\u202e\x00{{7*7}}"
    folder = write(tmp_path / "run", problems=1, models=1)
    with (folder / "records.jsonl").open("w") as stream:
        for i, record in enumerate(records(problems=2, samples=1, models=1)):
            texts = {
                "prompt": evil,
                "prompt_diff": f"--- clean\n+++ attacked\n@@\n-{evil}\n+{evil}!\n {evil}",
                "program": evil + record.prompt,
                "detail": evil,
                "completion": {"text": evil, "finish_reason": evil},
                "execution": {
                    **dict.fromkeys(("exception", "failing_test", "expected"), evil),
                    **dict.fromkeys(("actual", "stdout", "stderr", "judge"), evil),
                    "notes": [evil],
                },
            }
            case = {**record.case, "id": f"{evil}::{i}", "model": evil, "problem": evil}
            attack = case["attack"] if case["attack"] == "clean" else f"{i}.{evil}"
            case.update(attack=attack, family=attack)
            stream.write(replace(record, case=case, **texts).to_line() + "\n")
    page = open_page(report_of(folder))
    page.locator(f"{ROWS} a").nth(1).click()
    page.wait_for_selector("#case h1")
    assert page.locator("img").count() == 0
    assert page.locator("#case svg").count() == 0
    assert "<img src=x" in page.locator("#case h1").inner_text()
    assert page.locator("#case .invisible").first.inner_text() == "U+202E"
    assert page.locator("#case .invisible").nth(1).inner_text() == "U+0000"
    page.wait_for_timeout(200)


def test_a_script_that_gets_in_is_not_run(report: Path, browser: Any) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]")
    refused = page.evaluate(
        """() => {
            const script = document.createElement('script');
            try { script.textContent = 'window.ran = 1' } catch (error) { return error.name }
        }"""
    )
    assert refused == "TypeError"
    page.evaluate("document.body.append(document.createElement('img'))")
    page.evaluate("document.querySelector('img').src = 'https://example.invalid/x.png'")
    page.wait_for_timeout(100)
    assert any("Content Security Policy" in text for text in said)
    page.close()


@pytest.mark.slow
def test_fifty_thousand_cases_open_at_once(
    browser: Any, tmp_path: Path, open_page: Open
) -> None:
    folder = write(tmp_path / "run", problems=48, samples=29)
    file = report_of(folder)
    assert file.stat().st_size < 20e6
    started = time.perf_counter()
    page = open_page(file)
    opened = time.perf_counter() - started
    assert shown(page) == "50,112 of 50,112 cases"
    started = time.perf_counter()
    page.fill("[name=text]", "recursion")
    filtered = time.perf_counter() - started
    page.locator(f"{ROWS} a").last.click()
    page.wait_for_selector("#case h1")
    print(f"opened in {opened:.2f} s, filtered in {filtered:.2f} s")
    # An order of magnitude above what a slow machine takes.
    assert opened < 10
    assert filtered < 3
