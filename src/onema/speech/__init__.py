"""The spoken code: voices, clips, and 8 kHz G.711 frames joined from them.

Nothing is synthesised while a call is made: `Voices.load()` reads the packs, `speak()` joins their clips.
numpy is imported only where a rate other than 1.0, a recording or the self test needs it.
"""

from onema.speech.clip import Clip
from onema.speech.g711 import Law
from onema.speech.message import SpokenMessage, UnspeakableCodeError, speak
from onema.speech.pack import PackError, Voice
from onema.speech.voices import Voices

__all__ = ["Clip", "Law", "PackError", "SpokenMessage", "UnspeakableCodeError", "Voice", "Voices", "speak"]
