"""Binary formats: labels beside matrices, lies in headers, and files of attackers."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from delssome.datasets import read_matrix, read_table
from delssome.datasets.formats import file as installed
from delssome.datasets.formats.cifti import CIFTI
from delssome.datasets.formats.matrices import FORMATS, TEXT

NAMES = tuple(f"Roi_{k}" for k in range(5))


@pytest.fixture
def matrix(rng):
    x = rng.normal(size=(5, 5))
    return x + x.T


def as_objects(names):
    return np.array(names, dtype=object)


def qsirecon(path, matrix):
    savemat(
        path,
        {
            "command": "tck2connectome in out",
            "atlas_A_region_ids": np.arange(1, 6),
            "atlas_A_region_labels": as_objects(NAMES),
            "atlas_A_count_connectivity": matrix,
        },
    )


def dsi_studio(path, matrix):
    text = "\n".join(NAMES) + "\n"
    names = np.frombuffer(text.encode(), np.uint8)[None]
    savemat(path, {"connectivity": matrix, "name": names}, format="4")


def npz_of_strings(path, matrix):
    np.savez(path, weights=matrix, labels=np.array(NAMES))


def npz_of_objects(path, matrix):
    np.savez(path, weights=matrix, labels=as_objects(NAMES))


def npz_of_numpy_strings(path, matrix):
    labels = as_objects([np.str_(name) for name in NAMES])
    np.savez(path, weights=matrix, labels=labels, networks=np.array(list("vvsds")))


def padded_characters(path, matrix):
    savemat(path, {"sc": matrix, "names": np.array([f"{n}  " for n in NAMES])})


def matlab_73(path, matrix):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("sc", data=matrix.T)
        references = []
        for k, name in enumerate(NAMES):
            codes = np.array([[ord(letter)] for letter in name], dtype=np.uint16)
            cell = file.create_dataset(f"#refs#/{k}", data=codes)
            cell.attrs["MATLAB_class"] = np.bytes_("char")
            references.append(cell.ref)
        labels = np.array([references], dtype=h5py.ref_dtype)
        cells = file.create_dataset("region_labels", data=labels, dtype=h5py.ref_dtype)
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
    content = bytearray(path.read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(content)


def structs(path, matrix):
    fields = {"f": [1.0, 2.0], "g": "x", "h": {"i": matrix}}
    savemat(path, {"sc": matrix, "about": fields, "names": np.array(NAMES)})


def virtual_brain(path, matrix):
    texts = {"weights.txt": matrix, "tract_lengths.txt": np.abs(matrix) * 9}
    with zipfile.ZipFile(path, "w") as archive:
        for name, values in texts.items():
            text = io.StringIO()
            np.savetxt(text, values)
            archive.writestr(f"connectivity/{name}", text.getvalue())
        centres = "\n".join(f"{name} 1.0 2.0 3.0" for name in NAMES)
        archive.writestr("connectivity/centres.txt", centres)


def conn_of_correlations(path, matrix):
    """CONN: Fisher's z of the first regions with all, without a diagonal."""
    z = np.arctanh(matrix / 10)
    np.fill_diagonal(z, np.nan)
    savemat(path, {"Z": np.hstack([z, z[:, :2]]), **_names_of_conn(NAMES)})


def _names_of_conn(names):
    more = np.array([*names, "networks.a", "networks.b"], dtype=object)
    return {"names": np.array(names, dtype=object)[None], "names2": more[None]}


# A new format of matrices with labels: a function that writes one, and a line here.
WRITERS = [
    (qsirecon, "x.mat"),
    (dsi_studio, "x.mat"),
    (padded_characters, "x.mat"),
    (structs, "x.mat"),
    (matlab_73, "x.mat"),
    (npz_of_strings, "x.npz"),
    (npz_of_objects, "x.npz"),
    (npz_of_numpy_strings, "x.npz"),
    (virtual_brain, "x.zip"),
]


