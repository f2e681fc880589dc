"""Verdicts: does anything here fit the task? What they rest on and how often they err: docs/adr/0009."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from learndock.search.answer import Verdict
from learndock.search.null import Array, Null, sampling_error
from learndock.specification import TableSpecification

FITS, IN_PART, NOTHING_FITS, CANNOT_TELL = "fits", "fits in part", "nothing fits", "cannot tell"
DOES_NOT_FIT = "does not fit"
_WORDS = (FITS, IN_PART, CANNOT_TELL, NOTHING_FITS)

FITS_TO = 0.6
"""A ratio up to this fits."""
NOTHING_FROM = 1.2
"""A ratio from this on does not."""
TOLERATED = 0.1
"""The share of a stranger's MMD^2 that is put up with besides the error of sampling."""
STRANGE = 0.25
"""A stranger's MMD^2 counts as at least this share of that to what shares nothing with the task."""
MIXTURE_COUNTS = 2.0
"""A mixture's weights were chosen to be near the task, so its ratio counts this often."""
FEWEST = 3.0
"""Effective points below which a specification says too little; the study had none with so few."""
SEES_NOTHING = 0.9
"""Above this share of sum beta^2 in ||mu||^2 the points of a specification are strangers to each other."""


@dataclass(frozen=True)
class Finding:
    """How one learnware or mixture stands to a task.

    `error` is the error of sampling as a share of a stranger's MMD^2: near 1, strangers could not be told from mates.
    """

    ratio: float
    error: float
    strangers: int
    blind: bool = False
    coarse: bool = False
    mixed: bool = False

    @property
    def word(self) -> str:
        """The verdict if this is the best there is."""
        if self.blind:
            return CANNOT_TELL
        if self.ratio >= NOTHING_FROM:
            return NOTHING_FITS
        if self._passes_strangers or (self.ratio > FITS_TO and not self.strangers):
            return CANNOT_TELL
        return FITS if self.ratio <= FITS_TO else IN_PART

    @property
    def _passes_strangers(self) -> bool:
        """Whether a stranger would not be told that it does not fit."""
        return self.coarse or NOTHING_FROM * (self.error + TOLERATED) > 1.0

    @property
    def reason(self) -> str:
        """The word's reason as a sentence or two."""
        if self.blind:
            return "The kernel sees no overlap, neither among the task's rows nor among the nearest learnware's."
        what = "The mixture's MMD^2 to the task, counted double," if self.mixed else "The best hit's MMD^2 to the task"
        said = f"{what} is {self.ratio:.2f} times what is tolerated: {self._tolerated}."
        return said + self._advice

    @property
    def _tolerated(self) -> str:
        if not self.strangers:
            return "the error of specifications this small, and a tenth of the MMD^2 to what shares nothing with it"
        those = "a learnware" if self.strangers == 1 else f"{self.strangers} learnwares"
        return f"the error of specifications this small, and a tenth of the MMD^2 to {those} that cannot fit"

    @property
    def _advice(self) -> str:
        word = self.word
        if word == IN_PART:
            return " Some of the task's rows may be unlike any here."
        if word == NOTHING_FITS:
            return " If something was to fit, see that columns have the same order and units."
        if word == CANNOT_TELL and self._passes_strangers:
            return " So few points could not tell one that cannot fit: make specifications of more rows."
        if word == CANNOT_TELL:
            return " That is neither near nor far, and there is no learnware here that is known to be unlike it."
        return ""


class Judge:
    """Judges learnwares and mixtures of one island for one task."""

    def __init__(self, null: Null, task: TableSpecification) -> None:
        self._null = null
        self._task = task
        self._own = null.product(task, task)
        self._distances: Array = null.squared(task, self._own)

    def single(self, learnware: TableSpecification) -> Finding:
        """One learnware."""
        return self._finding([learnware], np.ones(1))

    def mixture(self, members: Sequence[TableSpecification], weights: Sequence[float]) -> Finding:
        """A mixture of learnwares."""
        return self._finding(members, np.asarray(weights, dtype=np.float64))

    def _finding(self, members: Sequence[TableSpecification], w: Array) -> Finding:
        mixed_norm = self._mixed_norm(members, w)
        inner = sum(share * self._null.product(self._task, each) for share, each in zip(w, members, strict=True))
        squared = max(0.0, self._own + mixed_norm - 2.0 * float(inner))
        inverse_sizes = sum(share**2 / each.effective_size for share, each in zip(w, members, strict=True))
        error = sampling_error(min(self._own, mixed_norm), inverse_sizes + 1.0 / self._task.effective_size)
        reference, strangers = self._reference(members, self._own + mixed_norm)
        mixed = len(members) > 1
        ratio = (MIXTURE_COUNTS if mixed else 1.0) * squared / (float(error) + TOLERATED * reference)
        norms = (self._null.of_learnware(each)[0] for each in members)
        blind = _blind(self._task, self._own) and all(map(_blind, members, norms))
        coarse = min(each.effective_size for each in (self._task, *members)) < FEWEST
        return Finding(ratio, float(error) / reference, strangers, blind, coarse, mixed)

    def _reference(self, members: Sequence[TableSpecification], nothing_shared: float) -> tuple[float, int]:
        """MMD^2 from the task to what cannot fit it as these may, and how many learnwares that is the median of."""
        found = np.logical_and.reduce([self._null.of_learnware(each)[1] for each in members])
        if not found.any():
            return nothing_shared, 0
        return max(float(np.median(self._distances[found])), STRANGE * nothing_shared), int(found.sum())

    def _mixed_norm(self, members: Sequence[TableSpecification], w: Array) -> float:
        found = 0.0
        for i, each in enumerate(members):
            found += float(w[i] ** 2) * self._null.of_learnware(each)[0]
            found += sum(2.0 * float(w[i] * w[j]) * self._null.product(each, members[j]) for j in range(i))
        return found


def overall(findings: Iterable[Finding]) -> Verdict:
    """The verdict on a task: what is said of the best of the findings, of which there is at least one."""
    best = min(findings, key=lambda each: (_WORDS.index(each.word), each.ratio))
    return Verdict(best.word, best.reason, best.ratio, best.strangers)


def hit_word(finding: Finding) -> str:
    """The same said of one learnware."""
    return DOES_NOT_FIT if finding.word == NOTHING_FITS else finding.word


def _blind(specification: TableSpecification, norm: float) -> bool:
    return len(specification.beta) > 1 and float(specification.beta @ specification.beta) > SEES_NOTHING * norm
