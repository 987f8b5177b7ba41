"""The engines that are timed restore the same pixels."""

from benchmarks.tools.runtime_speed import crops, disagreement, engines, speeds


def test_engines_agree_and_each_is_timed() -> None:
    images = crops(5)
    assert {image.shape for image in images} == {(16, 16, 3)}
    compared = engines("gflmser", 1)
    pixels = disagreement(compared, images)
    assert max(pixels["ours_most"], pixels["onnxruntime_most"]) <= 1
    rows = [one.as_row() for one in speeds(compared, images, threads=1, batch=2, repeats=2)]
    assert [row["engine"] for row in rows] == ["ours", "torch", "onnxruntime"]
    assert all(float(str(row["crops_per_s"])) > 0 for row in rows)
