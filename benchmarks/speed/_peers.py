"""Other simulators on the same work: adapters for simulator.py.

An adapter takes the connectome, the step (s), parameters, a number of steps, and
whether this is a smoke run. It keeps the fastest of some settings, which suits the peer
best, and gives a function that simulates once, and what is to be told of it.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from importlib.metadata import version

import numpy as np

# Batches, and steps whose noise is drawn at once (None: all of them, and the whole
# trajectory is kept).
TVBOPTIM = [
    {"batch": n, "block": block}
    for n in (32, 16, 128)
    for block in (10, None, 5, 20, 60)
]
# Steps of the neural and of the haemodynamic equations, in ms: both as ours, or a
# shorter neural one with fewer haemodynamic steps, or the peer's own.
CUBNM = [
    {"batch": n, "dt": dt, "bw_dt": bw_dt}
    for n in (32, 128)
    for dt, bw_dt in (("6", "6"), ("1", "5"), ("0.1", "1"))
]


def tvboptim(sc, step, params, n_steps, quick):
    """Reduced Wong-Wang model, vmap over parameters and keys; no haemodynamics."""
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

    def build(batch, block):
        network = Network(
            WongWangExcInh(),
            {"instant": LinearCoupling(incoming_states="S_e", G=1.0)},
            DenseGraph(jnp.asarray(sc, dtype=jnp.float32)),
            noise=AdditiveNoise(sigma=0.0, key=jax.random.key(0)),
        )
        reduce = None if block is None else mean
        solver, end = Euler(block_size=block), n_steps * dt
        solve, config = prepare(network, solver, t0=0.0, t1=end, dt=dt, reduce=reduce)

        def simulate(G, w_EE, w_IE, sigma, key):
            own = jax.tree.map(lambda leaf: leaf, config)
            own.dynamics.G, own.dynamics.w_p, own.dynamics.J_i = G, w_EE, w_IE
            own.noise.sigma, own.noise.key = sigma, key
            result = solve(own)
            return result.ys if block is None else result

        G, w_EE, w_IE, sigma = (
            jnp.asarray(params[name][:batch], dtype=jnp.float32)
            for name in ("G", "w_EE", "w_IE", "sigma")
        )
        keys = jax.random.split(jax.random.key(1), batch)
        sigma, batched = sigma[:, None] / np.sqrt(1000.0), jax.jit(jax.vmap(simulate))
        return lambda: jax.block_until_ready(batched(G, w_EE, w_IE, sigma, keys))

    run, settings = fastest(build, TVBOPTIM[:1] if quick else TVBOPTIM)
    result = np.asarray(run())
    states = result[:, :, 0] if settings["block"] is None else result[..., 0, :]
    return run, told("tvboptim", settings, n_steps, sc, states)


def cubnm(sc, step, params, n_steps, quick):
    """Reduced Wong-Wang model in float64; its noise is drawn before, not counted."""
    from cubnm.sim import rWWSimGroup

    # Whole ms and binary fractions of seconds at any step.
    n_steps = max(1, round(n_steps / 2500)) * 2500

    def build(batch, dt, bw_dt):
        seconds = round(n_steps * float(dt)) / 1000
        settings = {"duration": seconds, "TR": seconds / 2, "window_size": seconds}
        settings |= {"do_fc": False, "do_fcd": False, "gof_terms": [], "dt": dt}
        settings |= {"bold_remove_s": 0, "noise_segment_length": None, "bw_dt": bw_dt}
        group = rWWSimGroup(sc=np.float64(sc), force_cpu=True, **settings)
        group.N = batch
        group.param_lists["G"] = params["G"][:batch]
        group.param_lists["w_p"] = params["w_EE"][:batch]
        group._set_default_params()

        def run():
            group.run()
            return group

        return run

    run, settings = fastest(build, CUBNM[:1] if quick else CUBNM)
    return run, told("cubnm", settings, n_steps, sc, run().sim_states["S_E"])


def told(name, settings, n_steps, sc, states):
    """Give what is told of a peer, if its simulations are sound."""
    mean = float(np.mean(states))
    if not np.isfinite(mean):
        raise RuntimeError("its simulations diverged")
    about = {"version": version(name), "settings": settings, "mean_S_E": mean}
    return about | {"work": settings["batch"] * n_steps * len(sc)}


def fastest(build, choices):
    """Give the choice with the most simulations per second of those that run."""
    best, error = None, None
    for settings in choices:
        try:
            run, seconds = build(**settings), []
            for _ in range(3):  # the first one compiles
                started = time.perf_counter()
                run()
                seconds.append(time.perf_counter() - started)
        except Exception as reason:
            error = reason
            continue
        rate = settings["batch"] / min(seconds[1:])
        if best is None or rate > best[0]:
            best = rate, run, settings
    if best is None:
        raise error
    return best[1:]


PEERS = {"tvboptim": tvboptim, "cubnm": cubnm}
