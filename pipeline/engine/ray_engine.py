"""The same stages on a Ray cluster: Ray Data streams the images through two pools of actors."""

import os
import pickle
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from data.errors import ModelError, OutputError, SrPipelineError
from pipeline.engine.job import (
    Finished,
    Item,
    Job,
    enlarge_items,
    finish_or_error,
    looked_at,
    read_item,
)
from pipeline.engine.run import Groups, Numbered, RunOptions

_CHUNK: Final = 4096
"""Sources that are handed to Ray at once: the listing itself never has to fit into memory."""

Batch = dict[str, Any]


def run_ray(job: Job, todo: Iterator[Numbered], options: RunOptions) -> Groups:
    """Yield groups of finished images, computed by Ray's actors.

    Uses the cluster that RAY_ADDRESS names, else starts a local one with `options.workers` CPUs.
    Raises ModelError when Ray is not installed.
    """
    ray = _import_ray()
    started = not ray.is_initialized()
    if started:
        _start(ray, options)
    try:
        while chunk := [numbered for numbered, _ in zip(todo, range(_CHUNK), strict=False)]:
            yield from _run_chunk(ray, job, chunk, options)
    finally:
        if started:
            ray.shutdown()


def _import_ray() -> Any:  # noqa: ANN401 - ray is optional and untyped here
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ModelError(
            f"--engine ray needs Ray ({error}): pip install 'sr-pipeline[ray]'"
        ) from error
    return ray


def _start(ray: Any, options: RunOptions) -> None:  # noqa: ANN401
    local = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": max(2, options.workers)}
    ray.init(log_to_driver=False, logging_level="error", include_dashboard=False, **local)
    ray.data.DataContext.get_current().enable_progress_bars = False


def _run_chunk(ray: Any, job: Job, chunk: list[Numbered], options: RunOptions) -> Groups:  # noqa: ANN401
    dataset = ray.data.from_items([{"blob": pickle.dumps(numbered)} for numbered in chunk])
    enlarged = dataset.map_batches(
        EnlargeActor, fn_constructor_args=(job,), batch_size=options.batch_size, concurrency=1
    )
    done = enlarged.map_batches(
        FinishActor,
        fn_constructor_args=(job,),
        batch_size=8,
        concurrency=max(1, options.workers - 1),
    )
    for batch in done.iter_batches(batch_size=64, batch_format="numpy"):
        ended = [pickle.loads(blob) for blob in batch["blob"]]
        yield [one for one in ended if isinstance(one, Finished)]
        # Only now: what is finished beside it has been handed over.
        for one in ended:
            if isinstance(one, SrPipelineError):
                raise one


class EnlargeActor:
    """Stages 1 and 2 in one actor: reads the images and owns the upscaler (and the GPU)."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self, batch: Batch) -> Batch:
        """Turn pickled `(position, source)` into pickled items or finished error rows."""
        numbered = [pickle.loads(blob) for blob in batch["blob"]]
        read = [read_item(self._job, source, position) for position, source in numbered]
        items = [one for one in read if isinstance(one, Item)]
        failed = [one for one in read if isinstance(one, Finished)]
        try:
            return _blobs([*(enlarge_items(self._job, items) if items else []), *failed])
        except (ModelError, OutputError) as error:
            return _blobs([*failed, error])


class FinishActor:
    """Stage 3: detection, measures and writing."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self, batch: Batch) -> Batch:
        """Turn pickled items into pickled finished images; what has ended passes through."""
        every = [pickle.loads(blob) for blob in batch["blob"]]
        ended = [one for one in every if not isinstance(one, Item)]
        try:
            items = looked_at(self._job, [one for one in every if isinstance(one, Item)])
        except (ModelError, OutputError) as error:
            return _blobs([*ended, error])
        return _blobs([*ended, *(finish_or_error(self._job, item) for item in items)])


def _blobs(objects: list[Any]) -> Batch:
    blobs = np.empty(len(objects), dtype=object)
    blobs[:] = [pickle.dumps(one) for one in objects]
    return {"blob": blobs}
