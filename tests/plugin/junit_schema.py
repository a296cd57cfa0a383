"""The JUnit schema that CI systems use, as far as reports can break it.

Facts after ``junit-10.xsd`` of the Jenkins xUnit plugin: which element may stand in
which, and which attributes it has. One thing is wider here: Jenkins' schema knows
properties of a suite only, other readers (pytest's documentation shows it, junitparser
reads it) know those of a test case, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """``required`` attributes, ``optional`` ones, and elements allowed inside."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    text: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_REASON = Element(optional=_words("type message"), text=True)
SCHEMA = {
    "testsuites": Element(
        optional=_words("name time tests failures errors"), inside=_words("testsuite")
    ),
    "testsuite": Element(
        required=_words("name tests failures errors"),
        optional=_words(
            "group time skipped timestamp hostname id package file log url"
        ),
        inside=_words("testsuite properties testcase system-out system-err"),
    ),
    "testcase": Element(
        required=_words("name"),
        optional=_words("time classname group"),
        inside=_words("skipped error failure system-out system-err properties"),
    ),
    "properties": Element(inside=_words("property")),
    "property": Element(required=_words("name value")),
    "failure": _REASON,
    "error": _REASON,
    "skipped": _REASON,
    "system-out": Element(text=True),
    "system-err": Element(text=True),
}
_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def violations(root: ElementTree.Element) -> Iterator[str]:
    """What the schema does not allow, and counts that are not those of the cases."""
    if root.tag not in ("testsuites", "testsuite"):
        yield f"<{root.tag}> is no report"
    for element in root.iter():
        rule = SCHEMA.get(element.tag)
        if rule is None:
            yield f"<{element.tag}> is unknown"
            continue
        yield from _attributes(element, rule)
        for child in element:
            if child.tag not in rule.inside:
                yield f"<{child.tag}> in <{element.tag}>"
        if not rule.text and (element.text or "").strip():
            yield f"text in <{element.tag}>"
        if element.tag == "testsuite":
            yield from _counts(element)


def _attributes(element: ElementTree.Element, rule: Element) -> Iterator[str]:
    names = set(element.attrib)
    for name in rule.required - names:
        yield f"<{element.tag}> without {name}"
    for name in names - rule.required - rule.optional:
        yield f"{name} of <{element.tag}>"
    if element.tag == "testsuite" and not _TIME.fullmatch(element.get("time", "")):
        yield f"time {element.get('time')!r}"


def _counts(suite: ElementTree.Element) -> Iterator[str]:
    found = {"tests": "testcase", "failures": "testcase/failure"}
    found |= {"errors": "testcase/error", "skipped": "testcase/skipped"}
    for name, path in found.items():
        if int(suite.get(name, "0")) != len(suite.findall(path)):
            yield f"{name}={suite.get(name)}"
