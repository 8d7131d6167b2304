import numpy as np
import pytest
from scipy import signal

from delssome.observables import (
    average_runs,
    fc_edges,
    fcd_cdf,
    fcd_histogram,
    fcd_matrix,
    process_bold,
)
from delssome.observables.processing import band_gain

TR, BAND = 2.0, (0.01, 0.1)


@pytest.fixture
def scans(rng):
    return rng.standard_normal((2, 150, 6)).cumsum(axis=1)


@pytest.fixture
def kept(rng):
    mask = rng.random(150) > 0.15
    mask[40:52] = False
    return mask


@pytest.mark.parametrize(
    ("band", "edges", "kind"),
    [
        (BAND, BAND, "bandpass"),
        ((None, 0.1), 0.1, "lowpass"),
        ((0.01, None), 0.01, "highpass"),
    ],
)
@pytest.mark.parametrize("order", [1, 2, 5])
def test_filtered_bold_is_that_of_scipy(scans, band, edges, kind, order):
    sections = signal.butter(order, edges, kind, fs=1 / TR, output="sos")
    expected = signal.sosfiltfilt(
        sections, scans, axis=1, padtype="constant", padlen=scans.shape[1] - 1
    )
    found = process_bold(scans, TR, band=band, filter_order=order)
    np.testing.assert_array_equal(found, expected)


def test_an_amplitude_passes_by_the_squared_response():
    t = TR * np.arange(4000)
    for frequency in (0.005, 0.01, 0.04, 0.1, 0.2):
        wave = np.cos(2 * np.pi * frequency * t)[:, None] * np.ones(2)
        gain = band_gain(2 * np.pi * frequency, TR, BAND)
        inside = process_bold(wave, TR, band=BAND)[500:-500, 0]
        assert inside.std() * np.sqrt(2) == pytest.approx(gain, abs=0.003)
    assert band_gain(2 * np.pi * 0.1, TR, BAND) == pytest.approx(0.5)


def test_nothing_is_done_without_a_pipeline(scans):
    assert process_bold(scans, TR) is scans
    assert process_bold(scans, TR, kept=np.ones(150, bool)) is scans


def test_single_precision_stays(scans):
    for settings in ({"band": BAND}, {"global_signal": True}):
        single = process_bold(scans.astype(np.float32), TR, **settings)
        assert single.dtype == np.float32
        double = process_bold(scans, TR, **settings)
        np.testing.assert_allclose(single, double, atol=1e-4 * np.abs(scans).max())


def test_regions_sum_to_nothing_without_the_global_signal(scans, kept):
    found = process_bold(scans, TR, global_signal=True, kept=kept)
    # The mean over regions has a slope of 1 on itself.
    np.testing.assert_allclose(found.sum(axis=-1), 0.0, atol=1e-9)
    signals = scans[:, kept].mean(axis=-1)
    signals -= signals.mean(axis=1, keepdims=True)
    left = np.einsum("st,sti->si", signals, found[:, kept])
    np.testing.assert_allclose(left, 0.0, atol=1e-8)


def test_the_global_signal_comes_after_the_filter(scans):
    both = process_bold(scans, TR, band=BAND, global_signal=True)
    filtered = process_bold(scans, TR, band=BAND)
    np.testing.assert_allclose(both, process_bold(filtered, TR, global_signal=True))


