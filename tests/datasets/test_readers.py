import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from delssome.connectome import average_fc
from delssome.datasets import read_matrix, read_subject, read_subjects
from delssome.observables import fc_matrix, fcd_cdf

WRITERS = {
    "comma.csv": lambda path, x: np.savetxt(path, x, delimiter=","),
    "semicolon.csv": lambda path, x: np.savetxt(path, x, delimiter=";"),
    "space.csv": np.savetxt,
    "tab.tsv": lambda path, x: np.savetxt(path, x, delimiter="\t"),
    "space.txt": np.savetxt,
    "array.npy": np.save,
    "archive.npz": lambda path, x: np.savez(path, x=x),
    "matlab.mat": lambda path, x: savemat(path, {"x": x}),
}
N_BINS = 20


@pytest.fixture
def subject(rng, random_sc):
    bold = rng.standard_normal((2, 40, 5)).cumsum(axis=1)
    return {
        "sc": random_sc(5),
        "bold": bold[0],
        "second": bold[1],
        "fc": fc_matrix(bold[0]),
        "fcd_cdf": fcd_cdf(bold[0], 10, N_BINS),
    }


def write(folder, kinds, subject, prefix="sub-01_"):
    folder.mkdir(exist_ok=True)
    for kind in kinds:
        np.savetxt(folder / f"{prefix}{kind}.csv", subject[kind], delimiter=",")


def read(folder, **kwargs):
    return read_subjects(folder, **{"n_fcd_bins": N_BINS, **kwargs})


@pytest.mark.parametrize("name", WRITERS)
def test_a_matrix_survives_a_round_trip_through_every_format(tmp_path, rng, name):
    matrix = rng.standard_normal((4, 3))
    WRITERS[name](tmp_path / name, matrix)
    back = read_matrix(tmp_path / name)
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, matrix, rtol=1e-15)  # text has 18 digits


