import sys

from onema.channels.voice_sip.engine.running import main

main(int(sys.argv[1]))
