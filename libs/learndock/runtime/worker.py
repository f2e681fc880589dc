"""The worker: holds one package's model and answers requests over two descriptors.

    python worker.py REQUESTS ANSWERS PACKAGE_DIR

Requests come from the dock and are believed; what goes back is checked there. The channel is moved to private
descriptors, closed to children, and standard output belongs to the model, before any code of the package is loaded.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import traceback
from typing import Any, Callable, Dict, List, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT_LIMIT = 8000
NUMPY_BROKEN = 86
"""Exit status where numpy cannot be imported."""


def load_file(name: str, path: str, **options: Any) -> Any:
    """Import the module or package that starts at this file, under this name."""
    spec = importlib.util.spec_from_file_location(name, path, **options)
    if spec is None or spec.loader is None:
        raise ImportError("%s is no Python module" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Fault(Exception):
    """Something to tell the dock, with a stable reason."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


class Channel:
    """The worker's end: blocking reads and writes of whole frames."""

    def __init__(self, wire: Any, requests: int, answers: int) -> None:
        self._wire = wire
        self._requests = os.fdopen(private(requests), "rb", buffering=0)
        self._answers = os.fdopen(private(answers), "wb", buffering=0)

    def receive(self) -> Tuple[Dict[str, Any], List[Any]]:
        """Next request with its arrays. EOFError when the dock is gone."""
        prefix = bytes(self._read(self._wire.PREFIX.size))
        header, payload = self._wire.read_prefix(prefix, payload_limit=1 << 40)
        described = self._wire.read_header(bytes(self._read(header)), payload)
        return described, self._wire.read_arrays(described, self._read(payload))

    def send(self, header: Dict[str, Any], arrays: Any = ()) -> None:
        """Write one answer."""
        flush()
        head, bodies = self._wire.pack_frame(header, arrays)
        for part in [memoryview(head), *bodies]:
            rest = part
            while rest:
                rest = rest[self._answers.write(rest) :]

    def _read(self, size: int) -> bytearray:
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            count = self._requests.readinto(rest)
            if not count:
                raise EOFError
            rest = rest[count:]
        return data


class Worker:
    """Answers the dock's requests about one package."""

    def __init__(self, channel: Channel, folder: str) -> None:
        self._channel = channel
        self._folder = folder
        self._model: Any = None

    def serve(self) -> None:
        """Answer until the dock closes its end."""
        answers: Dict[str, Callable[..., Any]] = {
            "hello": self.hello,
            "instantiate": self.instantiate,
            "predict": self.predict,
            "fit": self.fit,
        }
        while True:
            try:
                request, arrays = self._channel.receive()
            except EOFError:
                return
            self._answer(answers[request["op"]], request, arrays)

    def _answer(self, action: Callable[..., Any], request: Dict[str, Any], arrays: List[Any]) -> None:
        nonce = request["nonce"]
        try:
            result, outputs = action(request, arrays)
        except Fault as fault:
            self._refuse(nonce, fault.reason, fault.text)
        except MemoryError as error:
            self._refuse(nonce, "SANDBOX_MEMORY", describe(error))
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            self._refuse(nonce, "MODEL_RAISED", describe(error))
        else:
            self._channel.send({"nonce": nonce, "result": result}, outputs)

    def _refuse(self, nonce: str, reason: str, text: str) -> None:
        self._channel.send({"nonce": nonce, "fault": {"reason": reason, "text": text[-TEXT_LIMIT:]}})

    def hello(self, _request: Dict[str, Any], _arrays: List[Any]) -> Any:
        """Say that the environment's interpreter and numpy work."""
        import numpy as np

        return {"python": sys.version.split()[0], "numpy": np.__version__}, []

    def instantiate(self, request: Dict[str, Any], _arrays: List[Any]) -> Any:
        """Load the package, build the model, report its shapes."""
        cls = load_class(self._folder, request["module_path"], request["class_name"])
        self._model = cls(**request["kwargs"])
        return {
            "input_shape": shape_of(self._model, "input_shape"),
            "output_shape": shape_of(self._model, "output_shape"),
            "has_fit": offers(self._model, "fit"),
            "has_finetune": offers(self._model, "finetune"),
        }, []

    def predict(self, request: Dict[str, Any], arrays: List[Any]) -> Any:
        """Call the model's predict."""
        return {}, [as_array(self._model.predict(read_inputs(request, arrays)))]

    def fit(self, request: Dict[str, Any], arrays: List[Any]) -> Any:
        """Call the model's fit or finetune; the targets are the last array."""
        name = "finetune" if request["finetune"] else "fit"
        getattr(self._model, name)(read_inputs(request, arrays), arrays[-1])
        return {}, []