def test_every_format_is_documented_and_written_by_a_test():
    tested = {Path(name).suffix for _, name in WRITERS}
    elsewhere = {*TEXT, *CIFTI, ".gii", ".npy"}  # test_text.py, nibabel; no labels
    assert set(FORMATS) - elsewhere == tested
    assert not [end for end in FORMATS if end not in read_table.__doc__.lower()]


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_labels_beside_a_matrix_name_its_regions(tmp_path, matrix, write, name):
    write(tmp_path / name, matrix)
    table = read_table(tmp_path / name)
    np.testing.assert_allclose(table.values, matrix, rtol=1e-12)
    assert table.rows == table.columns == table.regions == NAMES


def test_several_matrices_are_asked_for_by_name(tmp_path, matrix):
    path = tmp_path / "x.mat"
    savemat(path, {"a_count": matrix, "a_length": matrix, "ids": np.arange(5)})
    with pytest.raises(ValueError, match="got a_count, a_length; say which, by key="):
        read_matrix(path)
    np.testing.assert_array_equal(read_matrix(path, "a_count"), matrix)


def test_a_sparse_matrix_of_matlab_73_is_filled(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("sc")
        group.attrs["MATLAB_sparse"] = 3
        for part, values in {
            "data": [4.0, 5.0],
            "ir": [1, 2],
            "jc": [0, 1, 2, 2],
        }.items():
            group[part] = values
    content = bytearray(path.read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(content)
    np.testing.assert_array_equal(read_matrix(path), [[0, 0, 0], [4, 0, 0], [0, 5, 0]])


@pytest.fixture
def cifti(tmp_path):
    """Write a CIFTI file of parcels."""
    nibabel = pytest.importorskip("nibabel")
    axes = nibabel.cifti2
    places = [np.array([[k, 0, 0]]) for k in range(5)]
    parcels = axes.ParcelsAxis(
        NAMES, places, [{}] * 5, affine=np.eye(4), volume_shape=(9, 9, 9), nvertices={}
    )

    def write(name, values, series=None):
        first = parcels if series is None else axes.SeriesAxis(0, *series)
        image = nibabel.Cifti2Image(values, (first, parcels))
        nibabel.save(image, tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize(("unit", "tr"), [("SECOND", 0.8), ("HERTZ", None)])
def test_a_cifti_series_has_names_and_its_repetition_time(cifti, rng, unit, tr):
    bold = rng.normal(size=(7, 5)).astype(np.float32)
    table = read_table(cifti("x.ptseries.nii", bold, (0.8, 7, unit)))
    np.testing.assert_array_equal(table.values, bold)
    assert table.regions == NAMES
    assert table.tr == tr


def test_a_cifti_connectome_has_names_at_both_edges(cifti, matrix):
    table = read_table(cifti("x.pconn.nii", matrix))
    np.testing.assert_allclose(table.values, matrix, rtol=1e-6)  # kept in float32
    assert table.rows == table.columns == NAMES


def test_a_damaged_cifti_file_is_named(cifti, matrix):
    path = cifti("x.pconn.nii", matrix)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"x\.pconn\.nii is damaged or no CIFTI"):
        read_matrix(path)


def test_dense_cifti_files_are_to_be_parcellated(tmp_path):
    (tmp_path / "x.dtseries.nii").write_bytes(b"0")
    with pytest.raises(ValueError, match="cifti-parcellate"):
        read_matrix(tmp_path / "x.dtseries.nii")


@pytest.mark.parametrize("name", ["x.ptseries.nii", "x.mat"])
def test_what_is_not_installed_is_named_with_its_remedy(tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(b"MATLAB 7.3 MAT-file".ljust(200))

    def missing(module):
        raise ImportError(module)

    monkeypatch.setattr(installed, "import_module", missing)
    with pytest.raises(ImportError, match=r'pip install "delssome\[files\]"') as error:
        read_matrix(tmp_path / name)
    assert name in str(error.value)


def test_virtual_brain_has_lengths_by_key_and_no_other(tmp_path, matrix):
    virtual_brain(tmp_path / "x.zip", matrix)
    lengths = read_matrix(tmp_path / "x.zip", "tract_lengths")
    np.testing.assert_allclose(lengths, np.abs(matrix) * 9)
    with pytest.raises(ValueError, match="no array 'speed'; it has weights"):
        read_matrix(tmp_path / "x.zip", "speed")


def test_what_is_masked_is_nan(rng):
    from delssome.datasets.formats.numbers import numeric

    masked = np.ma.masked_array([[1, 2], [3, 4]], [[0, 0], [1, 0]])
    np.testing.assert_array_equal(numeric(masked, "x"), [[1, 2], [np.nan, 4]])


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("owned"),)


class Large:
    """Asks NumPy for an array that no memory holds."""

    def __reduce__(self):
        return np.ndarray, ((10**12,),)


@pytest.mark.parametrize("evil", [Hostile(), Large(), [Hostile()], {"a": "b"}])
def test_pickles_beside_a_matrix_are_not_run(tmp_path, monkeypatch, matrix, evil):
    monkeypatch.chdir(tmp_path)
    labels = np.empty(5, dtype=object)
    labels[:] = [evil] * 5
    np.savez("x.npz", weights=matrix, labels=labels)
    table = read_table("x.npz")
    assert table.regions is None
    np.testing.assert_array_equal(table.values, matrix)
    with pytest.raises(ValueError, match="got objects, which are not read"):
        read_table("x.npz", "labels")
    assert not Path("owned").exists()


def test_a_pickle_in_place_of_an_array_is_not_run(tmp_path, monkeypatch, matrix):
    monkeypatch.chdir(tmp_path)
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "|O", "fortran_order": False, "shape": (5,)}
    )
    content.write(pickle.dumps(Hostile()))
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("labels.npy", content.getvalue())
    with pytest.raises(ValueError, match=r"x\.npz"):
        read_table("x.npz")
    assert not Path("owned").exists()


