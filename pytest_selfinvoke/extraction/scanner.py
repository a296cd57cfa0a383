"""Where top-level statements may begin and end, found without parsing.

The scanner knows strings, brackets, comments and indentation. Prose makes it guess
wrong (an apostrophe, a bracket that never closes): then the guess does not parse, and
the reader goes on at the next line (:mod:`pytest_selfinvoke.extraction.reader`).
"""

from __future__ import annotations

import re

_SPACE = re.compile(r"[ \t\f]*")
_FENCE = re.compile(r"[ \t]*(?P<mark>`{3,}|~{3,})(?P<info>[^`\n]*)(?:\n|\Z)")
_TOKEN = re.compile(
    r"""
    (?P<triple>\"\"\"|''')
    | "(?:[^"\\\n]|\\[\s\S])*+" | '(?:[^'\\\n]|\\[\s\S])*+'
    | \#[^\n]* | \\\n
    | (?P<open>[(\[{]) | (?P<close>[)\]}])
    | (?P<end>\n)
    """,
    re.VERBOSE,
)
_CLOSING = {
    '"""': re.compile(r'(?:[^"\\]|\\[\s\S]|"(?!""))*+"""'),
    "'''": re.compile(r"(?:[^'\\]|\\[\s\S]|'(?!''))*+'''"),
}
#: Lines that cannot stand inside brackets: an open bracket before them was prose.
_RESTART = re.compile(
    r"(?:async[ ]+def|def|class|import)\b|from[ ]+\S+[ ]+import\b|@\w|[ \t]*(?:```|~~~)"
)
_CLAUSE = re.compile(r"(?:else|finally)\s*:|(?:elif|except)\b")
_COMPOUND = re.compile(r"(?:if|for|while|try|with|async)\b")


class Scanner:
    """Splits one text into fence lines and chunks, from left to right.

    A chunk is a line that does not start with a blank and all that belongs to it:
    indented lines, ``else`` and the like, what follows a decorator, the rest of a
    string or bracket. A text may also begin with a chunk of indented lines only.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._never_closed: set[str] = set()

    def next_code(self, position: int) -> int:
        """Start of the first line, from a line start on, that holds more than comment.

        The text's length if there is none.
        """
        while position < len(self._text):
            if not self._is_neutral(position):
                return position
            position = self._next_line(position)
        return len(self._text)

    def fence(self, position: int) -> re.Match[str] | None:
        """The fence line that starts here: groups ``mark`` and ``info``."""
        return _FENCE.match(self._text, position)

    def logical_line_end(self, position: int) -> int:
        """Start of the line after the logical line that starts here."""
        depth = 0
        while token := _TOKEN.search(self._text, position):
            position = token.end()
            if quote := token["triple"]:
                position = self._string_end(quote, position)
            elif token["open"]:
                depth += 1
            elif token["close"]:
                depth = max(0, depth - 1)
            elif token["end"] and (not depth or _RESTART.match(self._text, position)):
                return position
        return len(self._text)

    def chunk_end(self, start: int) -> int:
        """Start of the first code line after the chunk that starts here."""
        is_compound = _COMPOUND.match(self._text, start) is not None
        is_decorated = self._text[start] == "@"
        position = self.next_code(self.logical_line_end(start))
        while position < len(self._text) and not self.fence(position):
            if not self._is_indented(position):
                joins = is_decorated or (
                    is_compound and _CLAUSE.match(self._text, position)
                )
                if not joins:
                    break
                is_decorated = is_decorated and self._text[position] == "@"
            position = self.next_code(self.logical_line_end(position))
        return position

    def _string_end(self, quote: str, position: int) -> int:
        if quote not in self._never_closed:
            if closed := _CLOSING[quote].match(self._text, position):
                return closed.end()
            self._never_closed.add(quote)
        return position

    def _next_line(self, position: int) -> int:
        return self._text.find("\n", position) + 1 or len(self._text)

    def _is_neutral(self, position: int) -> bool:
        end = _SPACE.match(self._text, position).end()  # type: ignore[union-attr]
        return end == len(self._text) or self._text[end] in "#\n"

    def _is_indented(self, position: int) -> bool:
        return self._text[position] in " \t\f"
