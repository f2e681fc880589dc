"""What every SandboxRunner does: test classes that an adapter's tests derive from.

`RunnerContract` is about models that behave or fail, `IsolationContract` about those that attack. An adapter's test
class gives `start`; what an attack achieved is judged from outside, not by what the model says of itself.
"""

from dock_sandbox.contract.cases import SMALL
from dock_sandbox.contract.isolation import IsolationContract
from dock_sandbox.contract.observation import appears, runs
from dock_sandbox.contract.running import RunnerContract

__all__ = ["SMALL", "IsolationContract", "RunnerContract", "appears", "runs"]
