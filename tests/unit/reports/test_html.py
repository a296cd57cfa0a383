"""The page as text; what it does in a browser is tested in ``tests/browser``."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.contents import contents
from pytest_selfinvoke.reports.html import svg
from pytest_selfinvoke.reports.html.cases import CaseList
from pytest_selfinvoke.reports.html.page import render
from pytest_selfinvoke.reports.html.plots import panels
from pytest_selfinvoke.reports.reading import Run

from .conftest import Make, MakeRun

EVIL = "</script><img src=x onerror=alert(1)>{{7*7}}$\\frac"


@pytest.fixture(autouse=True)
def needs_the_extra() -> None:
    for module in ("jinja2", "matplotlib"):
        pytest.importorskip(module, reason="needs the extra html")


def page(folder: Path) -> str:
    cases, run = CaseList(), Run(folder)
    return render(contents(run, cases.add), cases).decode()


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def records(make: Make, name: str = "p") -> list[Record]:
    found = []
    for model in ("m1", "m2"):
        for i in range(4):
            found.append(make(f"{name}{i}", "clean", True, model=model))
            found.append(make(f"{name}{i}", "a.x", i > 1, model=model))
            found.append(make(f"{name}{i}", "b.y", i > 2, model=model))
    return found


class Tags(HTMLParser):
    """All tags with their attributes, and the texts of elements by tag."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags:
            self.texts.append((self.tags[-1][0], data))


