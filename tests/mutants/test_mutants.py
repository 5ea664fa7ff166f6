"""The table of deliberate faults matches the code, and a sample of them is detected."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import replace

import pytest

from tests.house.conftest import ROOT
from tests.mutants.__main__ import table
from tests.mutants.campaign import NamedTestsFail, Verdict, run_campaign
from tests.mutants.faults import Fault, TextNotFound, all_faults, put_in

#: Areas where faults are most severe; each needs five or more.
AREAS = {
    "calibration",
    "claims",
    "copies",
    "identity",
    "listener",
    "objects",
    "privacy",
    "reading",
    "recovery",
    "roots",
    "rules",
    "sending",
    "watch",
    "worker",
}
#: Quick ones; the one in a module of the worker is detected only in a process that a test starts.
SAMPLE = (
    ("radiograph/measures/ict.py", "an index equal to the threshold is enlarged"),
    ("radiograph/reading/grey.py", "MONOCHROME1 is not inverted"),
    ("scheduler/pseudonym.py", "hashes of numbers can be tried out without the key"),
    ("db/recovery.py", "the jobs of two lost workers share the blame"),
    ("worker/readers/reader.py", "a worker reads whatever a row of the database names"),
)


def test_every_fault_matches_its_module_once_and_compiles() -> None:
    for fault in all_faults():
        ast.parse(put_in(fault), fault.file)  # raises TextNotFound, SyntaxError
        assert fault.original != fault.replacement
        assert fault.file.split("/")[0] not in {"tests", "testbed", "benchmarks", "deploy"}


def test_every_test_of_a_fault_exists() -> None:
    functions: dict[str, set[str]] = {}
    missing = []
    for fault in all_faults():
        assert fault.tests, fault.what
        for test in fault.tests:
            path, _, name = test.partition("::")
            if path not in functions:
                tree = ast.parse((ROOT / path).read_bytes())
                functions[path] = {
                    each.name for each in tree.body if isinstance(each, ast.FunctionDef)
                }
            if name.partition("[")[0] not in functions[path]:
                missing.append(test)
    assert missing == []


def test_faults_are_unique_and_cover_every_area() -> None:
    faults = all_faults()
    assert len({(each.file, each.what) for each in faults}) == len(faults) >= 80
    areas = Counter(each.area for each in faults)
    assert set(areas) == AREAS
    assert min(areas.values()) >= 5


def test_the_documentation_states_the_number_of_faults() -> None:
    text = re.sub(r"\s+", " ", (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8"))
    [printed] = re.findall(r"`make mutants` puts (\d+) deliberate faults", text)
    assert int(printed) == len(all_faults())


@pytest.mark.slow
def test_a_sample_of_faults_is_detected_in_child_processes_too() -> None:
    known = {(each.file, each.what): each for each in all_faults()}
    tried = run_campaign([known[each] for each in SAMPLE], at_once=1, sound=False)
    assert [each.verdict for each in tried] == [Verdict.NOTICED] * len(SAMPLE), table(tried)


@pytest.mark.slow
def test_undetected_and_outdated_faults_are_reported() -> None:
    test = (
        "tests/radiograph/test_measurement.py::test_an_index_equal_to_the_threshold_is_not_enlarged"
    )
    harmless = Fault(
        "rules", "a comment", "radiograph/measures/ict.py", "then by age.", "by age.", (test,)
    )
    faults = [
        harmless,
        replace(harmless, original="no such text"),
        replace(harmless, replacement='then by age."""\n    import nowhere\n    """'),
        replace(harmless, tests=(f"{test}_at_all",)),
    ]
    tried = run_campaign(faults, at_once=1, sound=False)
    assert [each.verdict for each in tried] == [
        *(Verdict.SURVIVED, Verdict.STALE, Verdict.NOTICED, Verdict.BROKEN)
    ]
    printed = table(tried)
    assert (
        "text not found: rules: a comment (radiograph/measures/ict.py)\n    no such text" in printed
    )
    assert "1 of 4 faults noticed" in printed
    with pytest.raises(TextNotFound, match="0 times in radiograph"):
        put_in(faults[1])
    with pytest.raises(NamedTestsFail, match="not found"):
        run_campaign(faults[3:], at_once=1)
