from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import InvalidInput
from learndock.package.document import decode_text, dump_yaml, load_yaml
from learndock.package.limits import PackageLimits
from learndock.package.manifest import read_manifest

FILES = ("__init__.py", "learnware.yaml", "mod/net.py", "s.json", "stat.json", "stat_spec.json")
STAT = [{"class_name": "RKMETableSpecification", "module_path": "learnware.specification", "file_name": "stat.json"}]


def loaded(text, **limits):
    data = text if isinstance(text, bytes) else text.encode()
    return load_yaml(data, "learnware.yaml", PackageLimits(**limits))


def reason(text, **limits):
    with pytest.raises(InvalidInput) as caught:
        loaded(text, **limits)
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: *x", "YAML_ALIAS"),
        ("a: &x 1", "YAML_ALIAS"),
        ("a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]", "YAML_ALIAS"),
        ("a: &x\n  <<: *x", "YAML_ALIAS"),
        ("a: !!python/object/apply:os.system ['id']", "YAML_TAG"),
        ("a: !!python/name:os.system", "YAML_TAG"),
        ("a: !!python/module:os", "YAML_TAG"),
        ("a: !!python/object/new:os.system [id]", "YAML_TAG"),
        ("a: !!binary aGk=", "YAML_TAG"),
        ("a: !!str 1", "YAML_TAG"),
        ("a: !!set {x}", "YAML_TAG"),
        ("a: !local x", "YAML_TAG"),
        ("a: ! x", "YAML_TAG"),
        ("a: !!python/tuple x", "YAML_TAG"),
        ("a: !!python/tuple {x: 1}", "YAML_TAG"),
        ("%TAG !p! tag:yaml.org,2002:python/\n---\na: !p!name:os.system", "YAML_TAG"),
        ("a: 1\na: 2", "YAML_INVALID"),
        ("a: {b: 1, b: 2}", "YAML_INVALID"),
        ("<<: {a: 1}", "YAML_INVALID"),
        ("1: x", "YAML_INVALID"),
        ("no: x", "YAML_INVALID"),
        ("? [a]\n: b", "YAML_INVALID"),
        ("a: [", "YAML_INVALID"),
        ("a: 1\n--- \nb: 2", "YAML_INVALID"),
        ("a: .nan", "YAML_INVALID"),
        ("a: .inf", "YAML_INVALID"),
        ("a: " + "9" * 5000, "YAML_INVALID"),
        ("a: 0x" + "f" * 5000, "YAML_INVALID"),
        ("a: " + "1:" * 500 + "1.5", "YAML_INVALID"),
        ("a: " + "[" * 17 + "]" * 17, "YAML_INVALID"),
        ("[" * 60_000, "YAML_INVALID"),
        ("a: [" + "1," * 2001 + "]", "YAML_INVALID"),
        ("a: \x07", "YAML_INVALID"),
        (b"a: \xff\xfe\xff", "TEXT_ENCODING"),
    ],
)
def test_yaml_that_could_grow_act_or_mean_two_things_is_refused(text, expected):
    assert reason(text) == expected


def test_plain_yaml_is_read_and_written_again():
    text = "a: !!python/tuple [1, 2]\nb: 2020-01-01\nc: {d: [1.5, null, true, '=']}\n"
    document = loaded(text)
    assert document == {"a": (1, 2), "b": "2020-01-01", "c": {"d": [1.5, None, True, "="]}}
    assert load_yaml(dump_yaml(document), "again", PackageLimits()) == document
    assert dump_yaml(document) == dump_yaml(dict(reversed(document.items())))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(encoding):
    assert decode_text("numpy\nö".encode(encoding), "f") == "numpy\nö"


def manifest(**changes):
    return read_manifest({"stat_specifications": STAT} | changes, FILES)


def refused(document):
    with pytest.raises(InvalidInput) as caught:
        read_manifest(document, FILES)
    return caught.value


def test_what_is_unsaid_takes_the_peers_defaults():
    found = manifest()
    assert (found.model.class_name, found.model.module_path) == ("Model", "__init__.py")
    assert (found.model.kwargs, found.model.weights_file_path) == ({}, "weights")
    assert found.semantic_file == ""
    assert manifest(stat_specifications=[{}]).specifications[0].file_name == "stat_spec.json"