def lying(shape):
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    return content.getvalue() + bytes(80)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((10**9, 10**9), "GiB, more than"), ((900, 900), "claims 6480000 bytes, it has")],
)
@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_header_that_claims_more_than_there_is_asks_for_no_memory(
    tmp_path, shape, message, name
):
    path = tmp_path / name
    if name == "x.npy":
        path.write_bytes(lying(shape))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("sc.npy", lying(shape))
    with pytest.raises(ValueError, match=message) as error:
        read_matrix(path)
    assert str(path) in str(error.value)


def packed_npz(path, matrix):
    np.savez_compressed(path, sc=np.zeros((600, 600)))


def packed_mat(path, matrix):
    savemat(path, {"sc": np.zeros((600, 600))}, do_compression=True)


def packed_zip(path, matrix):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.txt", "0 " * 10**6)


@pytest.mark.parametrize(
    ("write", "name"),
    [(packed_npz, "x.npz"), (packed_mat, "x.mat"), (packed_zip, "x.zip")],
)
def test_what_grows_too_large_when_unpacked_is_refused(
    tmp_path, monkeypatch, write, name
):
    write(tmp_path / name, None)
    monkeypatch.setattr("delssome.files.read.MAX_BYTES", 2**20)
    with pytest.raises(ValueError, match=rf"{name}.*GiB, more than"):
        read_matrix(tmp_path / name)


def test_a_large_array_of_matlab_73_without_numbers_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("sc", (10**6, 10**6), chunks=(100, 100), dtype="f8")
    content = bytearray(path.read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="GiB, more than"):
        read_matrix(path)