def test_a_byte_order_mark_and_empty_lines_are_skipped(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_bytes("\n1,2\r\n3,4\r\n\n".encode("utf-8-sig"))
    np.testing.assert_array_equal(read_matrix(path), [[1, 2], [3, 4]])


def test_a_sparse_matlab_matrix_is_filled(tmp_path):
    savemat(tmp_path / "sc.mat", {"sc": csc_array(np.eye(3))})
    np.testing.assert_array_equal(read_matrix(tmp_path / "sc.mat"), np.eye(3))


def test_an_array_of_an_archive_is_chosen_by_key(tmp_path):
    np.savez(tmp_path / "a.npz", sc=np.eye(2), fc=np.ones((2, 2)))
    np.testing.assert_array_equal(read_matrix(tmp_path / "a.npz", "sc"), np.eye(2))


def damage(name, content):
    def make(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return make


def truncate(name):
    def make(folder):
        WRITERS[name](folder / name, np.arange(600.0).reshape(20, 30))
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
        return folder / name

    return make


def pickled(folder):
    np.save(folder / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    return folder / "x.npy"


def pickled_archive(folder):
    np.savez(folder / "x.npz", x=np.array([{}], dtype=object))
    return folder / "x.npz"


def misnamed_archive(folder):
    np.savez(folder / "x.npz", x=np.eye(2))
    return (folder / "x.npz").rename(folder / "x.npy")


def misnamed_array(folder):
    np.save(folder / "x.npy", np.eye(2))
    return (folder / "x.npy").rename(folder / "x.npz")


def two_arrays(folder):
    np.savez(folder / "x.npz", a=np.eye(2), b=np.eye(2))
    return folder / "x.npz"


def matlab_struct(folder):
    savemat(folder / "x.mat", {"x": {"field": 1.0}})
    return folder / "x.mat"


def complex_array(folder):
    np.save(folder / "x.npy", np.array([[1j]]))
    return folder / "x.npy"


def scalar(folder):
    np.save(folder / "x.npy", np.array(1.0))
    return folder / "x.npy"


# The header of an HDF5 file, as MATLAB writes it with -v7.3.
MATLAB_73 = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x00" * 400


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (damage("x.csv", b""), "is empty"),
        (damage("x.csv", b"\n \n"), "cannot be read as a table of numbers"),
        (damage("x.csv", b"a,b\nc,d\n"), "cannot be read as a table of numbers"),
        (damage("x.csv", b"a,b\n1,2\nc,d\n"), "cannot be read as a table"),
        (damage("x.csv", b"1,2\na,b\n"), "cannot be read as a table"),
        (damage("x.csv", b",2\n3,4\n"), r"may be names .*header=True or header=False"),
        (damage("x.csv", b"1,2\n3\n"), "give all rows the same length"),
        (damage("x.csv", b"\xff\xfe\x00\x01"), "cannot be read as a table"),
        (damage("x.npy", b""), "is empty"),
        (damage("x.npy", b"garbage"), "is damaged or no NumPy file"),
        (damage("x.npz", b"PK\x03\x04garbage"), "is damaged or no NumPy file"),
        (damage("x.mat", b""), "is empty"),
        (damage("x.mat", b"garbage" * 50), "is damaged or no MATLAB file"),
        (damage("x.mat", MATLAB_73), "is damaged or no MATLAB file"),
        (damage("x.xlsx", b"PK"), "must end in one of .csv"),
        (truncate("array.npy"), "is damaged or no NumPy file"),
        (truncate("archive.npz"), "is damaged or no NumPy file"),
        (truncate("matlab.mat"), "is damaged or no MATLAB file"),
        (pickled, "is damaged or no NumPy file"),
        (pickled_archive, "must hold one array of real numbers, got x"),
        (misnamed_archive, "holds named arrays; call it .npz"),
        (misnamed_array, "holds one array without a name; call it .npy"),
        (two_arrays, "must hold one array, got a, b"),
        (matlab_struct, "must hold real numbers"),
        (complex_array, "must hold real numbers, got type complex128"),
        (scalar, "must hold a matrix"),
    ],
)
def test_a_bad_file_is_named_with_its_remedy(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises(ValueError, match=message) as error:
        read_matrix(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3\n4,5,6\n",
        "1\t2\t3 \n4\t5\t6\t\n",  # ends in a separator
        "# made by hand\n1 2 3\n4 5 6\n",
        "a\tb b\tc\n1\t2\t3\n4\t5\t6\n",  # BIDS time series
        "a b c\n1 2 3\n4 5 6\n",
        ",a,b,c\n0,1,2,3\n1,4,5,6\n",  # pandas with its index
        ",0,1,2\n0,1,2,3\n1,4,5,6\n",
        "Node\ta\tb\tc\na\t1\t2\t3\nb\t4\t5\t6\n",  # matrix with names
        '"","a","b, c","d"\n"a","1","2","3"\n"b",4,5,6\n',  # R
        "a,1,2,3\nb,4,5,6\n",
        "a;b;c\n1;2;3\n\n4;5;6\n",
    ],
)
def test_names_at_the_edges_are_left_out(tmp_path, text):
    (tmp_path / "x.tsv").write_text(text)
    np.testing.assert_array_equal(
        read_matrix(tmp_path / "x.tsv"), [[1, 2, 3], [4, 5, 6]]
    )


def test_a_square_matrix_may_count_in_its_first_row(tmp_path):
    matrix = [[0, 1, 2], [1, 0, 5], [2, 5, 0]]
    np.savetxt(tmp_path / "x.csv", matrix, fmt="%d", delimiter=",")
    np.testing.assert_array_equal(read_matrix(tmp_path / "x.csv"), matrix)
    # With one row more, these are columns without names, as pandas counts them.
    (tmp_path / "y.csv").write_text("0,1,2\n" + (tmp_path / "x.csv").read_text())
    np.testing.assert_array_equal(read_matrix(tmp_path / "y.csv"), matrix)


def test_what_is_not_available_is_nan(tmp_path):
    (tmp_path / "x.tsv").write_text("n/a\t2\n3\t4\n")
    np.testing.assert_array_equal(
        read_matrix(tmp_path / "x.tsv"), [[np.nan, 2], [3, 4]]
    )
    (tmp_path / "x.tsv").write_text("a\tb\nn/a\t2\n")
    np.testing.assert_array_equal(read_matrix(tmp_path / "x.tsv"), [[np.nan, 2]])


def test_a_missing_key_is_named_beside_those_there(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.eye(2))
    with pytest.raises(ValueError, match="no array 'sc'; it has a"):
        read_matrix(tmp_path / "x.npz", "sc")


def test_a_file_that_is_not_there_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        read_matrix(tmp_path / "nothing.csv")


@pytest.mark.parametrize("fcd", ["fcd", "fcd_cdf"])
def test_subjects_are_read_from_files_side_by_side(tmp_path, subject, fcd):
    subject[fcd] = subject["fcd_cdf"]
    for name in ("sub-02_", "sub-01_"):
        write(tmp_path, ("sc", "fc", fcd), subject, name)
    data = read(tmp_path)
    assert data.subject_ids == ["sub-01", "sub-02"]
    assert data.X.shape == (2, 5 * 4 + N_BINS)
    np.testing.assert_allclose(data.sc[1], subject["sc"])
    np.testing.assert_allclose(data.fc[1], subject["fc"], atol=1e-12)
    np.testing.assert_allclose(data.fcd_cdf[1], subject["fcd_cdf"])
    assert data.acquisition is None


@pytest.mark.parametrize("prefix", ["", "sub-01_"])
def test_subjects_are_read_from_folders(tmp_path, subject, prefix):
    write(tmp_path / "sub-01", ("sc", "bold"), subject, prefix)
    data = read(tmp_path, tr=2.0, window=10)
    assert data.subject_ids == ["sub-01"]
    np.testing.assert_allclose(data.fc[0], subject["fc"], atol=1e-12)


def test_files_without_a_subject_are_one_subject_named_as_the_folder(tmp_path, subject):
    write(tmp_path / "ann", ("sc", "fc", "fcd_cdf"), subject, "")
    assert read(tmp_path / "ann").subject_ids == ["ann"]


@pytest.mark.parametrize("name", ["sub-01.npz", "sub-01.mat"])
def test_one_file_can_hold_a_subject(tmp_path, subject, name):
    arrays = {kind: subject[kind] for kind in ("sc", "fc", "fcd_cdf")}
    if name.endswith("npz"):
        np.savez(tmp_path / name, note=["free", "text"], **arrays)
    else:
        savemat(tmp_path / name, arrays)
    data = read(tmp_path)
    assert data.subject_ids == ["sub-01"]
    np.testing.assert_allclose(data.fcd_cdf[0], subject["fcd_cdf"])


def test_other_files_are_ignored(tmp_path, subject):
    write(tmp_path, ("sc", "fc", "fcd_cdf"), subject)
    (tmp_path / "README.txt").write_text("about")
    (tmp_path / "participants.tsv").write_text("id age")
    (tmp_path / "._sub-01_sc.csv").write_bytes(b"\x00")
    (tmp_path / "figures").mkdir()
    assert read(tmp_path).subject_ids == ["sub-01"]


def test_bold_gives_fc_fcd_and_the_acquisition(tmp_path, subject):
    write(tmp_path, ("sc", "bold"), subject)
    data = read(tmp_path, tr=2.5)
    assert data.acquisition.tr == 2.5
    assert data.acquisition.n_frames == 40
    assert data.acquisition.fcd_window == 24  # a minute
    np.testing.assert_allclose(data.fc[0], subject["fc"], atol=1e-12)
    cdf = fcd_cdf(subject["bold"], 24, N_BINS)
    np.testing.assert_allclose(data.fcd_cdf[0], cdf, atol=1e-6)


def test_runs_in_files_or_stacked_are_averaged_alike(tmp_path, subject):
    runs = subject["bold"], subject["second"]
    files, stack = tmp_path / "files", tmp_path / "stack"
    write(files, ("sc",), subject)
    for k, run in enumerate(runs):
        np.savetxt(files / f"sub-01_bold_run-{k}.csv", run, delimiter=",")
    write(stack, ("sc",), subject)
    np.save(stack / "sub-01_bold.npy", runs)
    expected_fc = average_fc([fc_matrix(run) for run in runs])
    expected_cdf = np.mean([fcd_cdf(run, 10, N_BINS) for run in runs], axis=0)
    for folder in (files, stack):
        data = read(folder, tr=2.0, window=10)
        assert data.subject_ids == ["sub-01"]
        off_diagonal = ~np.eye(5, dtype=bool)
        np.testing.assert_allclose(
            data.fc[0][off_diagonal], expected_fc[off_diagonal], atol=1e-12
        )
        np.testing.assert_allclose(data.fcd_cdf[0], expected_cdf, atol=1e-12)


def test_the_acquisition_has_the_frames_of_the_shortest_run(tmp_path, subject):
    write(tmp_path, ("sc", "bold"), subject)
    short = {**subject, "bold": subject["bold"][:30]}
    write(tmp_path, ("sc", "bold"), short, "sub-02_")
    assert read(tmp_path, tr=2.0, window=10).acquisition.n_frames == 30


def test_bold_is_used_with_tr_and_statistics_without(tmp_path, subject):
    other = {**subject, "bold": subject["second"]}
    write(tmp_path, ("sc", "bold", "fc", "fcd_cdf"), other)
    with_tr, without = read(tmp_path, tr=2.0, window=10), read(tmp_path)
    np.testing.assert_allclose(with_tr.fc[0], fc_matrix(subject["second"]), atol=1e-12)
    np.testing.assert_allclose(without.fc[0], subject["fc"], atol=1e-12)


def test_statistics_with_tr_and_n_frames_give_an_acquisition(tmp_path, subject):
    write(tmp_path, ("sc", "fc", "fcd_cdf"), subject)
    acquisition = read(tmp_path, tr=2.0, n_frames=200).acquisition
    assert (acquisition.tr, acquisition.n_frames) == (2.0, 200)
    with pytest.raises(ValueError, match="no bold, so that n_frames"):
        read(tmp_path, tr=2.0)


def without(kind):
    def change(subject):
        del subject[kind]

    return change


def replaced(kind, function):
    def change(subject):
        subject[kind] = function(np.array(subject[kind]))

    return change


def with_nan(x):
    x[1, 2] = np.nan
    return x


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("sc"), r"sub-01 has no sc in .*add sub-01_sc\.csv"),
        (without("bold"), r"sub-01 has no fc in .*add sub-01_bold\.csv"),
        (replaced("sc", with_nan), r"sub-01_sc\.csv must be finite"),
        (replaced("sc", lambda x: -x), r"sub-01_sc\.csv must not be negative"),
        (replaced("sc", lambda x: x[:4]), r"sub-01_sc\.csv must have shape"),
        (replaced("sc", lambda x: x * [1, 2, 1, 1, 1]), r"_sc\.csv must be symmetric"),
        (replaced("bold", with_nan), r"sub-01_bold\.csv must be finite"),
        (replaced("bold", lambda x: 0 * x), r"sub-01_bold\.csv is constant"),
        (replaced("bold", lambda x: x[:8]), r"sub-01_bold\.csv must have more"),
        (replaced("bold", lambda x: x[:, :4]), r"_bold\.csv.* each of the 5 regions"),
        (replaced("bold", lambda x: x.T), r"sub-01_bold\.csv.* transpose"),
    ],
)
def test_a_bad_subject_is_named_with_its_remedy(tmp_path, subject, change, message):
    subject = {kind: subject[kind] for kind in ("sc", "bold")}
    change(subject)
    write(tmp_path, subject, subject)
    with pytest.raises(ValueError, match=message):
        read(tmp_path, tr=2.0, window=10)