def test_nothing_is_loaded_and_nothing_inline_but_what_the_policy_names(
    make: Make, make_run: MakeRun
) -> None:
    text = page(make_run(records(make)))
    found = Tags(text)
    policy = next(
        a["content"] or ""
        for tag, a in found.tags
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        [source] = blocks
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    for tag, attributes in found.tags:
        assert not {"style", "src", "srcset", "xlink:href"} & attributes.keys(), tag
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#"), attributes
        assert tag not in ("link", "iframe", "object", "embed", "base")


def test_hostile_names_are_text_everywhere(make: Make, make_run: MakeRun) -> None:
    evil = [
        make(EVIL, attack, solved, model=EVIL, execution={"exception": EVIL})
        for attack, solved in (("clean", True), (EVIL, False))
    ]
    evil.append(replace(evil[1], verdict=Verdict.EXCEPTION))
    text = page(make_run(evil))
    found = Tags(text)
    assert "img" not in {tag for tag, _ in found.tags}
    assert "alert(1)>{{7*7}}" in "".join(data for _, data in found.texts)
    assert "49" not in "".join(data for tag, data in found.texts if tag == "th")
    assert text.count("</script>") == 3


def test_the_cases_come_back_from_the_page(make: Make, make_run: MakeRun) -> None:
    made = [make("p1", "clean", True), make("p1", "a.x", False, prompt=EVIL)]
    text = page(make_run(made))
    [index] = re.findall(r'id="index">([^<]*)<', text)
    [chunk] = re.findall(r'id="chunk-0">([^<]*)<', text)
    data = unpacked(index)
    assert data["id"] == sorted(record.id for record in made)
    assert data["effect"] == ["broken", ""]
    verdicts = data["verdict"]
    assert [verdicts["names"][i] for i in verdicts["values"]] == [
        "wrong answer",
        "solved",
    ]
    number, place = data["place"][0]
    assert number == 0
    assert unpacked(chunk)[place]["prompt"] == EVIL


def test_many_cases_are_cut_into_chunks(make: Make) -> None:
    cases = CaseList()
    for i in range(40):
        cases.add(make(f"p{i:02}", "clean", True, prompt=f"{i}" + "x" * 100_000))
    index = unpacked(cases.finish({}))
    assert len(cases.chunks) == 4
    for i, (chunk, place) in enumerate(index["place"]):
        assert unpacked(cases.chunks[chunk])[place]["prompt"].startswith(f"{i}x")


def test_half_a_surrogate_pair_does_not_stop_the_page(
    make: Make, make_run: MakeRun
) -> None:
    broken = "\ud800\x00\x1b"
    record = make(f"p{broken}", "clean", False, execution={"exception": "E\udc00"})
    record = replace(record, verdict=Verdict.EXCEPTION)
    assert "E?" in page(make_run([record]))
    cases = CaseList()
    cases.add(record)
    assert unpacked(cases.finish({}))["problem"]["names"] == ["p?\x00\x1b"]
    attacked = [make("p", a, a == "clean", model=broken) for a in ("clean", broken)]
    [panel] = panels(contents(Run(make_run(attacked))))
    for plot in (*panel.left, *panel.right):
        ElementTree.fromstring(plot.drawing)


def test_every_plot_has_numbers_a_label_and_colours_of_the_page(
    make: Make, make_run: MakeRun
) -> None:
    [panel] = panels(contents(Run(make_run(records(make)))))
    plots = [*panel.left, *panel.right]
    assert [plot.id for plot in plots] == [
        "b0-models",
        "b0-drop",
        "b0-scatter",
        "b0-survival",
        "b0-heat",
    ]
    ids: list[str] = []
    for plot in plots:
        root = ElementTree.fromstring(plot.drawing)
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert "#000" not in plot.drawing
        assert "style" not in {a for e in root.iter() for a in e.attrib}
        assert plot.rows
        assert {len(row) for row in plot.rows} == {len(plot.headings)}
        own = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
        assert all(id_.startswith(plot.id) for id_ in own)
        for target in re.findall(r"(?:url\(|href=\")#([\w-]+)", plot.drawing):
            assert target in own
        ids += own
    assert len(ids) == len(set(ids))
    drop = {row[:2]: row[2:] for row in plots[1].rows}
    assert drop["m1", "a"][0] == "50.0 %"
    assert drop["m1", "a"][-4:] == ("50.0 %", "50.0 %", "0.0 %", "4")
    survival = [row[2:] for row in plots[3].rows if row[0] == "m1"]
    assert survival == [
        ("0", "4", "100.0 %"),
        ("1", "1", "25.0 %"),
        ("2", "1", "25.0 %"),
    ]
    assert plots[4].rows[0] == ("p0", "2 / 2", "2 / 2")


def test_gates_stand_on_the_page(make: Make, make_run: MakeRun) -> None:
    folder = make_run(records(make))
    file = folder / "manifest.json"
    gate = {
        "gate": "drop[worst]<=0.15",
        "model": "m1",
        "benchmark": "b",
        "ruling": "failed",
        "value": 0.5,
        "low": 0.4,
        "high": 0.7,
        "n": 20,
        "reason": EVIL,
    }
    file.write_text(json.dumps({**json.loads(file.read_text()), "gates": [gate]}))
    texts = [text for tag, text in Tags(page(folder)).texts if tag in ("td", "th")]
    start = texts.index("drop[worst]<=0.15")
    row = [text for text in texts[start : start + 12] if text.strip()]
    assert row[:6] == [
        *("drop[worst]<=0.15", "m1 on b", "failed", EVIL),
        *("50.0 %", "40.0 to 70.0 %"),
    ]


def test_the_null_control_stands_beside_the_families(
    make: Make, make_run: MakeRun
) -> None:
    control = [
        make(f"p{i}", "clean.repeat", i > 0, model="m1", seed=0) for i in range(4)
    ]
    folder = make_run(records(make))
    [plain] = panels(contents(Run(folder)))
    assert "clean.repeat" not in plain.left[1].caption
    folder = make_run([*records(make), *control])
    [panel] = panels(contents(Run(folder)))
    drops = {row[:2]: row[2:5] for row in panel.left[1].rows}
    assert drops["m1", "clean.repeat"][0] == "25.0 %"
    assert drops["m1", "a"] == ("50.0 %", "too few: 4", "25.0 %")
    assert "clean.repeat is the null control" in panel.left[1].caption
    cells = [text.strip() for tag, text in Tags(page(folder)).texts if tag == "span"]
    assert "25.0 %" in cells


def test_a_model_that_solves_nothing_has_no_drops_and_still_a_page(
    make: Make, make_run: MakeRun
) -> None:
    failed = [make("p", attack, False) for attack in ("clean", "a.x")]
    folder = make_run(failed)
    [panel] = panels(contents(Run(folder)))
    assert [plot.id for plot in panel.left] == ["b0-models", "b0-scatter"]
    assert "0.0 %" in page(folder)


def test_a_large_heat_map_shows_what_breaks_most_and_says_so(
    make: Make, make_run: MakeRun
) -> None:
    made = [make(f"p{i:02}", "clean", True) for i in range(60)]
    made += [
        make(f"p{i:02}", f"a.x{j:02}", i < 59) for i in range(60) for j in range(30)
    ]
    [panel] = panels(contents(Run(make_run(made))))
    heat = panel.right[-1]
    assert heat.rows[0][0] == "p59"
    assert len(heat.rows) == 40
    assert "20 problems that break less are not shown." in heat.caption
    # Wider than a phone: it keeps its size and is scrolled.
    assert float(ElementTree.fromstring(heat.drawing).attrib["width"]) > 600


def test_the_same_run_gives_the_same_page(make: Make, make_run: MakeRun) -> None:
    folder = make_run(records(make))
    assert page(folder) == page(folder)


def test_shares_become_steps() -> None:
    steps = [svg.heat(share) for share in (0, 0.01, 0.25, 0.26, 0.75, 0.76, 1)]
    assert [int(step[-2:], 16) for step in steps] == [0, 1, 1, 2, 3, 4, 4]


@pytest.mark.parametrize("made", [0, 1], ids=["no cases", "clean only"])
def test_a_run_without_attacks_has_a_page(
    make: Make, make_run: MakeRun, made: int
) -> None:
    text = page(make_run([make("p", "clean", False)] * made))
    assert "both a clean and an attacked verdict" in text
    assert "b0-drop" not in text
