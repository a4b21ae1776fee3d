"""The systems that the benches compare, each loaded in a process of its own that answers requests.

    python bench/systems.py '{"system": "senko", "threads": 2}'

Started by :mod:`workers`, also with the Python of another environment, where the peers are installed: only what a
system needs is imported. Requests and answers are JSON objects, one a line. The first answer is ``{"ready": true}``,
or ``{"missing": "..."}`` where a package is not installed. Loading is not in the ``seconds`` that answers give.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Answer = Callable[[dict[str, Any]], dict[str, Any]]
Clips = list[NDArray[np.float32]]


# Embedding: {"files": [...], "together": n, "out": "vectors.npy"} -> {"seconds": ...}


def embed(threads: int, model: str, precision: Literal["full", "fast"]) -> Answer:
    """Our embedder; it takes all clips at once, whatever ``together`` says."""
    from spk.embed import load_embedder

    embedder = load_embedder(model, precision=precision, threads=threads)
    return _embedding(lambda clips, _: embedder(clips))


def speechbrain(threads: int, folder: str) -> Answer:
    """SpeechBrain's own pipeline as shipped, from a local folder."""
    from spk.embed.torchaudio_shim import ensure_torchaudio

    ensure_torchaudio()
    import torch
    from speechbrain.inference.speaker import EncoderClassifier

    torch.set_num_threads(threads)
    model = EncoderClassifier.from_hparams(folder, savedir=folder, overrides={"pretrained_path": folder})
    if model is None:
        raise RuntimeError(f"SpeechBrain made no model of {folder}")

    def encode(clips: Clips, together: int) -> NDArray[np.float32]:
        vectors = []
        with torch.no_grad():
            for first in range(0, len(clips), together):
                batch = torch.from_numpy(np.stack(clips[first : first + together]))
                vectors.append(model.encode_batch(batch)[:, 0].numpy())
        return np.concatenate(vectors)

    return _embedding(encode)


def _embedding(run: Callable[[Clips, int], NDArray[np.float32]]) -> Answer:
    from spk.audio import load

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        clips = [load(file).samples.copy() for file in request["files"]]
        began = time.perf_counter()
        vectors = run(clips, request.get("together", 1))
        seconds = time.perf_counter() - began
        np.save(request["out"], vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        return {"seconds": seconds}

    return answer


# Diarization: {"file": "talk.wav"}, 16 kHz mono 16-bit -> {"seconds": ..., "turns": [[start, end, label], ...]}


def diarize(threads: int, model: str | None = None) -> Answer:
    """Our diarizer; with ``model`` its windows are embedded by that instead of its own choice."""
    from dataclasses import replace

    from spk.audio import load
    from spk.diarize import load_diarizer
    from spk.embed import load_embedder

    diarizer = load_diarizer(threads=threads)
    if model is not None:
        diarizer = replace(diarizer, embedder=load_embedder(model, precision="fast", threads=threads))

    def run(file: str) -> list[list[Any]]:
        return [[turn.start, turn.end, turn.label] for turn in diarizer(load(file)).turns]

    return _timed(run)


def senko(threads: int) -> Answer:
    """Senko on the CPU, with its defaults."""
    import senko
    import torch

    diarizer = senko.Diarizer(device="cpu", warmup=True, quiet=True)
    diarizer.logical_cores = threads  # it sets torch's threads to this itself, again and again
    torch.set_num_threads(threads)

    def run(file: str) -> list[list[Any]]:
        found = diarizer.diarize(file, generate_colors=False) or {}
        return [[turn["start"], turn["end"], turn["speaker"]] for turn in found.get("merged_segments", [])]

    return _timed(run)


def sherpa(threads: int, segmentation: str, embedding: str) -> Answer:
    """sherpa-onnx's OfflineSpeakerDiarization with its defaults and the models given."""
    import sherpa_onnx as onnx
    import soundfile

    pyannote = onnx.OfflineSpeakerSegmentationPyannoteModelConfig(model=segmentation)
    diarizer = onnx.OfflineSpeakerDiarization(
        onnx.OfflineSpeakerDiarizationConfig(
            segmentation=onnx.OfflineSpeakerSegmentationModelConfig(pyannote=pyannote, num_threads=threads),
            embedding=onnx.SpeakerEmbeddingExtractorConfig(model=embedding, num_threads=threads),
            clustering=onnx.FastClusteringConfig(num_clusters=-1, threshold=0.5),
        )
    )

    def run(file: str) -> list[list[Any]]:
        samples, _ = soundfile.read(file, dtype="float32")
        turns = diarizer.process(samples).sort_by_start_time()
        return [[turn.start, turn.end, f"speaker{turn.speaker}"] for turn in turns]

    return _timed(run)


def _timed(run: Callable[[str], list[list[Any]]]) -> Answer:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        began = time.perf_counter()
        turns = run(request["file"])
        return {"seconds": time.perf_counter() - began, "turns": turns}

    return answer


SYSTEMS = {"embed": embed, "speechbrain": speechbrain, "diarize": diarize, "senko": senko, "sherpa": sherpa}


def main() -> None:
    settings = json.loads(sys.argv[1])
    threads = settings["threads"]
    os.environ["OMP_NUM_THREADS"] = str(threads)
    # Some systems keep threads of their own beside those they are told of: nobody gets more than so many cores.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    try:
        system = SYSTEMS[settings.pop("system")](**settings)
    except ImportError as error:
        say({"missing": str(error)})
        return
    say({"ready": True})
    for line in sys.stdin:
        say(system(json.loads(line)))


if __name__ == "__main__":
    main()
