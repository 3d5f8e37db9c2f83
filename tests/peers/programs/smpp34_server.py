"""An SMSC on smpp34's server. Run as `python smpp34_server.py PORT`; README.md beside this folder has what it does."""

import asyncio
import json
import os
import sys

import smpp34
from smpp34 import _smpp34 as names  # what the package takes out of it at run time, no type checker sees

RECEIPT = 0x04


def tell(event: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


async def receipt(esme: smpp34.Esme, submit: smpp34.SubmitSmEvent, identifier: str) -> None:
    failed = submit.destination_addr.endswith("2")
    stat, state, err = ("UNDELIV", 5, "0A1") if failed else ("DELIVRD", 2, "000")
    text = f"id:{identifier} sub:001 dlvrd:001 submit date:2611281800 done date:2611281801 stat:{stat} err:{err} text:"
    answer = await esme.deliver_sm(
        submit.source_addr,
        text.encode("ascii"),
        source_addr=submit.destination_addr,
        esm_class=RECEIPT,
        tlvs=[
            smpp34.Tlv(names.TLV_RECEIPTED_MESSAGE_ID, identifier.encode("ascii") + b"\0"),
            smpp34.Tlv(names.TLV_MESSAGE_STATE, bytes([state])),
        ],
    )
    tell("acknowledged", status=answer.command_status)


async def serve(port: int) -> None:
    server = smpp34.Server("127.0.0.1", port, system_id="rust")
    await server.start()
    tell("listening")
    esmes: dict[str, smpp34.Esme] = {}
    tasks: set[asyncio.Task[None]] = set()
    submits = 0
    while True:
        event = await server.next()
        if isinstance(event, smpp34.Esme):
            esmes[event.session_id] = event
            tell("bound", system_id=event.system_id)
        elif isinstance(event, smpp34.Unbound):
            esmes.pop(event.session_id, None)
            tell("unbound")
        elif event.destination_addr.endswith("3"):
            event.reject(names.ESME_RINVDSTADR)
        else:
            submits += 1
            identifier = f"{submits:08X}"
            sar = {
                tlv.tag: int.from_bytes(tlv.value, "big")
                for tlv in event.tlvs
                if tlv.tag in (0x20C, 0x20E, 0x20F)
            }
            payload = [tlv.value for tlv in event.tlvs if tlv.tag == names.TLV_MESSAGE_PAYLOAD]
            tell(
                "submitted",
                id=identifier,
                octets=(payload[0] if payload else event.short_message).hex(),
                **{"from": [event.source_addr_ton, event.source_addr_npi, event.source_addr]},
                to=[event.dest_addr_ton, event.dest_addr_npi, event.destination_addr],
                esm_class=event.esm_class,
                data_coding=event.data_coding,
                registered_delivery=event.registered_delivery,
                sar=[sar[tag] for tag in sorted(sar)],
            )
            event.accept(identifier)
            if event.registered_delivery and not event.destination_addr.endswith("5"):
                task = asyncio.ensure_future(receipt(esmes[event.session_id], event, identifier))
                tasks.add(task)
                task.add_done_callback(tasks.discard)


try:
    asyncio.run(serve(int(sys.argv[1])))
finally:
    # It crashes in some of its ends of the interpreter.
    os._exit(0)
