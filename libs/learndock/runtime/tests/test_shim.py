from __future__ import annotations

import subprocess
import sys

from learndock.runtime import RUNTIME_DIR


def run(code):
    program = f"import sys; sys.path.append({str(RUNTIME_DIR / 'shim')!r})\n{code}"
    return subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False)


def test_a_model_derives_from_the_base_class_as_the_peer_has_it():
    said = run(
        "from learnware.model import BaseModel\nfrom learnware.model.base import BaseModel as Same\n"
        "assert BaseModel is Same\n"
        "class Model(BaseModel):\n    def __init__(self):\n"
        "        super(Model, self).__init__(input_shape=(3,), output_shape=(1,))\n"
        "model = Model()\nprint(model.input_shape, model.output_shape)\n"
        "for name, args in [('predict', (1,)), ('fit', (1, 2)), ('finetune', (1, 2)), ('get_model', ())]:\n"
        "    try:\n        getattr(model, name)(*args)\n    except NotImplementedError:\n        print(name)\n"
    )
    assert said.stdout.split("\n")[:5] == ["(3,) (1,)", "predict", "fit", "finetune", "get_model"], said.stderr


def test_the_peers_own_package_wins(tmp_path):
    (tmp_path / "learnware").mkdir()
    (tmp_path / "learnware" / "__init__.py").write_text("REAL = True\n")
    said = run(f"sys.path.insert(0, {str(tmp_path)!r})\nimport learnware; print(learnware.REAL)")
    assert said.stdout.strip() == "True", said.stderr
