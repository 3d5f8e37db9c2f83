import io
from array import array

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]  # It ships no types.
from hypothesis import given
from hypothesis import strategies as st

from onema.speech import g711
from onema.speech.g711 import Law

LAWS = [Law.PCMU, Law.PCMA]
ALL_BYTES = bytes(range(256))
pcm_samples = st.lists(st.integers(-32768, 32767), max_size=400)


def pcm(samples: list[int]) -> bytes:
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)


@pytest.mark.parametrize("law", LAWS)
def test_every_byte_but_the_second_zero_survives_decoding_and_encoding(law: Law) -> None:
    """Mu-law has two bytes for 0; every other byte is the nearest to its own level."""
    back = g711.encode(g711.decode(ALL_BYTES, law), law)
    assert [byte for byte in range(256) if back[byte] != byte] == ([0x7F] if law is Law.PCMU else [])


@given(pcm_samples)
def test_mu_law_is_within_half_of_its_step(samples: list[int]) -> None:
    """G.711: the error is at most a 32nd of the magnitude, and 4 near zero; the top is clipped at 32,635."""
    decoded = array("h", g711.decode(g711.encode(pcm(samples), Law.PCMU), Law.PCMU))
    for sample, heard in zip(samples, decoded, strict=True):
        assert abs(sample - heard) <= max(4, (abs(sample) + 132) / 32, abs(sample) - 32124)


@given(pcm_samples)
def test_a_law_is_within_half_of_its_step(samples: list[int]) -> None:
    """G.711: the error is at most a 32nd of the magnitude, and 8 near zero."""
    decoded = array("h", g711.decode(g711.encode(pcm(samples), Law.PCMA), Law.PCMA))
    for sample, heard in zip(samples, decoded, strict=True):
        assert abs(sample - heard) <= max(8, abs(sample) / 32)


@pytest.mark.parametrize("law", LAWS)
def test_louder_samples_never_decode_quieter(law: Law) -> None:
    """Encoding keeps the order of samples."""
    decoded = array("h", g711.decode(g711.encode(pcm(list(range(-32768, 32768, 7))), law), law))
    assert list(decoded) == sorted(decoded)


@pytest.mark.parametrize(
    ("law", "sample", "byte"),
    [
        (Law.PCMU, 0, 0xFF),
        (Law.PCMU, 32767, 0x80),
        (Law.PCMU, -32768, 0x00),
        (Law.PCMU, 1000, 0xCE),
        (Law.PCMA, 0, 0xD5),
        (Law.PCMA, -1, 0x55),
        (Law.PCMA, 32767, 0xAA),
        (Law.PCMA, -32768, 0x2A),
        (Law.PCMA, 1000, 0xFA),
    ],
)
def test_known_bytes(law: Law, sample: int, byte: int) -> None:
    """Bytes that CPython 3.11's audioop gives for the same samples."""
    assert g711.encode(pcm([sample]), law) == bytes([byte])


ALL_SAMPLES = pcm(list(range(-32768, 32768)))


def libsndfile(law: Law, samples: bytes) -> bytes:
    """Its encoding of 16-bit samples."""
    file = io.BytesIO()
    subtype = {Law.PCMU: "ULAW", Law.PCMA: "ALAW"}[law]
    soundfile.write(file, np.frombuffer(samples, "<i2"), 8000, subtype, "FILE", "RAW")
    return file.getvalue()


def test_mu_law_of_every_sample_is_libsndfiles() -> None:
    """All 65,536 samples, byte for byte."""
    assert g711.encode(ALL_SAMPLES, Law.PCMU) == libsndfile(Law.PCMU, ALL_SAMPLES)


def test_a_law_of_every_sample_is_libsndfiles_but_on_edges() -> None:
    """Tolerated: negative samples that lie exactly between two steps, of which libsndfile takes the louder one and
    we, like G.711's table 1a, the quieter. There are 127 of them, and our byte is never further off.
    """
    levels = g711.levels(Law.PCMA)
    ours, theirs = g711.encode(ALL_SAMPLES, Law.PCMA), libsndfile(Law.PCMA, ALL_SAMPLES)
    differing = [
        (sample, levels[our], levels[their])
        for sample, our, their in zip(range(-32768, 32768), ours, theirs, strict=True)
        if our != their
    ]
    assert len(differing) == 127
    assert all(their < sample < our and our - sample <= sample - their for sample, our, their in differing)


@pytest.mark.parametrize("law", LAWS)
def test_every_byte_means_what_libsndfile_takes_it_for(law: Law) -> None:
    """All 256 levels."""
    subtype = {Law.PCMU: "ULAW", Law.PCMA: "ALAW"}[law]
    decoded, _ = soundfile.read(
        io.BytesIO(ALL_BYTES),
        dtype="int16",
        samplerate=8000,
        channels=1,
        format="RAW",
        subtype=subtype,
        endian="FILE",
    )
    assert decoded.tolist() == list(g711.levels(law))


@given(st.binary(max_size=400))
def test_translating_between_laws_is_decoding_and_encoding(data: bytes) -> None:
    """The short way and the long way give the same bytes."""
    there = g711.translate(data, Law.PCMU, Law.PCMA)
    assert there == g711.encode(g711.decode(data, Law.PCMU), Law.PCMA)
    assert g711.translate(data, Law.PCMU, Law.PCMU) == data


@pytest.mark.parametrize("law", LAWS)
def test_silence_is_the_smallest_level(law: Law) -> None:
    """What fills a gap is not heard."""
    assert abs(g711.levels(law)[law.silence]) == min(map(abs, g711.levels(law)))
