"""The OpenAPI document: what it says of each route is all there."""

from __future__ import annotations

import json
import re
from contextlib import closing

import pytest

from spk.api.app import create_app
from spk.config import ServiceSettings, Settings


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    app = create_app(Settings(tmp_path_factory.mktemp("api") / "home"), ServiceSettings())
    with closing(app.state.service):
        return app.openapi()


@pytest.fixture(scope="module")
def operations(document):
    return {(method, path): one for path, item in document["paths"].items() for method, one in item.items()}


def test_it_is_served(http) -> None:
    assert http.get("/v1/openapi.json").json()["info"]["title"] == "spk"
    assert http.get("/docs").status_code == 404  # its scripts would come from elsewhere


def test_references_lead_somewhere(document) -> None:
    for reference in set(re.findall(r'"#/([^"]+)"', json.dumps(document))):
        found = document
        for key in reference.split("/"):
            found = found[key]


def test_each_message_has_a_name_of_its_own(document) -> None:
    assert not [name for name in document["components"]["schemas"] if "__" in name]


def test_every_part_of_an_address_is_a_parameter(operations) -> None:
    for (_, path), one in operations.items():
        named = {parameter["name"] for parameter in one.get("parameters", []) if parameter["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path


def test_what_goes_wrong_is_a_problem_document(operations) -> None:
    for one in operations.values():
        assert list(one["responses"]["default"]["content"]) == ["application/problem+json"]
        for status, answer in one["responses"].items():
            if status.startswith("4") and status != "416":  # a range of a file, which Starlette itself refuses
                assert list(answer["content"]) == ["application/problem+json"], one["operationId"]


def test_every_route_says_what_it_does_and_whose_key_it_takes(operations) -> None:
    for (_, path), one in operations.items():
        assert one["description"], path
        assert ("security" in one) == path.startswith(("/v1", "/metrics")), path


def test_every_body_has_an_example(document, operations) -> None:
    without = []
    for (method, path), one in operations.items():
        for kind, body in one.get("requestBody", {}).get("content", {}).items():
            schema = body["schema"]
            schema = (
                document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            )
            text = json.dumps(schema)
            required = set(schema.get("required", ())) - {"audio", "other", "turns", "dry_run"}
            if required and "examples" not in text and "$ref" not in text:
                without.append((method, path, kind))
    assert without == []


def test_turns_are_put_as_json_or_in_a_form(document, operations) -> None:
    body = operations["put", "/v1/galleries/{gallery}/recordings/{recording}/turns"]["requestBody"]["content"]
    assert body["multipart/form-data"]["schema"]["required"] == ["turns"]
    assert body["application/json"]["schema"]["$ref"].endswith("/CorrectAsked")
    taken, shown = (
        document["components"]["schemas"][name]["properties"] for name in ("CorrectedTurn", "RecordingTurn")
    )
    assert shown.keys() <= taken.keys()
    assert "ignored" in taken["touched"]["description"]