def test_module_is_a_file_of_the_package_or_the_name_of_one_of_its_environment():
    assert manifest(model={"module_path": "./mod/net.py"}).model.module_path == "mod/net.py"
    assert manifest(model={"module_path": "sklearn.svm"}).model.module_path == "sklearn.svm"
    error = refused({"model": {"module_path": "missing.py"}, "stat_specifications": STAT})
    assert error.reason == "MODULE_MISSING"
    assert "__init__.py" in error.hint


def test_old_names_of_classes_mean_the_new_ones():
    found = manifest(stat_specifications=[STAT[0] | {"class_name": "RKMEStatSpecification"}])
    assert found.specifications[0].class_name == "RKMETableSpecification"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([], "YAML_INVALID"),
        ("text", "YAML_INVALID"),
        (None, "SPECIFICATION_MISSING"),
        ({"stat_specifications": []}, "SPECIFICATION_MISSING"),
        ({"stat_specifications": "x"}, "YAML_INVALID"),
        ({"stat_specifications": [1]}, "YAML_INVALID"),
        ({"stat_specifications": [{"file_name": "gone.json"}]}, "SPECIFICATION_MISSING"),
        ({"stat_specifications": [{"file_name": "../stat.json"}]}, "YAML_INVALID"),
        ({"stat_specifications": [{"file_name": "/etc/passwd"}]}, "YAML_INVALID"),
        ({"stat_specifications": [{"class_name": "system"}]}, "SPECIFICATION_CLASS_UNKNOWN"),
        ({"stat_specifications": [{"module_path": "subprocess"}]}, "SPECIFICATION_CLASS_UNKNOWN"),
        ({"stat_specifications": [{"module_path": "learnware.specification;os"}]}, "SPECIFICATION_CLASS_UNKNOWN"),
        ({"model": "x"}, "YAML_INVALID"),
        ({"model": {"class_name": "a.b"}}, "YAML_INVALID"),
        ({"model": {"class_name": 7}}, "YAML_INVALID"),
        ({"model": {"module_path": "../x.py"}}, "YAML_INVALID"),
        ({"model": {"module_path": "os;rm"}}, "YAML_INVALID"),
        ({"model": {"module_path": ""}}, "YAML_INVALID"),
        ({"model": {"kwargs": [1]}}, "YAML_INVALID"),
        ({"model": {"weights_file_path": "../../w"}}, "YAML_INVALID"),
        ({"model": {"required_learnware_ids": "00000001"}}, "YAML_INVALID"),
        ({"model": {"required_learnware_ids": [15]}}, "YAML_INVALID"),
        ({"model": {"required_learnware_ids": ["../x"]}}, "YAML_INVALID"),
        ({"stat_specifications": STAT, "name": {"a": 1}}, "YAML_INVALID"),
        ({"stat_specifications": STAT, "semantic_specification": {"file_name": "../s.json"}}, "YAML_INVALID"),
    ],
)
def test_refusals(document, expected):
    assert refused(document).reason == expected


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.text(st.sampled_from("ab1.:-[]{}!&*%?|>'\"#,<= \n~\t"), max_size=60))
def test_whatever_the_yaml_says_plain_values_or_a_refusal_come_of_it(text):
    try:
        value = loaded(text)
    except InvalidInput as error:
        assert error.reason in {"YAML_INVALID", "YAML_ALIAS", "YAML_TAG"}
    else:
        assert load_yaml(dump_yaml(value), "again", PackageLimits()) == value


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from(["model", "name", "stat_specifications", "semantic_specification"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["class_name", "module_path", "kwargs", "file_name"]), inner)
            ),
            max_leaves=8,
        ),
    )
)
def test_whatever_the_manifest_says_a_typed_refusal_or_safe_names_come_of_it(document):
    try:
        found = read_manifest(document, FILES)
    except InvalidInput:
        return
    assert found.model.class_name.isidentifier()
    assert {entry.file_name for entry in found.specifications} <= set(FILES)
