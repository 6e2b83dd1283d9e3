"""The OpenAPI document is one, and tells of every endpoint."""

from __future__ import annotations

import re

from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

from tests.admin.case import openapi, validator
from toron.admin.router import endpoints


class Document(SynchronousTestCase):
    def test_every_endpoint(self) -> None:
        paths = openapi()["paths"]
        told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        self.assertEqual(told, {(each.method, f"/api/v1{each.path}") for each in endpoints()})
        self.assertEqual(openapi()["openapi"], "3.1.0")

    def test_every_operation_is_told_of_in_full(self) -> None:
        names = []
        for path, methods in openapi()["paths"].items():
            for method, operation in methods.items():
                names.append(operation["operationId"])
                self.assertLessEqual({"200", "400", "401", "403", "500"}, set(operation["responses"]))
                inside = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
                self.assertEqual(inside, re.findall(r"\{(\w+)\}", path))
                self.assertEqual("requestBody" in operation, method != "get", path)
        self.assertEqual(len(names), len(set(names)), "no name twice")

    def test_every_schema_is_one(self) -> None:
        for name, schema in openapi()["components"]["schemas"].items():
            Draft202012Validator.check_schema(schema)
            self.assertFalse(validator(schema).is_valid([]), name)

    def test_every_reference_leads_somewhere(self) -> None:
        schemas = openapi()["components"]["schemas"]
        found = set(re.findall(r"'#/components/schemas/(\w+)'", str(openapi())))
        self.assertEqual(found - set(schemas), set())
        self.assertIn("ProblemDetails", found)