def test_what_censoring_took_has_no_say(scans, kept):
    other = scans.copy()
    other[:, ~kept] = np.nan
    settings = {"band": BAND, "global_signal": True, "kept": kept}
    one, two = (process_bold(x, TR, **settings) for x in (scans, other))
    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(fc_edges(scans, kept), fc_edges(other, kept))
    counts = [fcd_histogram(x, 30, 50, kept=kept) for x in (scans, other)]
    np.testing.assert_array_equal(*counts)
    pair = [average_runs([x[0]], 30, 50, [kept]) for x in (scans, other)]
    for a, b in zip(*pair, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_scan_that_diverged_stays_nan(scans, kept):
    scans[1, 80] = np.nan
    found = process_bold(scans, TR, band=BAND, global_signal=True, kept=kept | True)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()
    kept[80] = True
    assert np.isnan(process_bold(scans, TR, band=BAND, kept=kept)[1]).all()


def test_censored_fc_and_fcd_are_those_of_their_definition(scans, kept):
    edges = np.triu_indices(6, 1)
    expected = np.corrcoef(scans[0, kept].T)[edges]
    np.testing.assert_allclose(fc_edges(scans[0], kept), expected)
    window, vectors, used = 20, [], []
    for start in range(150 - window + 1):
        frames = np.arange(start, start + window)
        frames = frames[kept[frames]]
        used.append(len(frames) >= 10)
        if used[-1]:
            vectors.append(np.corrcoef(scans[0, frames].T)[edges])
    expected = np.corrcoef(vectors)
    found, used = fcd_matrix(scans[0], window, kept), np.array(used)
    assert 0 < used.sum() < len(used)
    np.testing.assert_allclose(found[np.ix_(used, used)], expected, atol=1e-10)
    assert np.isnan(found[~used]).all()
    values = expected[np.triu_indices(len(expected), 1)]
    counts = np.histogram(values, bins=50, range=(-1, 1))[0]
    np.testing.assert_array_equal(
        fcd_histogram(scans[0], window, 50, kept=kept), counts
    )


def test_keeping_all_changes_no_bit(scans):
    every = np.ones(150, bool)
    np.testing.assert_array_equal(fc_edges(scans), fc_edges(scans, every))
    np.testing.assert_array_equal(fcd_cdf(scans, 30), fcd_cdf(scans, 30, kept=every))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"band": 0.1}, TypeError, "pair, lowest and highest"),
        ({"band": ("0.01", 0.1)}, TypeError, "numbers in Hz"),
        ({"band": (0.01, 0.3)}, ValueError, r"below 0\.25 Hz"),
        ({"band": (0.0, 0.1)}, ValueError, "above 0"),
        ({"band": (0.1, 0.01)}, ValueError, "lower frequency first"),
        ({"band": (None, None)}, ValueError, "keeps everything"),
        ({"band": BAND, "filter_order": 0}, ValueError, "filter_order"),
        ({"band": BAND, "kept": np.arange(3)}, TypeError, "isin"),
        ({"band": BAND, "kept": np.ones(149, bool)}, ValueError, "150 frames"),
        ({"band": BAND, "kept": np.zeros(150, bool)}, ValueError, "three frames"),
    ],
)
def test_bad_settings_are_named(scans, settings, error, message):
    with pytest.raises(error, match=message):
        process_bold(scans, TR, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"band": (0.01, 0.25)}, r"below 0\.25 Hz"),
        ({"band": (0.05, 0.05)}, "lower frequency first"),
        ({"band": (0.01, 0.1), "filter_order": 11}, "filter_order"),
        ({"band": (-0.01, None)}, "above 0"),
    ],
)
def test_bands_and_orders_at_their_limits_are_refused(scans, settings, message):
    with pytest.raises(ValueError, match=message):
        process_bold(scans, TR, **settings)


@pytest.mark.parametrize(
    "band", ["ab", {0.01, 0.1}, (0.01,), (0.01, 0.1, 0.2), (True, None)]
)
def test_what_is_no_band_is_named(scans, band):
    with pytest.raises(TypeError, match="band must"):
        process_bold(scans, TR, band=band)


@pytest.mark.parametrize("tr", [0.0, 20.5])
def test_a_repetition_time_that_cannot_be_is_named(scans, tr):
    with pytest.raises(ValueError, match="tr must be a number between"):
        process_bold(scans, tr, band=(None, 0.01))


def test_the_order_is_2_if_nothing_else_is_said(scans):
    np.testing.assert_array_equal(
        process_bold(scans, TR, band=BAND),
        process_bold(scans, TR, band=BAND, filter_order=2),
    )
    omega = np.array([0.1, 0.5])
    np.testing.assert_array_equal(
        band_gain(omega, TR, BAND), band_gain(omega, TR, BAND, 2)
    )
    assert process_bold(scans, TR, band=BAND, filter_order=10).shape == scans.shape


@pytest.mark.parametrize("band", [BAND, (None, 0.1), (0.01, None)])
def test_the_gain_is_that_of_scipy_and_at_0_of_what_passes(band):
    kind = {(True, True): "bandpass", (False, True): "low", (True, False): "high"}
    edges = [edge for edge in band if edge is not None]
    sections = signal.butter(
        3,
        edges if len(edges) == 2 else edges[0],
        kind[band[0] is not None, band[1] is not None],
        fs=1 / TR,
        output="sos",
    )
    frequencies = np.linspace(0.001, 0.24, 50)
    response = signal.sosfreqz(sections, frequencies, fs=1 / TR)[1]
    found = band_gain(2 * np.pi * frequencies, TR, band, 3)
    np.testing.assert_allclose(found, np.abs(response) ** 2, atol=1e-9)


def test_censored_frames_are_splined_and_ends_repeated(scans):
    from scipy.interpolate import CubicSpline

    kept = np.ones(150, bool)
    kept[[0, 1, 70, 71, 149]] = False
    at = np.flatnonzero(kept)
    whole = CubicSpline(at, scans[:, at], axis=1)(np.arange(150))
    whole[:, :2], whole[:, -1:] = scans[:, 2:3], scans[:, 148:149]
    expected = process_bold(whole, TR, band=BAND)
    found = process_bold(scans, TR, band=BAND, kept=kept)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_global_signal_of_all_frames_is_regressed_out(scans):
    found = process_bold(scans, TR, global_signal=True)
    for scan, left in zip(scans, found, strict=True):
        design = np.column_stack([np.ones(150), scan.mean(axis=1)])
        fitted = design @ np.linalg.lstsq(design, scan, rcond=None)[0]
        np.testing.assert_allclose(left, scan - fitted, atol=1e-9)
