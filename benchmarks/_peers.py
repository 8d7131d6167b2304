"""Other simulators on the same work: adapters for the benchmark of simulation.

An adapter takes the connectome, the step (s), parameters of one batch and a list of
settings, tries every setting once, and keeps the fastest: what suits the peer best.
It gives a function that simulates once, the region-steps of that, and what to print.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np

__all__ = ["PEERS", "installed"]

# Batches, steps whose noise is drawn at once (None: all of them, and the whole
# trajectory is kept), random generators.
TVBOPTIM = [
    *(
        {"batch": batch, "block": block, "prng": "threefry2x32"}
        for batch in (16, 32, 128)
        for block in (None, 5, 10, 20, 60)
    ),
    {"batch": 32, "block": 10, "prng": "rbg"},
]
TVBOPTIM_QUICK = [
    {"batch": batch, "block": block, "prng": "threefry2x32"}
    for batch, block in ((32, 10), (128, 10))
]
# Steps of the neural and of the haemodynamic equations, in ms: both as ours, or a
# shorter neural one with fewer haemodynamic steps, or the peer's own.
CUBNM = [
    {"batch": batch, "dt": dt, "bw_dt": bw_dt}
    for batch in (32, 128)
    for dt, bw_dt in (("6", "6"), ("1", "5"), ("0.1", "1"))
]
CUBNM_QUICK = [
    {"batch": 32, "dt": dt, "bw_dt": bw_dt} for dt, bw_dt in (("6", "6"), ("0.1", "1"))
]


def installed(name):
    """Give the version of a distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def tvboptim(sc, step, params, n_steps, choices):
    """Excitatory-inhibitory reduced Wong-Wang model, vmap over parameters and keys."""
    import jax
    import jax.numpy as jnp
    from tvboptim.experimental.network_dynamics import Network, prepare
    from tvboptim.experimental.network_dynamics.coupling import LinearCoupling
    from tvboptim.experimental.network_dynamics.dynamics.tvb import WongWangExcInh
    from tvboptim.experimental.network_dynamics.graph import DenseGraph
    from tvboptim.experimental.network_dynamics.noise import AdditiveNoise
    from tvboptim.experimental.network_dynamics.solvers import Euler

    dt = step * 1000.0  # this peer counts in ms
    mean = (
        lambda template, n: jnp.zeros_like(template),
        lambda total, part: total + part.sum(axis=0),
        lambda total: total / n_steps,
    )

    def build(batch, block, prng):
        network = Network(
            WongWangExcInh(),
            {"instant": LinearCoupling(incoming_states="S_e", G=1.0)},
            DenseGraph(jnp.asarray(sc, dtype=jnp.float32)),
            noise=AdditiveNoise(sigma=0.0, key=jax.random.key(0, impl=prng)),
        )
        solve, config = prepare(
            network,
            Euler(block_size=block),
            t0=0.0,
            t1=n_steps * dt,
            dt=dt,
            reduce=None if block is None else mean,
        )

        def simulate(G, w_EE, w_IE, sigma, key):
            own = jax.tree.map(lambda leaf: leaf, config)
            own.dynamics.G, own.dynamics.w_p, own.dynamics.J_i = G, w_EE, w_IE
            own.noise.sigma, own.noise.key = sigma, key
            result = solve(own)
            return result.ys if block is None else result

        def single(name):
            values = params[name][np.arange(batch) % len(params["G"])]
            return jnp.asarray(values, dtype=jnp.float32)

        inputs = (
            single("G"),
            single("w_EE"),
            single("w_IE"),
            single("sigma")[:, None] / np.sqrt(1000.0),
            jax.random.split(jax.random.key(1, impl=prng), batch),
        )
        batched = jax.jit(jax.vmap(simulate))
        return lambda: jax.block_until_ready(batched(*inputs))

    run, settings, compile_seconds = _fastest(
        build, choices, lambda settings: settings["batch"]
    )
    result = np.asarray(run())
    blocked = settings["block"] is not None
    gating = result[..., 0, :] if blocked else result[:, :, 0]
    return {
        "run": run,
        "region_steps": settings["batch"] * n_steps * len(sc),
        "info": {
            "version": f"{version('tvboptim')} (jax {version('jax')})",
            "precision": str(result.dtype),
            "haemodynamics": "none",
            "batch": settings["batch"],
            "settings": settings,
            "keeps": "mean" if blocked else "whole trajectory",
            "mean_S_E": float(gating.mean()),
            "compile_seconds": compile_seconds,
        },
    }


def cubnm(sc, step, params, n_steps, choices):
    """Reduced Wong-Wang model with feedback inhibition, threads over simulations.

    Its noise is drawn beforehand, once for all simulations, and is not counted.
    """
    from cubnm.sim import rWWSimGroup

    def build(batch, dt, bw_dt):
        duration = round(_cubnm_steps(n_steps) * float(dt)) / 1000
        group = rWWSimGroup(
            duration=duration,
            TR=duration / 2,
            sc=np.asarray(sc, dtype=np.float64),
            dt=dt,
            bw_dt=bw_dt,
            do_fc=False,
            do_fcd=False,
            gof_terms=[],
            bold_remove_s=0,
            window_size=duration,
            noise_segment_length=None,
            force_cpu=True,
        )
        rows = np.arange(batch) % len(params["G"])
        group.N = batch
        group.param_lists["G"] = params["G"][rows]
        group.param_lists["w_p"] = params["w_EE"][rows]
        group._set_default_params()

        def run():
            group.run()
            return group

        return run

    run, settings, first = _fastest(build, choices, lambda settings: settings["batch"])
    group = run()
    return {
        "run": run,
        "region_steps": settings["batch"] * _cubnm_steps(n_steps) * len(sc),
        "info": {
            "version": version("cubnm"),
            "precision": str(group.sim_bold.dtype),
            "haemodynamics": f"Balloon every {settings['bw_dt']} ms",
            "batch": settings["batch"],
            "settings": settings,
            "keeps": "BOLD and means",
            "mean_S_E": float(np.mean(group.sim_states["S_E"])),
            "compile_seconds": 0.0,
            "first_call_seconds": first,
        },
    }


def _cubnm_steps(n_steps):
    """Round to 2500 steps: whole ms and binary fractions of seconds at any step."""
    return max(1, round(n_steps / 2500)) * 2500


def _fastest(build, choices, work):
    """Build every choice and give the one with the most simulations per second.

    A choice that fails is left out, unless all do.
    """
    best, error = None, None
    for settings in choices:
        try:
            run = build(**settings)
            started = time.perf_counter()
            run()
            first = time.perf_counter() - started
            seconds = []
            for _ in range(2 if len(choices) > 1 else 1):
                started = time.perf_counter()
                run()
                seconds.append(time.perf_counter() - started)
        except Exception as reason:
            error = reason
            continue
        rate = work(settings) / min(seconds)
        if best is None or rate > best[0]:
            best = rate, run, settings, max(0.0, first - min(seconds))
    if best is None:
        raise error
    return best[1:]


PEERS = {
    "tvboptim": (tvboptim, TVBOPTIM, TVBOPTIM_QUICK),
    "cubnm": (cubnm, CUBNM, CUBNM_QUICK),
}
