"""Small synthetic islands: domains that are clusters, learnwares that are variations of a domain."""

from dataclasses import dataclass

import numpy as np

from learndock.search import Index
from learndock.semantic import SemanticSpecification
from learndock.specification import specify

WIDTH = 8


def semantic(width=WIDTH, outputs=2, task="Classification", name="a model", data="Table"):
    return SemanticSpecification(
        data_type=data,
        task_type=task,
        library="Others",
        scenarios=("Education",),
        license="MIT",
        name=name,
        description=f"{name} of a test",
        input_dimension=width,
        output_dimension=outputs,
    )


@dataclass
class World:
    """Where the domains lie; `units` is what a column is multiplied with."""

    domains: int = 10
    width: int = WIDTH
    units: np.ndarray | float = 1.0

    def rows(self, domain, seed, n=200):
        centres = np.random.default_rng(domain).normal(size=(3, self.width)) * 1.3
        rng = np.random.default_rng([domain, seed])
        moved = centres + 0.2 * rng.normal(size=centres.shape)
        return (moved[rng.integers(3, size=n)] + 0.6 * rng.normal(size=(n, self.width))) * self.units

    def specification(self, domain, seed, n=200):
        return specify(self.rows(domain, seed, n))

    def index(self, mates=4):
        found = Index()
        for domain in range(self.domains):
            for mate in range(mates):
                found.add(f"{domain}:{mate}", semantic(self.width), self.specification(domain, mate))
        return found


def domain_of(key):
    return int(key.split(":")[0])