def test_bold_without_tr_is_refused(tmp_path, subject):
    write(tmp_path, ("sc", "bold"), subject)
    with pytest.raises(ValueError, match=r"sub-01 has no fc in .*; give tr"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("fcd_cdf"), r"sub-01 has no fcd_cdf in .*add sub-01_bold\.csv"),
        (replaced("fc", lambda x: 2 * x), r"sub-01_fc\.csv must hold Pearson"),
        (replaced("fc", lambda x: x[:4, :4]), r"sub-01_fc\.csv.*shape of the subject"),
        (replaced("fcd_cdf", lambda x: x[::-1]), r"_fcd_cdf\.csv must end at 1"),
        (replaced("fcd_cdf", lambda x: x[1:]), r"_fcd_cdf\.csv.*n_fcd_bins=20.*got 19"),
        (replaced("fcd_cdf", lambda x: np.eye(4)), r"_fcd_cdf\.csv.*one row or column"),
    ],
)
def test_bad_statistics_are_named_with_their_remedy(tmp_path, subject, change, message):
    subject = {kind: subject[kind] for kind in ("sc", "fc", "fcd_cdf")}
    change(subject)
    write(tmp_path, subject, subject)
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_subjects_with_other_regions_are_named(tmp_path, subject, random_sc):
    write(tmp_path, ("sc", "fc", "fcd_cdf"), subject)
    fewer = {**subject, "sc": random_sc(4), "fc": subject["fc"][:4, :4]}
    write(tmp_path, ("sc", "fc", "fcd_cdf"), fewer, "sub-02_")
    with pytest.raises(ValueError, match=r"5 \(sub-01\), 4 \(sub-02\)"):
        read(tmp_path)


