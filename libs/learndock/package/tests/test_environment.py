from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from learndock.errors import InvalidInput
from learndock.package.conda import read_conda
from learndock.package.limits import PackageLimits
from learndock.package.requirements import read_requirements

LIMITS = PackageLimits()


def pip(text):
    return read_requirements(text, "requirements.txt", LIMITS)


def conda(*dependencies, **more):
    return read_conda({"dependencies": list(dependencies)} | more, LIMITS)


def test_lines_come_out_plain():
    wanted = pip(
        "# a comment, même accentué\n"
        "\n"
        "NumPy >= 1.20 , <2  # why\r\n"
        'scikit_learn[extra]==1.4 ; python_version >= "3.8"\n'
        "torch==1.9.0+cu111\n"
        "NumPy >= 1.20 , <2\n"
        "Learnware[full]==0.3\n"
        "python==3.8\n"
    )
    assert list(wanted.requirements) == [
        "numpy<2,>=1.20",
        'scikit-learn[extra]==1.4; python_version >= "3.8"',
        "torch==1.9.0+cu111",
    ]
    assert wanted.python == "3.8"
    assert "learnware is left out" in wanted.notes[0]


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt",
        "-c constraints.txt",
        "-e .",
        "--index-url https://evil.example/simple",
        "--extra-index-url=https://evil.example/simple",
        "-i https://evil.example/simple",
        "--find-links /tmp",
        "-f /tmp",
        "--trusted-host evil.example",
        "--no-binary :all:",
        "numpy --global-option=build",
        "numpy --config-settings=x=y",
        "numpy==1.0 --hash=sha256:00",
        "numpy @ https://evil.example/numpy.whl",
        "numpy@file:///tmp/numpy.whl",
        "https://evil.example/numpy.whl",
        "git+https://evil.example/numpy.git",
        "git+ssh://git@evil.example/x",
        "./local",
        "../local",
        ".",
        "/abs/path",
        "local.whl",
        "dir\\file",
        "numpy==${VERSION}",
        "$NAME",
        "%NAME%",
        "numpy; import os",
        "numpy; touch /tmp/x",
        "numpy && touch /tmp/x",
        "numpy | sh",
        "numpy `touch x`",
        "numpy===`id`",
        "numpy===1.0",
        "numpy=1.0",
        "numpy==1.0 \\",
        "nümpy",
        "numpy\x00",
        "numpy==1.0 numpy==2.0",
        "name with spaces",
        "_hidden",
        "~/x",
        "'numpy'",
    ],
)
def test_lines_that_act_or_point_elsewhere_are_refused(line):
    with pytest.raises(InvalidInput) as caught:
        pip(f"numpy\n{line}\n")
    assert caught.value.reason == "REQUIREMENT_REFUSED"
    assert caught.value.details["line"] == "2"
    assert caught.value.hint
    with pytest.raises(InvalidInput):
        conda({"pip": [line]})


def test_too_many_lines():
    with pytest.raises(InvalidInput, match="501 lines"):
        pip("numpy\n" * 501)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("numpy", "numpy"),
        ("numpy=1.19", "numpy==1.19.*"),
        ("numpy=1.19.*", "numpy==1.19.*"),
        ("numpy==1.19.2", "numpy==1.19.2"),
        ("numpy=1.19.2=py38h54aff64_0", "numpy==1.19.2"),
        ("numpy>=1.19,<2", "numpy<2,>=1.19"),
        ("numpy >=1.19", "numpy>=1.19"),
        ("numpy 1.19.*", "numpy==1.19.*"),
        ("conda-forge::numpy=1.2", "numpy==1.2.*"),
        ("conda-forge/linux-64::numpy", "numpy"),
        ("pytorch=1.13.1=py3.8_cpu_0", "torch==1.13.1"),
        ("ruamel.yaml=0.17=h0", "ruamel-yaml==0.17"),
        ("librosa=0.10", "librosa==0.10.*"),
        ("odd=2023c-x=0", "odd"),
    ],
)
def test_conda_packages_in_pips_terms(item, expected):
    assert list(conda(item).requirements) == [expected]


