"""What a package asks to be installed: links, options, commands, and files that are too long."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile.corpus import Case
from tests.hostile.zips import ordinary
from tests.packages.models import package_files

LINES = {
    "index": "--index-url https://evil.invalid/simple",
    "index-short": "-i https://evil.invalid/simple",
    "extra-index": "--extra-index-url=https://evil.invalid/simple",
    "find-links": "-f /tmp/evil",
    "trusted-host": "--trusted-host evil.invalid",
    "other-file": "-r /etc/passwd",
    "constraint": "-c ../constraints.txt",
    "editable": "-e .",
    "editable-link": "-e git+https://evil.invalid/x.git#egg=numpy",
    "no-binary": "--no-binary :all:",
    "pre": "--pre",
    "option-behind": "numpy --install-option=--prefix=/",
    "global-option": "numpy --global-option=build",
    "config-settings": "numpy --config-settings=x=y",
    "hash": "numpy==1.26.4 --hash=sha256:0000",
    "link": "https://evil.invalid/evil-1.0.tar.gz",
    "link-by-name": "numpy @ https://evil.invalid/numpy.whl",
    "link-of-a-file": "numpy @ file:///tmp/evil",
    "git": "git+ssh://git@evil.invalid/x.git",
    "mercurial": "hg+https://evil.invalid/x",
    "path": "./evil",
    "path-up": "../evil",
    "path-absolute": "/tmp/evil",
    "path-of-windows": "C:\\evil",
    "path-network": "\\\\host\\share",
    "wheel": "evil-1.0-py3-none-any.whl",
    "archive": "evil.zip",
    "shell-and": "numpy && touch /tmp/evil",
    "shell-semicolon": "numpy; touch /tmp/evil",
    "shell-pipe": "numpy | sh",
    "shell-backtick": "`touch /tmp/evil`",
    "shell-dollar": "$(touch /tmp/evil)",
    "shell-redirect": "numpy > /tmp/evil",
    "variable": "numpy==${VERSION}",
    "variable-of-windows": "%APPDATA%",
    "continuation": "numpy \\",
    "any-version": "numpy===evil",
    "quotes": "'numpy'",
    "bad-version": "numpy==1.26;;",
    "bad-marker": "numpy; os.system('id')",
    "look-alike": "nump\u0443",
    "control-character": "numpy\x07",
    "long": "n" * 600,
}

CONDAS = {
    "channel-link": ("channels: ['https://evil.invalid/conda']\ndependencies: [numpy]", "CHANNEL_REFUSED"),
    "channel-file": ("channels: ['file:///tmp/evil']\ndependencies: [numpy]", "CHANNEL_REFUSED"),
    "channel-path": ("channels: ['/tmp/evil']\ndependencies: [numpy]", "CHANNEL_REFUSED"),
    "channel-flag": ("channels: ['--override']\ndependencies: [numpy]", "CHANNEL_REFUSED"),
    "channel-no-list": ("channels: evil\ndependencies: [numpy]", "ENVIRONMENT_INVALID"),
    "dependency-link": ("dependencies: ['https://evil.invalid/x.conda']", "REQUIREMENT_REFUSED"),
    "dependency-brackets": ("dependencies: ['numpy[url=https://evil.invalid]']", "REQUIREMENT_REFUSED"),
    "dependency-command": ("dependencies: ['numpy; touch /tmp/evil']", "REQUIREMENT_REFUSED"),
    "dependency-a-number": ("dependencies: [7]", "ENVIRONMENT_INVALID"),
    "pip-option": ("dependencies: [pip: ['--index-url https://evil.invalid']]", "REQUIREMENT_REFUSED"),
    "pip-link": ("dependencies: [pip: ['numpy @ https://evil.invalid/x.whl']]", "REQUIREMENT_REFUSED"),
    "pip-no-list": ("dependencies: [pip: {a: b}]", "ENVIRONMENT_INVALID"),
    "npm": ("dependencies: [npm: [left-pad]]", "ENVIRONMENT_INVALID"),
    "no-mapping": ("- numpy", "ENVIRONMENT_INVALID"),
    "tag": ("dependencies: !!python/object/apply:os.system [id]", "YAML_TAG"),
    "alias": ("a: &a [numpy]\ndependencies: *a", "YAML_ALIAS"),
}


def cases() -> Iterator[Case]:
    """Give the cases."""
    for name, line in LINES.items():
        text = f"scipy\n{line}\nnumpy\n".encode()
        yield Case(f"requirement-{name}", "REQUIREMENT_REFUSED", lambda text=text: asking(text))
    yield Case("requirements-too-many", "REQUIREMENT_REFUSED", lambda: asking(b"numpy\n" * 501))
    yield Case("requirements-too-long", "ENVIRONMENT_INVALID", lambda: asking(b"# comment\n" * 30_000))
    yield Case("requirements-not-utf-8", "TEXT_ENCODING", lambda: asking(b"\xff\xfe\xfd"))
    yield Case("requirements-absent", "ENVIRONMENT_MISSING", lambda: ordinary(package_files(requirements=None)))
    for name, (text, reason) in CONDAS.items():
        yield Case(f"conda-{name}", reason, lambda text=text: with_conda(text))


def asking(requirements: bytes) -> bytes:
    """Give a package with that requirements.txt."""
    return ordinary(package_files() | {"requirements.txt": requirements})


def with_conda(text: str) -> bytes:
    """Give a package with that environment.yaml."""
    return ordinary(package_files(requirements=None, environment_yaml=text))
