import hashlib

HOST = "127.0.0.9"
"""Where the far ends are: nobody else has ports there."""
FRAME = 160
SILENCE = b"\xff" * FRAME


def digest(audio: bytes) -> str:
    """Of what is between the silence at both ends, frame by frame."""
    frames = [audio[at : at + FRAME] for at in range(0, len(audio), FRAME)]
    while frames and frames[-1] == SILENCE:
        frames.pop()
    first = next((number for number, frame in enumerate(frames) if frame != SILENCE), len(frames))
    return hashlib.sha256(b"".join(frames[first:])).hexdigest()
