#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
header.py SPEC SCHEMA HEADER: the specification keeps to the kernel's schema and
names what the uapi header names, with the same values and types. TAP.
"""
import re
import sys

import jsonschema
import yaml


def upper(text):
    return text.replace("-", "_").upper()


def enumerators(header, enum):
    """Name, value and the type that its comment gives, without UNSPEC and the maximum."""
    body = re.search(rf"^enum {enum} {{\n(.*?)^}};", header, re.M | re.S)[1]
    found = re.findall(r"^\t(PCAPRING_\w+)(?:,|\n|\t|$)[ \t]*(?:/\* (\w+))?", body, re.M)
    values = [(name, value, type_) for value, (name, type_) in enumerate(found)]
    return [entry for entry in values if not re.search("_(UNSPEC|MAX)$", entry[0])]


def plain(header, enum):
    return [(name, value) for name, value, _ in enumerators(header, enum)]


def listed(space, of_spec):
    """Of an attribute set: name, value from 1, type."""
    prefix = upper(space["name-prefix"])
    return [(prefix + upper(attribute["name"]), value, of_spec(attribute))
            for value, attribute in enumerate(space["attributes"], 1)]


def test_attributes(spec, header, name):
    space = next(s for s in spec["attribute-sets"] if s["name"] == name)
    expected = enumerators(header, space["enum-name"].replace("-", "_"))
    if name == "stat":      # "All u64."
        expected = [(n, v, "u64") for n, v, _ in expected]
    expected = [(n, v, "pad" if n.endswith("_PAD") else t) for n, v, t in expected]
    return expected, listed(space, lambda attribute: attribute["type"])


def test_commands(spec, header):
    operations = spec["operations"]
    return (plain(header, operations["enum-name"].replace("-", "_")),
            [(upper(operations["name-prefix"] + operation["name"]), value)
             for value, operation in enumerate(operations["list"], 1)])


def test_values(spec, header, definition):
    names = [entry if isinstance(entry, str) else entry["name"]
             for entry in definition["entries"]]
    return (plain(header, f"pcapring_{definition['name']}"),
            [(upper(f"pcapring-{definition['name']}-{name}"), value)
             for value, name in enumerate(names)])


def test_names(spec, header):
    """The family's and the group's."""
    return (re.findall(r'#define PCAPRING_GENL_(?:NAME|GROUP_\w+)\s+"(\w+)"', header),
            [spec["name"]] + [group["name"] for group in spec["mcast-groups"]["list"]])


def test_enums(spec, header):
    """Every enum of the header is one of the specification's."""
    return (sorted(re.findall(r"^enum (\w+) {", header, re.M)),
            sorted([s["enum-name"].replace("-", "_") for s in spec["attribute-sets"]] +
                   [spec["operations"]["enum-name"].replace("-", "_")] +
                   [f"pcapring_{d['name']}" for d in spec["definitions"]]))


def main():
    spec, schema, header = (open(path, encoding="utf-8").read() for path in sys.argv[1:])
    spec = yaml.safe_load(spec)
    tests = [(f"attributes of the set {space['name']} are the header's", test_attributes,
              space["name"]) for space in spec["attribute-sets"]]
    tests += [(f"values of {definition['name']} are the header's", test_values, definition)
              for definition in spec["definitions"]]
    tests += [("operations are the header's", test_commands),
              ("the family and its group are called as in the header", test_names),
              ("no enum of the header is missing", test_enums)]
    print(f"1..{len(tests) + 1}")
    failed = 0
    for number, (name, test, *arguments) in enumerate(tests, 1):
        expected, actual = test(spec, header, *arguments)
        good = expected == actual and expected
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        for entry in [] if good else sorted(set(expected) ^ set(actual)) or [expected, actual]:
            print(f"# {entry}")
        failed += not good
    try:
        jsonschema.validate(spec, yaml.safe_load(schema))
        print(f"ok {len(tests) + 1} - the kernel's schema is kept")
    except jsonschema.ValidationError as error:
        failed += 1
        print(f"not ok {len(tests) + 1} - the kernel's schema is kept\n# {error.message}")
    return failed > 0


sys.exit(main())