def test_two_files_of_one_kind_are_named(tmp_path, subject):
    write(tmp_path, ("sc", "fc", "fcd_cdf"), subject)
    np.save(tmp_path / "sub-01_sc.npy", subject["sc"])
    with pytest.raises(ValueError, match=r"one sc, got .*_sc\.csv, .*_sc\.npy"):
        read(tmp_path)


def test_files_beside_folders_of_subjects_are_refused(tmp_path, subject):
    write(tmp_path, ("sc", "fc", "fcd_cdf"), subject)
    write(tmp_path / "sub-02", ("sc", "fc", "fcd_cdf"), subject)
    with pytest.raises(ValueError, match=r"both files of subjects .*sub-02"):
        read(tmp_path)


def test_a_folder_without_subjects_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no subjects; name files"):
        read(tmp_path)
    with pytest.raises(ValueError, match="is not a folder"):
        read(tmp_path / "nowhere")


def test_an_archive_without_known_arrays_is_named(tmp_path):
    np.savez(tmp_path / "maps.npz", myelin=np.ones(3))
    with pytest.raises(ValueError, match=r"maps\.npz must hold arrays named sc"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [("a_fc_z.csv", True), ("FisherZ_a.csv", True), ("a_fc.csv", False)],
)
def test_fc_that_is_called_fishers_z_is_noted(tmp_path, name, told):
    np.savetxt(tmp_path / "sc.csv", 9.0 - 9.0 * np.eye(3), delimiter=",")
    fc = np.array([[0, 0.4, 0.3], [0.4, 0, 0.2], [0.3, 0.2, 0]])
    np.savetxt(tmp_path / name, fc, delimiter=",")
    np.savetxt(tmp_path / "cdf.csv", np.linspace(0.1, 1.0, 10))
    data = read_subject(
        tmp_path / "sc.csv", fc=tmp_path / name, fcd_cdf=tmp_path / "cdf.csv"
    )
    assert any("give tanh of them" in note for note in data.notes) == told


