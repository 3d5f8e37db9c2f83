"""pjsua2 (PyPI's pjsua2-python) as a phone that answers, presses 55#, and records what it hears into a WAV file.

Arguments: port, WAV file, and `srtp` to take no call without. Tells on standard output, a JSON object a line:
listening, answered, key, ended.
"""

import json
import sys

import pjsua2 as pj


def tell(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


class PhoneCall(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    def onCallState(self, prm: object) -> None:  # noqa: N802  # pjsua2's name
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            recorders.clear()
            tell("ended", why=info.lastReason)

    def onCallMediaState(self, prm: object) -> None:  # noqa: N802  # pjsua2's name
        # What is read of a CallInfo that nobody holds any more is freed memory.
        info = self.getInfo()
        for index, media in enumerate(info.media):
            if (
                media.type == pj.PJMEDIA_TYPE_AUDIO
                and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE
                and not recorders
            ):
                recorder = pj.AudioMediaRecorder()
                recorder.createRecorder(recording)
                self.getAudioMedia(index).startTransmit(recorder)
                recorders.append(recorder)
                tell("answered")
                self.dialDtmf("55#")

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802  # pjsua2's name
        tell("key", key=prm.digit)


class PhoneAccount(pj.Account):  # type: ignore[misc]  # the same
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802  # pjsua2's name
        call = PhoneCall(self, prm.callId)
        calls.append(call)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        call.answer(answer)


port, recording, wants_srtp = int(sys.argv[1]), sys.argv[2], "srtp" in sys.argv[3:]
calls: list[PhoneCall] = []
recorders: list[pj.AudioMediaRecorder] = []
endpoint = pj.Endpoint()
endpoint.libCreate()
settings = pj.EpConfig()
settings.logConfig.level = 0
settings.logConfig.consoleLevel = 0
settings.medConfig.clockRate = 8000
settings.medConfig.sndClockRate = 8000
settings.uaConfig.threadCnt = 0
settings.uaConfig.mainThreadOnly = True
endpoint.libInit(settings)
transport = pj.TransportConfig()
transport.port = port
transport.boundAddress = "127.0.0.1"
endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
endpoint.libStart()
endpoint.audDevManager().setNullDev()
account = pj.AccountConfig()
account.idUri = f"sip:phone@127.0.0.1:{port}"
account.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
if wants_srtp:
    account.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY
    # Its keys may come over UDP: there is no wire here.
    account.mediaConfig.srtpSecureSignaling = 0
phone = PhoneAccount()
phone.create(account)
tell("listening")
while True:
    endpoint.libHandleEvents(10)
