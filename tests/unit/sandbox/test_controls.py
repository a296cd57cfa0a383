from __future__ import annotations

import ast

import pytest

from pytest_selfinvoke.sandbox.controls import COUNT, controls


def changed(tests: str, *functions: str) -> set[str]:
    """Expected values that controls changed, as they were."""
    found = set()
    for _ in range(20):  # which ones is left to chance
        for variant in controls(tests, functions):
            before, after = ast.unparse(ast.parse(tests)), variant
            old = [ast.dump(n) for n in _constants(before)]
            new = [ast.dump(n) for n in _constants(after)]
            [differs] = [
                i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b
            ]
            found.add(ast.unparse(_constants(before)[differs]))
    return found


def _constants(source: str) -> list[ast.Constant]:
    return [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)]


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ("assert f(1) == 2", {"2"}),
        ("assert 2 == f(1)", {"2"}),
        ("assert f(1) == 'a' and f(2) == b'b'", {"'a'", "b'b'"}),
        ("assert f(1) == [3, (4, {'k': 5})]", {"3", "4", "5"}),
        ("assert f(1) == -7", {"7"}),
        ("assert f(1) is True", {"True"}),
        ("assert 'x' in f(1)", {"'x'"}),
        ("assert abs(f(1) - 2.5) < 0.1", {"2.5"}),
        ("assert math.isclose(f(1), 2.5, rel_tol=9.0)", {"2.5"}),
        ("assert (f(1) == np.array([6, 7])).all()", {"6", "7"}),
        ("np.testing.assert_allclose(f(1), [6.0], 9.0)", {"6.0"}),
        ("class T:\n def test(self):\n  self.assertEqual(f(1), 2)", {"2"}),
        ("expected = [2]\nassert f(1) == expected", {"2"}),
    ],
)
def test_expected_values_are_made_wrong(tests: str, expected: set[str]) -> None:
    assert changed(tests, "f") == expected


@pytest.mark.parametrize(
    "tests",
    [
        "assert f(1) == f(2)",
        "assert f(1)",
        "assert not f(1) == 2",
        "assert f(1) == 2 or f(1) == 3",
        "assert f(1) != 2",
        "assert f(1) < 2",
        "assert f(1) in [1, 2]",
        "assert f(1) is None",
        "assert len(f(1)) > 0",
        "if f(1):\n assert f(1) == 2",
        "try:\n assert f(1) == 2\nexcept ValueError: pass",
        "same = [1]\nassert f(same) == same",
        "assert f(1) == round(2.5, 1)",
        "want = {'a': 1}\nassert set(f(1)) == set(want)",
        "self.assertNotEqual(f(1), 2)",
    ],
)
def test_what_could_hold_either_way_is_left_alone(tests: str) -> None:
    assert controls(tests, ("f",)) == []


def test_each_test_gives_one_before_any_gives_more() -> None:
    tests = "assert f(1) == [1, 2, 3]\nassert f(2) == True\nassert f(3) == b'x'"
    found = controls(tests, ("f",))
    assert len(found) == COUNT
    for line in range(3):
        original = tests.splitlines()[line]
        assert any(v.splitlines()[line] != original for v in found[:3])
    assert len(set(found)) == COUNT


def test_a_wrong_value_is_of_the_same_type_and_never_the_same() -> None:
    for value in (0, 5, 40, 2.0, 0.0, "", "a", b"", b"z", True):
        for _ in range(50):
            [variant] = controls(f"assert f(1) == {value!r}", ("f",))
            after = ast.literal_eval(variant.split(" == ")[1])
            assert after != value
            assert type(after) is type(value)