def test_frames_before_the_steady_state_are_noted(tmp_path, smooth):
    bold = smooth(60, 4)
    np.savetxt(tmp_path / "a_sc.csv", 9.0 - 9.0 * np.eye(4), delimiter=",")
    np.savetxt(tmp_path / "a_bold.csv", bold, delimiter=",")
    steady = read_subjects(tmp_path, tr=2.0, window=12)
    bold[:3] += 500.0 * bold.std()
    np.savetxt(tmp_path / "a_bold.csv", bold, delimiter=",")
    found = read_subjects(tmp_path, tr=2.0, window=12)
    said = {note for note in found.notes if note not in steady.notes}
    assert len(said) == 1
    assert "the first 3 frames lie far from all others" in said.pop()


def test_matrices_that_are_called_lengths_are_noted(tmp_path, smooth):
    for name in ("sc_meanlength.csv", "sc.csv"):
        np.savetxt(tmp_path / name, 9.0 - 9.0 * np.eye(4), delimiter=",")
    np.savetxt(tmp_path / "bold.csv", smooth(60, 4), delimiter=",")
    given = {"bold": tmp_path / "bold.csv", "tr": 2.0, "window": 12}
    said = "its name says lengths"
    assert said in str(read_subject(tmp_path / "sc_meanlength.csv", **given).notes)
    assert said not in str(read_subject(tmp_path / "sc.csv", **given).notes)