@pytest.mark.filterwarnings("ignore")  # libraries warn of what they cannot read
@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_files_with_bytes_changed_are_read_or_named(tmp_path, matrix, rng, write, name):
    path = tmp_path / name
    write(path, matrix)
    content = path.read_bytes()
    for _ in range(60):
        changed = bytearray(content)
        for place in rng.integers(0, min(len(content), 3000), 6):
            changed[place] = rng.integers(256)
        path.write_bytes(changed[: rng.integers(len(content) // 2, len(content))])
        said = str(path)
        try:
            read_table(path)
        except ValueError as error:
            said = str(error)
        assert str(path) in said


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("write", [qsirecon, structs])
def test_no_byte_of_the_structure_of_a_matlab_file_ends_the_process(
    tmp_path, matrix, write
):
    path = tmp_path / "x.mat"
    write(path, matrix)
    content = path.read_bytes()
    n_named = 0
    for place in range(128, 600, 4):
        for value in (0, 15, 255):
            path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            try:
                read_table(path)
            except ValueError:
                n_named += 1
    assert n_named > 50


def _cells(columns):
    cells = np.empty((1, len(columns)), dtype=object)
    for k, column in enumerate(columns):
        cells[0, k] = column
    return cells


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_time_courses_of_conn_stand_in_cells(tmp_path, rng, version):
    bold, path = (
        rng.standard_normal((30, 5)),
        tmp_path / "ROI_Subject001_Session001.mat",
    )
    columns = [bold[:, [0]], bold[:, 1:3], *(bold[:, [k]] for k in (3, 4))]
    names = ["atlas.a", "White Matter", "atlas.b", "atlas.c"]
    if version == "5":
        savemat(
            path, {"data": _cells(columns), "xyz": np.eye(3), **_names_of_conn(names)}
        )
    else:
        conn_73(path, columns, names)
    table = read_table(path)
    assert table.columns == ("atlas.a", "atlas.b", "atlas.c")
    np.testing.assert_array_equal(table.values, bold[:, [0, 3, 4]])
    assert "White Matter have several time courses" in table.notes[0]


def conn_73(path, columns, names):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        texts = [np.array([[ord(x)] for x in name], dtype=np.uint16) for name in names]
        for key, kind, found in (
            ("data", "double", [column.T for column in columns]),
            ("names", "char", texts),
        ):
            references = []
            for k, values in enumerate(found):
                cell = file.create_dataset(f"#refs#/{key}{k}", data=values)
                cell.attrs["MATLAB_class"] = np.bytes_(kind)
                references.append(cell.ref)
            table = np.array([references], dtype=h5py.ref_dtype)
            cells = file.create_dataset(key, data=table, dtype=h5py.ref_dtype)
            cells.attrs["MATLAB_class"] = np.bytes_("cell")
    content = bytearray(path.read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(content)


def test_correlations_of_conn_are_fishers_z(tmp_path, matrix):
    conn_of_correlations(tmp_path / "x.mat", matrix)
    for key in (None, "Z"):
        table = read_table(tmp_path / "x.mat", key)
        assert table.rows == table.columns == NAMES
        off = ~np.eye(len(matrix), dtype=bool)
        np.testing.assert_allclose(table.values[off], matrix[off] / 10, rtol=1e-12)
        assert "tanh" in table.notes[0]


def gifti(path, *arrays):
    nibabel = pytest.importorskip("nibabel")
    arrays = [nibabel.gifti.GiftiDataArray(x.astype(np.float32)) for x in arrays]
    nibabel.GiftiImage(darrays=arrays).to_filename(path)


def test_a_matrix_of_micapipe_is_read(tmp_path, matrix):
    gifti(tmp_path / "x_full-connectome.shape.gii", matrix)
    table = read_table(tmp_path / "x_full-connectome.shape.gii")
    np.testing.assert_allclose(table.values, matrix, rtol=1e-6)
    gifti(tmp_path / "x.func.gii", matrix[0], matrix[1])
    with pytest.raises(ValueError, match=r"one matrix, of regions, got 2 arrays"):
        read_table(tmp_path / "x.func.gii")
    (tmp_path / "y.gii").write_text("<GIFTI>")
    with pytest.raises(ValueError, match=r"y.gii"):
        read_table(tmp_path / "y.gii")
