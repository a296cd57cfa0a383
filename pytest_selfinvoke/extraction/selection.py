"""Which statements of an answer make the program."""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.extraction.reader import UNREADABLE, Piece, Statement
from pytest_selfinvoke.extraction.statements import (
    DECLARATIONS,
    Definition,
    Import,
    can_define,
    changes,
    is_future_import,
    is_main_guard,
    is_real,
    is_setting,
    is_star_import,
    is_stub,
    replaces,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The statements that define the entry points, and all that these need.

    ``missing`` entry points are not defined at all; ``hollow`` ones are stubs;
    ``echoed`` ones are defined as the prompt has them: the answer adds nothing.
    """

    statements: tuple[Statement, ...]
    missing: tuple[str, ...]
    hollow: tuple[str, ...]
    echoed: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every entry point has a body of its own."""
        return not (self.missing or self.hollow or self.echoed)


def select(
    segments: Sequence[Sequence[Statement]],
    entry_points: Sequence[str],
    given: Sequence[Statement],
    *,
    takes_first: bool = False,
) -> Selection:
    """Choose among the definitions of an answer and follow the names they need.

    Definitions with a body win over stubs; among these the last segment's wins, so
    that a corrected version counts. What a definition needs is looked for in its own
    segment, then in earlier ones, then in later ones.

    :param segments: the answer's statements, by fence.
    :param given: the prompt's statements.
    :param takes_first: let the first segment's definitions win.
    """
    selector = _Selector(segments, given)
    for name in entry_points:
        selector.take_entry_point(name, takes_first=takes_first)
    selector.follow()
    return selector.result(entry_points)


def cut(
    pieces: Sequence[Piece], entry_points: Sequence[str], given: Sequence[Statement]
) -> tuple[list[Statement], list[Statement]]:
    """The statements before and after the point where a continuation runs on.

    That is the first piece after the last required definition that no program needs: a
    test, an example, prose, a fence.
    """
    known = {s.key for s in given}
    # A counter: HumanEval Pro 41 gives both of its functions the same name.
    still_open = Counter(entry_points)
    for index, piece in enumerate(pieces):
        if not still_open and _is_foreign(piece):
            return _statements(pieces[:index]), _statements(pieces[index:])
        if isinstance(piece, Statement) and _adds(piece, known):
            still_open -= Counter(piece.binds)
    return _statements(pieces), []


def assemble(
    selection: Selection, given: Sequence[Statement], entry_points: Sequence[str]
) -> str:
    """The program: what the prompt gives, then what the answer brings.

    Of the prompt: imports, constants, complete functions and classes, if they are no
    entry points and the answer does not define them itself. Imports stay even so: what
    else is given may need them before the answer's come.
    """
    bound = {name for s in selection.statements for name in s.binds}
    preamble = [
        s
        for s in given
        if isinstance(s.node, DECLARATIONS)
        and not is_stub(s.node)
        and not s.binds.intersection(entry_points)
        and (isinstance(s.node, Import) or not (s.binds and s.binds <= bound))
        and _compiles(s.source)
    ]
    parts = [*preamble, *selection.statements]
    future = [s.source for s in parts if is_future_import(s.node)]
    other = [s.source for s in parts if not is_future_import(s.node)]
    return "\n\n".join([*dict.fromkeys(future), *other]) + "\n"


class _Selector:
    def __init__(
        self, segments: Sequence[Sequence[Statement]], given: Sequence[Statement]
    ) -> None:
        self._segments = segments
        self._given = given
        self._chosen: set[tuple[int, int]] = set()
        self._pending: list[tuple[str, int]] = []
        self._entries: dict[str, Statement] = {}
        self._homes: dict[str, list[int]] = defaultdict(list)
        self._bound: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._changed: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._called: dict[tuple[str, int], list[int]] = defaultdict(list)
        for home, segment in enumerate(segments):
            for index, statement in enumerate(segment):
                self._register(statement, home, index)

    def _register(self, statement: Statement, home: int, index: int) -> None:
        if isinstance(statement.node, ast.Assert) or is_main_guard(statement.node):
            return
        for name in statement.binds:
            if not self._bound[name, home]:
                self._homes[name].append(home)
            self._bound[name, home].append(index)
        stores, calls = changes(statement.node)
        for name in stores:
            self._changed[name, home].append(index)
        for name in calls - stores:
            self._called[name, home].append(index)

    def take_entry_point(self, name: str, *, takes_first: bool) -> None:
        defining = [
            (home, index)
            for home in self._homes[name]
            for index in self._bound[name, home]
            if can_define(self._segments[home][index].node)
        ]
        real = [(h, i) for h, i in defining if is_real(self._segments[h][i].node)]
        if not defining:
            return
        choice = real or defining
        home = choice[0][0] if takes_first else choice[-1][0]
        index = max(i for h, i in choice if h == home)
        self._entries[name] = self._segments[home][index]
        self._take(name, home)

    def follow(self) -> None:
        """Take all that the chosen statements need, until nothing is missing."""
        self._follow_names()
        homes = {home for home, _ in self._chosen}
        for home in homes:
            for index, statement in enumerate(self._segments[home]):
                if is_setting(statement.node) or is_future_import(statement.node):
                    self._choose(home, index)
        self._follow_names()
        if self._has_unbound():
            for home in homes:
                for index, statement in enumerate(self._segments[home]):
                    if is_star_import(statement.node):
                        self._choose(home, index)

    def result(self, entry_points: Sequence[str]) -> Selection:
        chosen = [self._segments[h][i] for h, i in sorted(self._chosen)]
        found = self._entries
        known = {s.key for s in self._given}
        return Selection(
            statements=tuple(chosen),
            missing=tuple(n for n in entry_points if n not in found),
            hollow=tuple(n for n in found if is_stub(found[n].node)),
            echoed=tuple(n for n in found if found[n].key in known),
        )

    def _follow_names(self) -> None:
        seen: set[tuple[str, int]] = set()
        while self._pending:
            name, user = self._pending.pop()
            homes = self._homes.get(name)
            if homes and name not in self._entries and (name, user) not in seen:
                seen.add((name, user))
                self._take(name, _nearest(homes, user))

    def _take(self, name: str, home: int) -> None:
        indices = self._bound[name, home]
        segment = self._segments[home]
        has_real = any(is_real(segment[i].node) for i in indices)
        for index in reversed(indices):
            if has_real and not is_real(segment[index].node):
                continue
            self._choose(home, index)
            if replaces(segment[index].node, name):
                break
        for index in self._changed[name, home]:
            self._choose(home, index)
        if not any(isinstance(segment[i].node, Definition | Import) for i in indices):
            for index in self._called[name, home]:
                self._choose(home, index)

    def _choose(self, home: int, index: int) -> None:
        if (home, index) not in self._chosen:
            self._chosen.add((home, index))
            needs = self._segments[home][index].needs
            self._pending.extend((name, home) for name in needs)

    def _has_unbound(self) -> bool:
        chosen = [self._segments[h][i] for h, i in self._chosen]
        bound = {name for s in [*chosen, *self._given] for name in s.binds}
        bound.update(dir(builtins))
        return any(name not in bound for s in chosen for name in s.needs)


def _nearest(homes: Sequence[int], user: int) -> int:
    """The user's own segment, or the nearest earlier one, or the first later one."""
    position = bisect_left(homes, user + 1)
    return homes[position - 1] if position else homes[0]


def _adds(statement: Statement, known: Collection[str]) -> bool:
    """Whether it can define what is asked for, and not as the prompt has it."""
    node = statement.node
    return can_define(node) and is_real(node) and statement.key not in known


def _is_foreign(piece: Piece) -> bool:
    if not isinstance(piece, Statement):
        return True
    return not isinstance(piece.node, DECLARATIONS) or is_main_guard(piece.node)


def _statements(pieces: Sequence[Piece]) -> list[Statement]:
    return [p for p in pieces if isinstance(p, Statement)]


def _compiles(source: str) -> bool:
    try:
        compile(source, "<prompt>", "exec", dont_inherit=True)
    except UNREADABLE:
        return False
    return True
