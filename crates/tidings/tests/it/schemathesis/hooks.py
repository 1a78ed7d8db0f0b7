"""Leads most requests to things that exist, so that they get past the door and into the handlers.

What is random stays random where a request is wrong on purpose, and now and then elsewhere. Deleting hits things made for it, so
that the world lasts to the end of a run.
"""

import itertools
import json
import os
import re
import zlib

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import RejectedPositiveData

with open(os.environ["TIDINGS_WORLD"], encoding="utf-8") as file:
    WORLD = json.load(file)

# Routes whose {id} is of another list than the last fixed part of the path before it says.
COLLECTION = {"/api/v1/tokens/{id}": "admin tokens"}
DOOMED_PROJECTS = {("PATCH", "/api/v1/projects/{key}"), ("DELETE", "/api/v1/projects/{key}")}
counter = itertools.count()


def pick(values, drawn):
    """One of the values; which, the drawn value says, so that a seed repeats it."""
    return values[zlib.crc32(repr(drawn).encode()) % len(values)]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None:
        return
    if not wrong(case, ParameterLocation.HEADER) and "Idempotency-Key" in case.headers:
        # A key is for one request: the same one with another is another answer.
        case.headers["Idempotency-Key"] = f"{case.headers['Idempotency-Key'][:200]}-{os.getpid()}-{next(counter)}"
    for entry in case.body if isinstance(case.body, list) else []:
        # The same with the key of an entry of a batch: what came before is not looked at again.
        if isinstance(entry, dict) and isinstance(entry.get("key"), str) and 0 < len(entry["key"]) <= 100:
            entry["key"] = f"{entry['key']}-{os.getpid()}-{next(counter)}"
    if case.path_parameters and not wrong(case, ParameterLocation.PATH):
        lead(case, case.path_parameters)


def wrong(case, place):
    """Whether that part of a request is wrong on purpose."""
    component = case.meta.components.get(place)
    return component is not None and component.mode.is_negative


def lead(case, parameters):
    path, method = case.operation.path, case.method.upper()
    if "key" in parameters:
        if (method, path) in DOOMED_PROJECTS:
            parameters["key"] = f"DOOMED{next(counter) % WORLD['doomed']}"
        else:
            parameters["key"] = WORLD["home"]
    if "id" in parameters and zlib.crc32(repr(parameters["id"]).encode()) % 8:
        before = path.split("/{id}")[0]
        of = COLLECTION.get(path, before.rsplit("/", 1)[1])
        known = WORLD["ids"].get(of, [])
        doomed = WORLD["ids"].get(f"doomed {of}")
        if method == "DELETE" and doomed:
            known = doomed
        if known:
            parameters["id"] = str(pick(known, parameters["id"]))


SHARE = int(os.environ.get("TIDINGS_SHARE", "0"))
seen = {}


def picked(label):
    """The numbers of the systematic cases that an operation gets: close together at first, then ever further apart."""
    for step in range(SHARE):
        first = 1.4**step
        yield int(first) + zlib.crc32(f"{label} {step}".encode()) % max(1, int(0.4 * first))


@schemathesis.hook
def filter_case(context, case):
    if not SHARE or case.meta.phase.name is not TestPhase.COVERAGE:
        return True
    label = case.operation.label
    numbers, count = seen.get(label) or (set(picked(label)), 0)
    seen[label] = (numbers, count + 1)
    return count + 1 in numbers


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """A list, an entry a line."""
    entries = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(entry) for entry in entries).encode()


# What no schema can say: that depends on what is stored, or on another member. Everything else that is refused as wrong content
# must be wrong by the schema too.
DEPENDS = [
    ("not_found|unknown_reference|taken|loop|past|read_only|before_retention|unknown_code|dialect_fixed|dialect_silent", ".*"),
    # Words of the project's own lists, and options of the dialect.
    ("unknown_word", r".*/(status|column|score|status_dates/.*|options/.*)|dialect|/time_zone|/webhooks?"),
    ("unknown_member", r".*/options/.*"),
    ("range", r".*/(end_date|until|since|stopped_at|minutes|effective_at|at|project)|[Tt]idings-[Aa]t"),
    ("required", r".*/(title|minutes|member|started_at|stopped_at)|/\d+/(id|data|comment)"),
    # A custom field has the type of its first value; what a batch holds is of many shapes.
    ("wrong_type|date", r".*/fields/.*"),
    (".*", r"/\d+/data(/.*)?|/set/.*"),
    ("unknown_word|not_allowed", r"/\d+/collection"),
    ("query", "cursor"),
    ("duplicate", ".*"),
    ("pem|url_forbidden|header_reserved|events", ".*"),
    # What of a host's name is good no pattern says; and each byte of a letter beyond ASCII counts three times.
    ("url_host|url_port|url_too_long", r"(/webhook)?/url"),
    ("unknown_member", r"(/webhook)?/options/.*"),
]


def depends(error):
    return any(re.fullmatch(codes, error["code"]) and re.fullmatch(field, error["field"], re.DOTALL) for codes, field in DEPENDS)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    return not all(depends(error) for error in response.json()["errors"])
