"""What people of the fault matrix do never makes an error by itself: each one that a row tells is the dock's."""

from __future__ import annotations

from flow import Flow


class Watched(Flow):
    """Looks, while it pulls, what there is to delete."""

    met: object = "nothing was pulled"

    def pull(self, client, key):
        self.met = self.take()


def test_nobody_deletes_what_another_pulls(tmp_path):
    flow = Watched(None, tmp_path, seed=0)
    flow._pushed("sha", ("00000001", 1))
    flow.pull_some(None)
    assert flow.met is None
    assert flow.take() == ("00000001", 1)
    flow.pull_some(None)