@pytest.mark.parametrize(
    "item",
    ["_libgcc_mutex=0.1=main", "sqlite", "pywin32", "openssl=1.1.1k=h0", "vs2015_runtime=14", "libffi=3.3", "tk"],
)
def test_what_is_no_python_package_is_noted_and_never_asked_of_a_python_index(item):
    wanted = conda(item)
    assert not wanted.requirements
    assert item in wanted.notes[0]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("python=3.8.5=h0", "3.8"),
        ("python==3.7", "3.7"),
        ("python>=3.9,<3.11", "3.9"),
        ("python", ""),
        ("python 3.10.*", "3.10"),
    ],
)
def test_python(item, expected):
    assert conda(item, "pip", "wheel=0.38").python == expected


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "ENVIRONMENT_INVALID"),
        (None, "ENVIRONMENT_INVALID"),
        ({"dependencies": "numpy"}, "ENVIRONMENT_INVALID"),
        ({"dependencies": [1]}, "ENVIRONMENT_INVALID"),
        ({"dependencies": [{"npm": ["x"]}]}, "ENVIRONMENT_INVALID"),
        ({"dependencies": [{"pip": "numpy"}]}, "ENVIRONMENT_INVALID"),
        ({"dependencies": [{"pip": [{"a": 1}]}]}, "ENVIRONMENT_INVALID"),
        ({"dependencies": ["https://evil.example/numpy.tar.bz2"]}, "REQUIREMENT_REFUSED"),
        ({"dependencies": ["numpy[url=https://evil.example/x]"]}, "REQUIREMENT_REFUSED"),
        ({"dependencies": ["numpy; touch x"]}, "REQUIREMENT_REFUSED"),
        ({"dependencies": ["$(touch x)"]}, "REQUIREMENT_REFUSED"),
        ({"dependencies": [{"pip": ["numpy"] * 501}]}, "REQUIREMENT_REFUSED"),
        ({"channels": ["https://evil.example/channel"]}, "CHANNEL_REFUSED"),
        ({"channels": ["file:///tmp"]}, "CHANNEL_REFUSED"),
        ({"channels": ["../x"]}, "CHANNEL_REFUSED"),
        ({"channels": [1]}, "CHANNEL_REFUSED"),
        ({"channels": "defaults"}, "ENVIRONMENT_INVALID"),
        ({"channels": 7}, "ENVIRONMENT_INVALID"),
    ],
)
def test_environment_refusals(document, reason):
    with pytest.raises(InvalidInput) as caught:
        read_conda(document, LIMITS)
    assert caught.value.reason == reason


def test_keys_that_mean_nothing_here_are_noted():
    wanted = conda("numpy", name="x", prefix="/home/me", channels=["conda-forge"], variables={"A": "b"})
    assert wanted.notes == ["environment.yaml: 'variables' is not used."]


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.text(st.sampled_from("numpy1.,=<>!~@[];-_ /:$%#'\"\\`&|\n{}*é\0"), max_size=40))
def test_whatever_is_written_only_plain_requirements_come_out(text):
    try:
        wanted = pip(text).requirements
    except InvalidInput:
        return
    for line in wanted:
        requirement = Requirement(line)
        assert requirement.url is None
        assert not set("$`|&\\%\n\0") & set(line)
        assert not line.startswith("-")


@settings(derandomize=True, deadline=None, max_examples=100)
@example("1.")
@example("numpy_")
@example("numpy-=1")
@given(st.text(st.sampled_from("numpy1.,=<>!~@[];-_ /:$%#'\"\\`&|{}*é\0"), max_size=30))
def test_whatever_conda_asks_only_plain_requirements_come_out(text):
    try:
        wanted = conda(text).requirements
    except InvalidInput:
        return
    for line in wanted:
        assert str(Requirement(line)) == line
