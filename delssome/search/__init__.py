"""Search over a feasible space by ask and tell; it knows nothing of what evaluates."""

from delssome.search.baselines import BASELINES
from delssome.search.cmaes import CMAES

__all__ = ["BASELINES", "CMAES"]
