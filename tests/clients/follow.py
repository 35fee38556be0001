"""Follows public reports with PyPI's georeport, in JSON and in XML: both must say the same.

    follow.py BASE JURISDICTION
"""

import sys

from georeport import GeoReport

base, jurisdiction = sys.argv[1:]
as_json, as_xml = (
    GeoReport(base, jurisdiction=jurisdiction, output_format=form) for form in ("json", "xml")
)


def same(of_json, of_xml, keys):
    for key in keys:
        left, right = of_json.get(key), of_xml.get(key)
        # XML knows no booleans, no numbers and no null.
        left = {True: "true", False: "false", None: None}.get(left, left) if not isinstance(left, str) else left
        assert (left or None) == (right or None) or str(left) == right, f"{key}: {left!r} is not {right!r}"


services = as_json.get_service_list()
assert len(services) > 10, services
for one, other in zip(services, as_xml.get_service_list(), strict=True):
    same(one, other, ["service_code", "service_name", "description", "metadata", "type", "group", "keywords"])
code = services[0]["service_code"]
definition = as_json.get_service_definition(code)
assert definition["service_code"] == as_xml.get_service_definition(code)["service_code"] == code
assert any(attribute["required"] for attribute in definition["attributes"])

requests = as_json.get_service_requests()
assert len(requests) > 1, "there are no public reports"
names = ["service_request_id", "status", "service_code", "requested_datetime", "updated_datetime", "agency_responsible"]
for one, other in zip(requests, as_xml.get_service_requests(), strict=True):
    same(one, other, names)
assert all(isinstance(one["service_request_id"], str) for one in requests)
closed = as_json.get_service_requests(status="closed")
assert closed and all(one["status"] == "closed" for one in closed)
for one in requests[:5]:
    ticket = one["service_request_id"]
    same(as_json.get_service_request(ticket), as_xml.get_service_request(ticket), names)
    assert [found["service_request_id"] for found in as_json.get_service_requests(service_request_id=ticket)] == [ticket]
print(f"followed {len(requests)} reports")