def load_class(folder: str, module_path: str, class_name: str) -> Any:
    """The model's class: from a file of the package, as a package so that relative imports work, or from a module."""
    try:
        module = load_module(folder, module_path)
    except MemoryError:
        raise
    except BaseException as error:
        raise Fault("MODEL_IMPORT_FAILED", describe(error) + sibling_hint(error, folder)) from error
    cls = getattr(module, class_name, None)
    if not isinstance(cls, type):
        raise Fault("MODEL_IMPORT_FAILED", "%s has no class %s" % (module_path, class_name))
    # Pickles made by a script that defined the class name it __main__.<class>.
    setattr(sys.modules["__main__"], class_name, cls)
    return cls


def load_module(folder: str, module_path: str) -> Any:
    """Import what `model.module_path` names."""
    if not module_path.endswith(".py"):
        return importlib.import_module(module_path)
    path = os.path.normpath(os.path.join(folder, module_path))
    if not path.startswith(os.path.normpath(folder) + os.sep):
        raise ImportError("%s lies outside the package" % module_path)
    return load_file("learnware_package", path, submodule_search_locations=[os.path.dirname(path)])


def sibling_hint(error: BaseException, folder: str) -> str:
    """What to do where a module of the package itself was imported by its bare name."""
    name = (getattr(error, "name", None) or "").partition(".")[0]
    beside = [os.path.join(folder, name + ".py"), os.path.join(folder, name)]
    if not isinstance(error, ImportError) or not name or not any(map(os.path.exists, beside)):
        return ""
    return "\n%s lies in the package itself: import it relatively, as `from .%s import ...`." % (name, name)


def shape_of(model: Any, name: str) -> Any:
    """A model's shape as a list of numbers; None where it leaves it open."""
    shape = getattr(model, name, None)
    if shape is None:
        return None
    try:
        lengths = [shape] if not hasattr(shape, "__iter__") else list(shape)
        return [None if length is None else int(length) for length in lengths]
    except Exception:
        raise Fault("OUTPUT_INVALID", "%s is no tuple of whole numbers but %.200r" % (name, shape)) from None


def offers(model: Any, name: str) -> bool:
    """Whether the model brings this method itself; the base class's only says that there is none."""
    method = getattr(type(model), name, None)
    return callable(method) and not getattr(method, "not_offered", False)


def read_inputs(request: Dict[str, Any], arrays: List[Any]) -> Any:
    """The inputs of a request: an array, or a list of texts."""
    if request["kind"] == "text":
        return json.loads(arrays[0].tobytes().decode("utf-8"))
    return arrays[0]


def as_array(value: Any) -> Any:
    """A plain array of numbers or bools from whatever predict returned. Fault OUTPUT_INVALID."""
    import numpy as np

    for name in ("detach", "cpu", "numpy"):
        method = getattr(value, name, None)
        value = method() if callable(method) and not isinstance(value, np.ndarray) else value
    try:
        array = np.array(value, copy=True, subok=False)
        array = np.array(array.tolist()) if array.dtype == object else array
    except (ValueError, TypeError) as error:
        raise Fault("OUTPUT_INVALID", "predict returned what is no array: %s" % error) from None
    if array.dtype.kind not in "biuf":
        raise Fault("OUTPUT_INVALID", "predict returned %s values, not numbers" % array.dtype)
    return array.astype(np.float64) if array.dtype.itemsize > 8 else array


def describe(error: BaseException) -> str:
    """The traceback without our own frames."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith((HERE, "<frozen importlib")):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))[-TEXT_LIMIT:].strip()


def private(descriptor: int) -> int:
    """Move a descriptor out of the way, closed to children."""
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 50)
    os.close(descriptor)
    return moved


def flush() -> None:
    """Bring what the model printed into the log."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue


def main() -> None:
    """Serve one package until the dock closes the channel."""
    requests, answers, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    try:
        wire = load_file("_learndock_wire", os.path.join(HERE, "wire.py"))
    except Exception:
        traceback.print_exc()
        sys.exit(NUMPY_BROKEN)
    sys.argv = ["model"]
    # Last, so that the peer's own package wins where the environment has it.
    sys.path.append(os.path.join(HERE, "shim"))
    Worker(Channel(wire, requests, answers), folder).serve()


if __name__ == "__main__":
    main()
